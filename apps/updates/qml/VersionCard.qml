// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import QtQuick.Templates as T
import org.kde.kirigami as Kirigami
import org.preon.ui

// One version: what it is at the moment, how it came up; opened, each of its starts and what can be done with it.
T.Control {
    id: card

    readonly property var none: ({ title: "", version: "", line: "", left: "", details: "", marks: [], starts: [] })
    property var version: none
    property bool open: false
    readonly property alias header: head

    signal startAsked
    signal keepAsked(bool keep)

    implicitHeight: contentItem.implicitHeight
    implicitWidth: contentItem.implicitWidth
    Layout.fillWidth: true
    Kirigami.Theme.inherit: false
    Kirigami.Theme.colorSet: Kirigami.Theme.View

    background: Rectangle {
        radius: Kirigami.Units.cornerRadius * 1.5
        color: card.version.running ? Kirigami.ColorUtils.tintWithAlpha(Kirigami.Theme.backgroundColor, Kirigami.Theme.highlightColor, 0.08) : Kirigami.Theme.backgroundColor
        border.width: card.version.running ? 2 : 1
        border.color: card.version.running ? Kirigami.Theme.highlightColor : Kirigami.ColorUtils.linearInterpolation(Kirigami.Theme.backgroundColor, Kirigami.Theme.textColor, 0.2)
    }
    contentItem: ColumnLayout {
        spacing: 0
        T.AbstractButton {
            id: head
            objectName: "version-" + card.version.version
            text: card.version.title
            focusPolicy: Qt.StrongFocus
            hoverEnabled: true
            padding: Kirigami.Units.largeSpacing * 1.5
            implicitHeight: contentItem.implicitHeight + topPadding + bottomPadding
            Layout.fillWidth: true
            Accessible.role: Accessible.Button
            Accessible.name: text
            Accessible.description: [card.version.marks.join(", "), card.version.line, card.open ? i18n("Shown in full") : ""].filter(part => part !== "").join(". ")
            Accessible.onPressAction: clicked()
            Keys.onReturnPressed: clicked()
            Keys.onEnterPressed: clicked()
            onClicked: card.open = !card.open
            background: Rectangle {
                radius: Kirigami.Units.cornerRadius * 1.5
                color: head.hovered || head.down ? Qt.alpha(Kirigami.Theme.textColor, 0.04) : "transparent"
                FocusRing { visible: head.visualFocus }
            }
            contentItem: RowLayout {
                spacing: Kirigami.Units.largeSpacing * 1.5
                ColumnLayout {
                    spacing: Kirigami.Units.smallSpacing
                    Flow {
                        spacing: Kirigami.Units.smallSpacing * 1.5
                        Layout.fillWidth: true
                        QQC2.Label {
                            text: card.version.title
                            font.weight: Font.DemiBold
                            rightPadding: Kirigami.Units.smallSpacing
                            topPadding: Kirigami.Units.smallSpacing / 2
                            Accessible.ignored: true
                        }
                        Repeater {
                            model: card.version.marks
                            Mark {
                                required property string modelData
                                text: modelData
                                warns: card.version.failed && modelData === card.version.marks[card.version.marks.length - 1]
                            }
                        }
                    }
                    QQC2.Label {
                        text: card.version.line
                        opacity: 0.8
                        wrapMode: Text.Wrap
                        Layout.fillWidth: true
                        Accessible.ignored: true
                    }
                }
                Kirigami.Icon {
                    source: card.open ? "arrow-up" : "arrow-down"
                    implicitWidth: Kirigami.Units.iconSizes.small
                    implicitHeight: Kirigami.Units.iconSizes.small
                }
            }
        }
        ColumnLayout {
            visible: card.open
            spacing: Kirigami.Units.largeSpacing
            Layout.fillWidth: true
            Layout.margins: Kirigami.Units.largeSpacing * 1.5
            Layout.topMargin: Kirigami.Units.largeSpacing

            QQC2.Label {
                text: card.version.left
                visible: text !== ""
                wrapMode: Text.Wrap
                Layout.fillWidth: true
            }
            Details {
                title: i18n("What happened")
                text: card.version.details
            }
            Starts {
                starts: card.version.starts
                title: i18n("Starts of %1", card.version.title)
            }
            ChoiceCard {
                objectName: "keep-" + card.version.version
                text: i18n("Keep this version")
                line: card.version.lastGood ? i18n("No update removes it anyhow: it is the one to go back to.") : i18n("No update removes it until you take this back.")
                toggles: true
                selected: card.version.kept
                reason: card.version.complete ? "" : i18n("it is not complete")
                onChosen: card.keepAsked(!card.version.kept)
            }
            QQC2.Button {
                objectName: "start-" + card.version.version
                text: i18n("Start this version from now on…")
                icon.name: "view-history"
                // One that did not come up would be started again and again.
                visible: !card.version.startsNext && card.version.complete && !card.version.failed
                Accessible.description: card.version.title
                onClicked: card.startAsked()
            }
        }
    }
}
