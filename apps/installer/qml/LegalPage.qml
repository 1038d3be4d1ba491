// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// The terms of who made this computer. They are the maker's words, shown as they are.
FirstPage {
    id: page

    question: start.oem.name !== "" ? i18n("The terms of %1", start.oem.name) : i18n("Terms of use")
    canContinue: start.oem.accepted
    firstFocus: accept

    QQC2.ScrollView {
        Layout.fillWidth: true
        Layout.fillHeight: true
        Layout.minimumHeight: Kirigami.Units.gridUnit * 8
        Layout.preferredHeight: Layout.minimumHeight
        QQC2.TextArea {
            objectName: "legal"
            readOnly: true
            text: start.oem.legal
            textFormat: TextEdit.PlainText
            wrapMode: TextEdit.Wrap
            Accessible.name: page.question
            KeyNavigation.priority: KeyNavigation.BeforeItem
            Keys.onTabPressed: nextItemInFocusChain(true).forceActiveFocus(Qt.TabFocusReason)
            Keys.onBacktabPressed: nextItemInFocusChain(false).forceActiveFocus(Qt.BacktabFocusReason)
        }
    }
    QQC2.CheckBox {
        id: accept
        objectName: "accept"
        text: i18n("I accept these terms")
        checked: start.oem.accepted
        onCheckedChanged: start.oem.accepted = checked
    }
}
