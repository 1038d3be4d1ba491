// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui

// Only where homes lie from before the system was made anew: whoever has the password of one is back in it, others make an account of their own.
FirstPage {
    id: page

    readonly property bool returns: start.returning !== ""

    question: i18n("Welcome back")
    sentence: i18n("Homes of people who used this computer before were kept. Is one of them yours?")
    canContinue: start.isNew || (returns && password.text !== "" && !start.opening)
    firstFocus: returns ? password.input : start.isNew ? fresh : cards.count > 0 ? cards.itemAt(0) : fresh
    goesOn: false
    onProceed: {
        if (start.isNew)
            window.next();
        else
            start.openHome(password.text);
    }
    Component.onCompleted: {
        if (returns)
            password.text = start.account.password;
        else if (!start.isNew && start.homes.length === 1)
            Qt.callLater(takeOnly); // which steps there are changes by it, and the window is just going to this one
    }
    // One home is most likely whose computer this is.
    function takeOnly(): void {
        if (start.isNew || returns)
            return;
        start.returning = start.homes[0].userName;
        window.focusFirst();
    }
    Connections {
        target: start
        function onHomeOpened(): void {
            window.next();
        }
        function onOpeningChanged(): void {
            if (start.openingProblem.isSet)
                Qt.callLater(() => {
                    password.input.forceActiveFocus(Qt.TabFocusReason);
                    password.input.selectAll();
                });
        }
    }

    Repeater {
        id: cards
        model: start.homes
        ChoiceCard {
            required property var modelData
            objectName: "home:" + modelData.userName
            text: modelData.userName
            line: !modelData.isEncrypted ? i18n("A home in a folder")
                : modelData.size === "" ? i18n("An encrypted home") : i18nc("size of a home", "An encrypted home, %1", modelData.size)
            iconName: modelData.isEncrypted ? "folder-encrypted" : "user-home"
            selected: start.returning === modelData.userName
            onChosen: {
                password.text = "";
                start.returning = modelData.userName;
            }
            onAccepted: password.input.forceActiveFocus(Qt.TabFocusReason)
        }
    }
    ChoiceCard {
        id: fresh
        objectName: "home:new"
        text: i18n("Make a new account")
        line: i18n("The homes stay as they are. Who has their passwords can be let in later.")
        iconName: "list-add-user"
        selected: start.isNew
        onChosen: {
            password.text = "";
            start.isNew = true;
        }
        onAccepted: window.goOn()
    }
    Field {
        id: password
        objectName: "homePassword"
        visible: page.returns
        label: i18n("Password of %1, as it was", start.returning)
        keyboard: start.typedOn
        maximumLength: 120 // the helper takes 512 bytes
        note: i18n("The recovery key of this home opens it as well.")
        problem: !start.openingProblem.isSet ? ""
            : start.openingProblem.code === "permission" ? i18n("This password does not open it.")
            : [start.openingProblem.what, start.openingProblem.why, start.openingProblem.todo].filter(part => part !== "").join(". ")
        input.echoMode: show.checked ? TextInput.Normal : TextInput.Password
        input.inputMethodHints: Qt.ImhHiddenText | Qt.ImhSensitiveData | Qt.ImhNoPredictiveText | Qt.ImhNoAutoUppercase
        onEdited: start.forgetOpening()
        onAccepted: window.goOn()
        Layout.topMargin: Kirigami.Units.largeSpacing
    }
    QQC2.CheckBox {
        id: show
        objectName: "show"
        visible: page.returns
        text: i18n("Show the password")
    }
    Kirigami.InlineMessage {
        objectName: "capsLock"
        visible: password.input.activeFocus && password.input.capsLock
        type: Kirigami.MessageType.Warning
        text: i18n("Caps Lock is on.")
        Layout.fillWidth: true
        Accessible.name: text
    }
    QQC2.BusyIndicator {
        visible: start.opening
        Layout.alignment: Qt.AlignHCenter
        Accessible.name: i18n("Opening the home")
    }
    Item { Layout.fillHeight: true }
}
