// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// An empty or failed place on a page, designed like the rest: icon, title, what to do.
ColumnLayout {
    id: notice

    property string iconName
    property string title
    property string text

    spacing: Kirigami.Units.largeSpacing
    Layout.fillWidth: true
    Layout.topMargin: Kirigami.Units.gridUnit
    Layout.bottomMargin: Kirigami.Units.gridUnit

    Kirigami.Icon {
        source: notice.iconName
        opacity: 0.6
        implicitWidth: Kirigami.Units.iconSizes.huge
        implicitHeight: Kirigami.Units.iconSizes.huge
        Layout.alignment: Qt.AlignHCenter
    }
    Kirigami.Heading {
        level: 3
        text: notice.title
        wrapMode: Text.Wrap
        horizontalAlignment: Text.AlignHCenter
        Layout.fillWidth: true
    }
    QQC2.Label {
        text: notice.text
        opacity: 0.8
        wrapMode: Text.Wrap
        horizontalAlignment: Text.AlignHCenter
        Layout.fillWidth: true
    }
}
