// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.installer

InstallerPage {
    id: page

    readonly property Way way: installation.way
    readonly property string system: installation.machine.system

    question: i18n("How should %1 be installed?", system)
    sentence: installation.disks.chosenName
    canContinue: way.state === Way.Planned
    firstFocus: chosenCard() ?? null

    function chosenCard(): Item {
        for (let i = 0; i < cards.count; ++i) {
            if (cards.itemAt(i)?.selected)
                return cards.itemAt(i);
        }
        return null;
    }
    function title(mode: string): string {
        switch (mode) {
        case "reinstall": return i18n("Install %1 anew, keep people’s files", system);
        case "beside": return i18n("Beside what is there");
        default: return i18n("Use the whole disk");
        }
    }
    function line(mode: string): string {
        switch (mode) {
        case "reinstall": return i18n("The system and its settings are made new. Homes stay, and open as before.");
        case "beside": return i18n("Only free space is used. What is there stays, and starts as before.");
        default: return i18n("Everything that is on the disk is erased.");
        }
    }

    Repeater {
        id: cards
        model: page.way.modes
        ChoiceCard {
            required property var modelData
            readonly property string mode: modelData.mode
            readonly property bool needsRoom: modelData.refusal.isSet && modelData.refusal.code === "no-space" && mode === "beside"
            objectName: "mode:" + mode
            text: page.title(mode)
            readonly property bool keepsNoHome: modelData.refusal.isSet && mode === "reinstall"
            line: needsRoom ? i18n("There is not enough free space yet. See how to make room.") : page.line(mode)
            reason: !modelData.refusal.isSet || needsRoom ? ""
                  : keepsNoHome ? i18nc("what is wrong: why. What helps", "%1: %2. %3", modelData.refusal.what, modelData.refusal.why, modelData.refusal.todo) : modelData.refusal.what
            iconName: mode === "erase" ? "edit-delete" : mode === "beside" ? "view-split-left-right" : "view-refresh"
            selected: page.way.mode === mode
            onAccepted: window.goOn()
            onChosen: {
                if (needsRoom)
                    window.makesRoom = true;
                else
                    page.way.mode = mode;
            }
        }
    }

    BitLockerNote { installation: page.installation }
    ColumnLayout {
        visible: page.way.state === Way.Planned
        spacing: Kirigami.Units.gridUnit
        Layout.fillWidth: true
        Layout.topMargin: Kirigami.Units.largeSpacing
        DiskBar {
            objectName: "barNow"
            title: i18nc("the disk as it is", "Now")
            segments: page.way.now
        }
        DiskBar {
            objectName: "barAfter"
            title: i18nc("the disk after the installation", "Afterwards")
            segments: page.way.after
            compares: true
        }
        Details { text: page.way.details }
    }
    QQC2.BusyIndicator {
        visible: page.way.state === Way.Planning
        Layout.alignment: Qt.AlignHCenter
        Accessible.name: i18n("Planning")
    }
    Notice {
        objectName: "planRefused"
        visible: page.way.state === Way.Refused
        iconName: "dialog-warning"
        title: page.way.problem.what
        text: [page.way.problem.why, page.way.problem.todo].filter(part => part !== "").join(". ")
    }
    Notice {
        objectName: "noWay"
        visible: page.way.modes.every(each => each.refusal.isSet)
        iconName: "dialog-warning"
        title: i18n("Nothing can be installed on this disk as it is")
        text: page.way.modes.map(each => i18nc("way to install: why not", "%1: %2", page.title(each.mode), [each.refusal.what, each.refusal.why].filter(part => part !== "").join(", "))).join("\n")
    }
    Item { Layout.fillHeight: true }
}
