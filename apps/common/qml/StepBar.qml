// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// The way through an app: its steps by name where there is room, "3 of 7" where there is not.
Item {
    id: bar

    property var steps: [] // titles
    property int current: 0
    readonly property bool isWide: width >= names.implicitWidth + Kirigami.Units.gridUnit * 2

    implicitHeight: Math.round(Kirigami.Units.gridUnit * 2.6)
    Accessible.role: Accessible.StaticText
    Accessible.name: i18nd("preon", "Step %1 of %2: %3", current + 1, steps.length, steps[current] ?? "")

    RowLayout {
        id: names
        anchors.centerIn: parent
        opacity: bar.isWide ? 1 : 0
        spacing: Kirigami.Units.gridUnit
        Repeater {
            model: bar.steps
            RowLayout {
                id: step
                required property string modelData
                required property int index
                readonly property bool isCurrent: index === bar.current
                readonly property bool isDone: index < bar.current
                spacing: Kirigami.Units.smallSpacing * 1.5
                Rectangle {
                    implicitWidth: Math.round(Kirigami.Units.gridUnit * 1.2)
                    implicitHeight: implicitWidth
                    radius: width / 2
                    color: step.isCurrent ? Kirigami.Theme.highlightColor : "transparent"
                    border.width: step.isCurrent ? 0 : 1
                    border.color: Qt.alpha(Kirigami.Theme.textColor, 0.35)
                    QQC2.Label {
                        anchors.centerIn: parent
                        visible: !step.isDone
                        text: (step.index + 1).toLocaleString(Qt.locale(), "f", 0)
                        font: Kirigami.Theme.smallFont
                        color: step.isCurrent ? Kirigami.Theme.highlightedTextColor : Kirigami.Theme.textColor
                        opacity: step.isCurrent ? 1 : 0.7
                        Accessible.ignored: true
                    }
                    Kirigami.Icon {
                        anchors.centerIn: parent
                        width: Math.round(parent.width * 0.65)
                        height: width
                        visible: step.isDone
                        source: "checkmark"
                        isMask: true
                        color: Kirigami.Theme.textColor
                    }
                }
                QQC2.Label {
                    text: step.modelData
                    font.weight: step.isCurrent ? Font.DemiBold : Font.Normal
                    opacity: step.isCurrent ? 1 : 0.7
                    Accessible.ignored: true
                }
            }
        }
    }
    QQC2.Label {
        anchors.centerIn: parent
        visible: !bar.isWide
        text: i18ndc("preon", "step number of how many, its name", "%1 of %2 · %3", bar.current + 1, bar.steps.length, bar.steps[bar.current] ?? "")
        opacity: 0.8
        Accessible.ignored: true
    }
    Kirigami.Separator {
        anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
    }
}
