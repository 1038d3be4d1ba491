// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.installer

// Which network to use. Never in the way: everything installs without one.
SetupPage {
    id: page

    readonly property bool installs: (setup as Installation) !== null
    readonly property Network network: setup.network
    readonly property bool isConnected: network.wired || network.joined !== ""

    question: i18n("Which network do you use?")
    sentence: network.wired ? i18n("Connected by cable: there is nothing to do here.")
            : network.joined !== "" ? i18n("Connected to “%1”.", network.joined)
            : installs ? i18n("%1 can be installed without one. Updates need it later.", setup.system) : i18n("You can begin without one. Updates need it later.")
    verb: isConnected ? i18n("Continue") : i18n("Continue without network")
    firstFocus: cards.focusTarget() ?? (switchOn.visible ? switchOn : null)

    Component.onCompleted: {
        network.forgetFailure();
        network.watch();
        Qt.callLater(window.focusFirst);
    }
    Connections {
        target: page.network
        function onChanged(): void {
            if (page.network.failed !== "" && !password.visible && page.network.failed === password.name && password.asks)
                password.open();
        }
    }

    Notice {
        objectName: "wired"
        visible: page.network.wired && page.network.state !== Network.Listed
        iconName: "network-wired"
        title: i18n("Connected by cable")
    }
    Notice {
        objectName: "noNetwork"
        visible: !page.network.wired && (page.network.state === Network.Absent || page.network.state === Network.NoWireless)
        iconName: "network-wired"
        title: page.network.state === Network.Absent ? i18n("The network cannot be set up from here") : i18n("There is no Wi-Fi in this computer")
        text: page.network.state === Network.Absent ? installs ? i18n("Nothing is lost: set it up once %1 is installed.", setup.system) : i18n("Nothing is lost: set it up once you have signed in.")
                                                    : i18n("Plug a network cable in, or go on without one.")
    }
    Notice {
        objectName: "wirelessOff"
        visible: !page.network.wired && (page.network.state === Network.Off || page.network.state === Network.Blocked)
        iconName: "network-wireless-off"
        title: i18n("Wi-Fi is switched off")
        text: page.network.state === Network.Blocked ? i18n("A key or a switch of this computer does that, often a key with an aeroplane on it.") : ""
    }
    QQC2.Button {
        id: switchOn
        objectName: "switchOn"
        text: i18n("Switch Wi-Fi on")
        icon.name: "network-wireless-on"
        visible: !page.network.wired && page.network.state === Network.Off
        Layout.alignment: Qt.AlignHCenter
        onClicked: page.network.switchOn()
    }
    RowLayout {
        visible: page.network.state === Network.Listed && page.network.count === 0
        spacing: Kirigami.Units.largeSpacing
        Layout.fillWidth: false
        Layout.alignment: Qt.AlignHCenter
        Layout.topMargin: Kirigami.Units.gridUnit * 2
        QQC2.BusyIndicator { Accessible.ignored: true }
        QQC2.Label {
            objectName: "looking"
            text: i18n("Looking for networks…")
        }
    }
    Kirigami.InlineMessage {
        objectName: "failure"
        visible: page.network.failure !== "" && !password.visible
        type: Kirigami.MessageType.Warning
        text: page.network.failure
        Layout.fillWidth: true
        Accessible.name: text
    }
    Repeater {
        id: cards
        model: page.network
        function focusTarget(): Item {
            for (let i = 0; i < count; ++i) {
                if (itemAt(i)?.selected)
                    return itemAt(i);
            }
            return itemAt(0);
        }
        ChoiceCard {
            required property string name
            required property bool asks
            required property int least
            required line
            required reason
            required iconName
            objectName: "network:" + name
            text: name
            selected: name === (page.network.joining !== "" ? page.network.joining : page.network.joined)
            followsArrows: false
            onAccepted: window.goOn()
            onChosen: {
                if (page.network.joining !== "")
                    return;
                page.network.forgetFailure();
                password.ask(name, asks, least);
            }
        }
    }
    Item { Layout.fillHeight: true }

    Kirigami.PromptDialog {
        id: password
        objectName: "passwordDialog"

        property string name
        property bool asks
        property int least: 1

        function ask(network: string, needed: bool, length: int): void {
            name = network;
            asks = needed;
            least = length;
            field.clear();
            if (asks)
                open();
            else
                page.network.join(name, "");
        }
        function join(): void {
            if (field.length < least)
                return;
            close();
            page.network.join(name, field.text);
        }

        title: i18n("Password of “%1”", name)
        standardButtons: Kirigami.Dialog.NoButton
        padding: Kirigami.Units.gridUnit
        contentLeftPadding: 0
        contentRightPadding: 0
        preferredWidth: Math.min(page.width - Kirigami.Units.gridUnit * 2, Kirigami.Units.gridUnit * 24)
        onAboutToShow: {
            // What cannot be seen cannot be corrected.
            if (!show.checked)
                field.clear();
        }
        onOpened: field.forceActiveFocus(Qt.TabFocusReason)
        ColumnLayout {
            spacing: Kirigami.Units.largeSpacing
            Kirigami.InlineMessage {
                objectName: "wrong"
                visible: page.network.failure !== "" && page.network.failed === password.name
                type: Kirigami.MessageType.Warning
                text: page.network.failure
                Layout.fillWidth: true
                Accessible.name: text
            }
            TryOutField {
                id: field
                objectName: "password"
                keyboard: setup.keyboards.current
                placeholder: i18n("Password")
                Accessible.name: placeholder
                maximumLength: 64
                echoMode: show.checked ? TextInput.Normal : TextInput.Password
                inputMethodHints: Qt.ImhHiddenText | Qt.ImhNoPredictiveText | Qt.ImhNoAutoUppercase
                onAccepted: password.join()
                Layout.fillWidth: true
            }
            QQC2.CheckBox {
                id: show
                objectName: "show"
                text: i18n("Show the password")
            }
        }
        footer: QQC2.Control {
            padding: Kirigami.Units.gridUnit
            leftPadding: padding
            rightPadding: padding
            topPadding: 0
            contentItem: Flow {
                spacing: Kirigami.Units.largeSpacing
                layoutDirection: Qt.RightToLeft
                QQC2.Button {
                    objectName: "join"
                    text: i18n("Connect")
                    icon.name: "network-connect"
                    enabled: field.length >= password.least
                    onClicked: password.join()
                }
                QQC2.Button {
                    objectName: "notNow"
                    text: i18n("Cancel")
                    onClicked: password.close()
                }
            }
        }
    }
}
