// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// The technical truth, one click away: a fold with text that can be selected.
ColumnLayout {
    id: details

    property string title: i18nd("preon", "Details")
    property string text
    property bool open: false

    visible: text !== ""
    spacing: Kirigami.Units.smallSpacing
    Layout.fillWidth: true

    QQC2.ToolButton {
        objectName: "details"
        text: details.title
        icon.width: Kirigami.Units.iconSizes.small
        icon.height: Kirigami.Units.iconSizes.small
        icon.name: details.open ? "arrow-down" : LayoutMirroring.enabled ? "arrow-left" : "arrow-right"
        Accessible.description: details.open ? i18nd("preon", "Shown") : i18nd("preon", "Hidden")
        onClicked: details.open = !details.open
    }
    QQC2.TextArea {
        objectName: "detailsText"
        visible: details.open
        readOnly: true
        text: details.text
        wrapMode: TextEdit.Wrap
        font.family: "monospace"
        Layout.fillWidth: true
        Accessible.name: details.title
        KeyNavigation.priority: KeyNavigation.BeforeItem
        Keys.onTabPressed: nextItemInFocusChain(true).forceActiveFocus(Qt.TabFocusReason)
        Keys.onBacktabPressed: nextItemInFocusChain(false).forceActiveFocus(Qt.BacktabFocusReason)
    }
}
