// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// Part of a summary: a title and some lines under it.
ColumnLayout {
    id: facts

    property string title
    property var lines: []
    property string iconName
    property color ink: Kirigami.Theme.textColor

    visible: lines.length > 0
    spacing: Kirigami.Units.smallSpacing
    Layout.fillWidth: true

    RowLayout {
        spacing: Kirigami.Units.smallSpacing * 1.5
        Kirigami.Icon {
            source: facts.iconName
            isMask: true
            color: facts.ink
            implicitWidth: Kirigami.Units.iconSizes.small
            implicitHeight: Kirigami.Units.iconSizes.small
        }
        Kirigami.Heading {
            level: 4
            text: facts.title
            Layout.fillWidth: true
        }
    }
    Repeater {
        model: facts.lines
        QQC2.Label {
            required property string modelData
            text: modelData
            wrapMode: Text.Wrap
            Layout.fillWidth: true
            Layout.leftMargin: Kirigami.Units.iconSizes.small + Kirigami.Units.smallSpacing * 1.5
        }
    }
}
