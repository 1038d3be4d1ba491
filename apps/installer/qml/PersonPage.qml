// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.installer

FirstPage {
    id: page

    readonly property Account account: start.account

    question: i18n("Who uses this computer?")
    sentence: i18n("This first account also looks after the computer. Others can be added later.")
    canContinue: account.isNamed
    firstFocus: realName.input
    Component.onCompleted: {
        realName.text = account.realName;
        userName.text = account.userName;
    }
    Connections {
        target: page.account
        // The suggestion follows the name.
        function onNameChanged(): void {
            if (userName.text !== page.account.userName)
                userName.text = page.account.userName;
        }
    }

    Portrait {
        account: page.account
        canChoose: !window.kiosk
        Layout.alignment: Qt.AlignHCenter
    }
    Field {
        id: realName
        objectName: "realName"
        label: i18n("Your name")
        keyboard: start.typedOn
        maximumLength: 60 // a record takes 256 bytes
        validator: RegularExpressionValidator { regularExpression: /[^:\x00-\x1f]*/ }
        onEdited: page.account.realName = text
        onAccepted: userName.input.forceActiveFocus(Qt.TabFocusReason)
    }
    Field {
        id: userName
        objectName: "userName"
        label: i18n("Name for signing in")
        note: i18n("Short, and the name of your folder. It stays when your own name changes.")
        problem: page.account.realName === "" && text === "" ? "" : page.account.userNameProblem
        keyboard: start.typedOn
        maximumLength: 31
        leftToRight: true
        onEdited: page.account.userName = text
        onAccepted: window.goOn()
    }
    Item { Layout.fillHeight: true }
}
