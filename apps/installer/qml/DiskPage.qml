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

    readonly property bool isEmpty: installation.disks.state === Disks.Listed && installation.disks.count === 0

    question: i18n("Where should %1 live?", installation.machine.system)
    sentence: isEmpty ? "" : i18n("Nothing is changed yet. The stick that you started from is not in the list.")
    canContinue: installation.disks.chosen !== ""
    firstFocus: cards.focusTarget() ?? (again.visible ? again : null)

    Connections {
        target: installation.disks
        function onChanged(): void {
            Qt.callLater(window.focusFirst);
        }
    }

    Kirigami.InlineMessage {
        objectName: "lost"
        visible: window.lost !== ""
        type: Kirigami.MessageType.Warning
        text: window.lost
        Layout.fillWidth: true
        Accessible.name: text
    }
    RowLayout {
        visible: installation.disks.state === Disks.Looking
        spacing: Kirigami.Units.largeSpacing
        Layout.fillWidth: false
        Layout.alignment: Qt.AlignHCenter
        Layout.topMargin: Kirigami.Units.gridUnit * 2
        QQC2.BusyIndicator { Accessible.ignored: true }
        QQC2.Label {
            objectName: "looking"
            text: i18n("Looking for disks…")
        }
    }
    Notice {
        objectName: "noDisk"
        visible: page.isEmpty
        iconName: "drive-harddisk"
        title: i18n("No disk was found")
        text: i18n("Connect one, and it appears here. If this computer has a disk that is missing: many laptops hide theirs in a mode called RST, VMD or RAID. "
                 + "Switch it to AHCI or NVMe in the firmware’s settings. A Windows that is on it must be prepared for that first.")
    }
    Notice {
        objectName: "listFailed"
        visible: installation.disks.state === Disks.Failed
        iconName: "dialog-warning"
        title: installation.disks.problem.what
        text: [installation.disks.problem.why, installation.disks.problem.todo].filter(part => part !== "").join(". ")
    }
    Repeater {
        id: cards
        model: installation.disks
        function focusTarget(): Item {
            let first = null;
            for (let i = 0; i < count; ++i) {
                const card = itemAt(i);
                if (card?.selected)
                    return card;
                if (!first && card && !card.isRefused)
                    first = card;
            }
            return first;
        }
        ChoiceCard {
            required property string token
            required property string name
            required property string size
            required property string content
            required property string busName
            required property string device
            required property problem refusal
            required iconName
            objectName: "disk:" + device
            text: name
            note: size
            line: busName === "" ? content : i18nc("what is on a disk, how it is connected", "%1 · %2", content, busName)
            reason: refusal.isSet ? (refusal.why === "" ? refusal.what : i18nc("what is wrong with a disk: why", "%1: %2", refusal.what, refusal.why)) : ""
            selected: installation.disks.chosen === token
            onAccepted: window.goOn()
            onChosen: installation.disks.chosen = token
        }
    }
    QQC2.Button {
        id: again
        objectName: "again"
        text: i18n("Check again")
        icon.name: "view-refresh"
        visible: page.isEmpty || installation.disks.state === Disks.Failed || (installation.disks.state === Disks.Listed && installation.disks.chosen === "" && cards.focusTarget() === null)
        Layout.alignment: Qt.AlignHCenter
        onClicked: installation.disks.refresh()
    }
    Item { Layout.fillHeight: true }
}
