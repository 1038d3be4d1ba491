// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.installer

FirstPage {
    id: page

    readonly property Account account: start.account
    readonly property bool isEncrypted: start.kind === "encrypted"

    question: i18n("Choose a password")
    sentence: isEncrypted ? i18n("It signs you in and opens your files. Nobody reads them without it, not even who repairs this computer.") : i18n("It signs you in.")
    canContinue: account.isLocked
    firstFocus: password.input
    Component.onCompleted: {
        password.text = account.password;
        repeated.text = account.repeated;
    }

    Field {
        id: password
        objectName: "password"
        label: i18n("Password")
        keyboard: start.typedOn
        maximumLength: 120 // the helper takes 512 bytes
        problem: page.account.passwordProblem
        note: page.account.password === "" ? i18n("Three or four words that nobody says together make a good one.") : ""
        input.echoMode: show.checked ? TextInput.Normal : TextInput.Password
        input.inputMethodHints: Qt.ImhHiddenText | Qt.ImhSensitiveData | Qt.ImhNoPredictiveText | Qt.ImhNoAutoUppercase
        onEdited: page.account.password = text
        onAccepted: repeated.input.forceActiveFocus(Qt.TabFocusReason)
    }
    StrengthBar {
        visible: page.account.password !== ""
        strength: page.account.strength
        words: page.account.strengthInWords
    }
    Field {
        id: repeated
        objectName: "repeated"
        label: i18n("Password, once more")
        keyboard: start.typedOn
        maximumLength: 120
        problem: page.account.differs || (page.account.repeated !== "" && !input.activeFocus && page.account.repeated !== page.account.password) ? i18n("This is another one than above.") : ""
        input.echoMode: show.checked ? TextInput.Normal : TextInput.Password
        input.inputMethodHints: Qt.ImhHiddenText | Qt.ImhSensitiveData | Qt.ImhNoPredictiveText | Qt.ImhNoAutoUppercase
        onEdited: page.account.repeated = text
        onAccepted: window.goOn()
    }
    QQC2.CheckBox {
        id: show
        objectName: "show"
        text: i18n("Show the password")
    }
    Kirigami.InlineMessage {
        objectName: "capsLock"
        visible: (password.input.activeFocus && password.input.capsLock) || (repeated.input.activeFocus && repeated.input.capsLock)
        type: Kirigami.MessageType.Warning
        text: i18n("Caps Lock is on.")
        Layout.fillWidth: true
        Accessible.name: text
    }
    Kirigami.InlineMessage {
        objectName: "layoutDiffers"
        visible: start.layoutDiffers
        type: Kirigami.MessageType.Information
        text: start.typesAmericanAtStart ? i18n("What this computer asks for when it starts is typed on an American keyboard. This password is typed on the one that you chose: %1.", start.keyboards.currentTitle)
                                         : i18n("What this computer asks for when it starts is typed on the keyboard that was chosen before. This password is typed on the new one: %1.", start.keyboards.currentTitle)
        Layout.fillWidth: true
        Accessible.name: text
    }
    ChoiceCard {
        objectName: "home"
        selectable: false
        iconName: page.isEncrypted ? "folder-encrypted" : "user-home"
        text: page.isEncrypted ? i18n("Your home is encrypted by this password") : i18n("An ordinary account")
        line: !page.isEncrypted ? i18n("Your files lie in a folder of this computer’s disk.")
            : start.homeSize === "" ? i18n("It opens when you sign in.") : i18n("It opens when you sign in, and has room for %1.", start.homeSize)
        Layout.topMargin: Kirigami.Units.largeSpacing
    }
    Item { Layout.fillHeight: true }
}
