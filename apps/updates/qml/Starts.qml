// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// Each start of a version, newest first: when, and what became of it.
ColumnLayout {
    id: list

    property var starts: []
    property string title
    property bool all: false
    readonly property int few: 5

    visible: starts.length > 0
    spacing: Kirigami.Units.smallSpacing
    Layout.fillWidth: true
    Accessible.role: Accessible.List
    Accessible.name: title

    Repeater {
        model: list.all ? list.starts : list.starts.slice(0, list.few)
        RowLayout {
            id: start
            required property var modelData
            readonly property bool failed: modelData.outcome === "failed"
            spacing: Kirigami.Units.largeSpacing
            Layout.fillWidth: true
            Accessible.role: Accessible.ListItem
            Accessible.name: modelData.when + ": " + modelData.words
            Accessible.description: modelData.reasons
            Kirigami.Icon {
                source: start.failed ? "data-warning" : "checkmark"
                isMask: !start.failed
                color: start.failed ? "transparent" : Kirigami.Theme.positiveTextColor
                implicitWidth: Kirigami.Units.iconSizes.small
                implicitHeight: Kirigami.Units.iconSizes.small
                Layout.alignment: Qt.AlignTop
                Layout.topMargin: Kirigami.Units.smallSpacing / 2
            }
            ColumnLayout {
                spacing: 0
                QQC2.Label {
                    text: start.modelData.when
                    font.features: { "tnum": 1 }
                    wrapMode: Text.Wrap
                    Layout.fillWidth: true
                    Accessible.ignored: true
                }
                QQC2.Label {
                    text: [start.modelData.words, start.modelData.reasons].filter(part => part !== "").join("\n")
                    textFormat: Text.PlainText
                    opacity: 0.75
                    wrapMode: Text.Wrap
                    Layout.fillWidth: true
                    Accessible.ignored: true
                }
            }
        }
    }
    QQC2.ToolButton {
        objectName: "allStarts"
        text: i18n("Show all")
        visible: !list.all && list.starts.length > list.few
        onClicked: list.all = true
    }
}
