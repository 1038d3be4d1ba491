// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui

InstallerPage {
    id: page

    question: i18n("How your files are protected")
    sentence: i18n("The disk is always encrypted. What should unlock it?")
    firstFocus: cards.focused

    Repeater {
        id: cards
        readonly property Item focused: {
            for (let i = 0; i < count; ++i) {
                if (itemAt(i)?.selected)
                    return itemAt(i);
            }
            return null;
        }
        model: installation.machine.protections
        ChoiceCard {
            required property var modelData
            required property int index
            objectName: "protection:" + modelData.id
            text: modelData.title
            line: modelData.line
            reason: modelData.why
            iconName: modelData.icon
            selected: installation.machine.protection === modelData.id
            onChosen: installation.machine.protection = modelData.id
            onAccepted: window.goOn()
        }
    }
    QQC2.Button {
        objectName: "again"
        text: i18n("Check again")
        icon.name: "view-refresh"
        visible: installation.machine.isKnown && installation.machine.protections[0].id === "passphrase"
        Layout.alignment: Qt.AlignHCenter
        onClicked: installation.machine.refresh()
    }
    ChoiceCard {
        readonly property var state: installation.machine.secureBoot
        objectName: "secureBoot"
        visible: text !== ""
        text: state.title ?? ""
        line: state.line ?? ""
        iconName: state.icon ?? ""
        selectable: false
        Layout.topMargin: Kirigami.Units.gridUnit
    }
    ChoiceCard {
        objectName: "prepareSecureBoot"
        visible: installation.machine.couldPrepare
        toggles: true
        text: i18n("Prepare Secure Boot, to switch it on later")
        line: i18n("At the restart a blue screen asks for a code, which is shown here at the end. Without that, %1 would not start with Secure Boot on.", installation.machine.system)
        iconName: "security-medium"
        selected: installation.machine.preparing
        onChosen: installation.machine.preparing = !selected
        onAccepted: window.goOn()
    }
    Item { Layout.fillHeight: true }
}
