// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import QtQuick.Templates as T
import org.kde.kirigami as Kirigami

// One choice of a page: icon, title, its consequence in one line. Belongs to a radio group of its siblings: arrows move between them. A choice that cannot be
// made says why instead of hiding. One that toggles stands for itself and has a switch: what is selected is on.
T.AbstractButton {
    id: card

    property string line
    property string note // small and quiet, at the end of the title's row
    property string reason // why it cannot be chosen; empty: it can
    property string iconName
    property bool selected: false
    property bool selectable: true // false: it informs, nothing is to be chosen
    property bool toggles: false // chosen() then asks for the other state
    property bool followsArrows: true // false: choosing does something at once, so arrows only move
    readonly property bool isRefused: reason !== ""
    readonly property bool stands: selected && selectable && !toggles // out among its siblings

    hoverEnabled: selectable && !isRefused
    focusPolicy: selectable ? Qt.StrongFocus : Qt.NoFocus
    padding: Kirigami.Units.largeSpacing * 1.5
    implicitHeight: Math.max(contentItem.implicitHeight + topPadding + bottomPadding, Kirigami.Units.gridUnit * 3)
    implicitWidth: Kirigami.Units.gridUnit * 16
    Layout.fillWidth: true

    Kirigami.Theme.inherit: false
    Kirigami.Theme.colorSet: Kirigami.Theme.View

    Accessible.role: toggles ? Accessible.CheckBox : selectable ? Accessible.RadioButton : Accessible.StaticText
    Accessible.name: text
    Accessible.description: [note, isRefused ? i18nd("preon", "Cannot be chosen: %1", reason) : line].filter(part => part !== "").join(". ")
    Accessible.checkable: selectable
    Accessible.checked: selected
    // The button that it is made from writes its own state there, once a reader listens.
    Accessible.onCheckableChanged: {
        if (Accessible.checkable !== selectable)
            Accessible.checkable = Qt.binding(() => selectable);
    }
    Accessible.onCheckedChanged: {
        if (Accessible.checked !== selected)
            Accessible.checked = Qt.binding(() => selected);
    }
    Accessible.onPressAction: choose()
    Accessible.onToggleAction: choose()
    onClicked: choose()

    // Chosen by any means. What is refused can be looked at, by keyboard and reader too, but not chosen.
    signal chosen
    signal accepted // Enter on what is chosen already: on to the next page
    function take(): void {
        if (selected || toggles)
            accepted();
        else
            choose();
    }
    function choose(): void {
        if (selectable && !isRefused)
            chosen();
    }

    Keys.onDownPressed: event => step(event, true)
    Keys.onUpPressed: event => step(event, false)
    Keys.onReturnPressed: take()
    Keys.onEnterPressed: take()

    function step(event: var, forward: bool): void {
        const siblings = toggles ? [] : parent.children.filter(item => item instanceof ChoiceCard && item.visible && item.selectable && !item.toggles);
        const next = siblings[siblings.indexOf(card) + (forward ? 1 : -1)];
        event.accepted = next !== undefined;
        if (next) {
            next.forceActiveFocus(forward ? Qt.TabFocusReason : Qt.BacktabFocusReason);
            if (followsArrows)
                next.choose();
        }
    }

    background: Rectangle {
        radius: Kirigami.Units.cornerRadius * 1.5
        color: card.stands ? Kirigami.ColorUtils.tintWithAlpha(Kirigami.Theme.backgroundColor, Kirigami.Theme.highlightColor, 0.12)
             : card.down ? Kirigami.ColorUtils.tintWithAlpha(Kirigami.Theme.backgroundColor, Kirigami.Theme.textColor, 0.08)
             : card.hovered ? Kirigami.ColorUtils.tintWithAlpha(Kirigami.Theme.backgroundColor, Kirigami.Theme.textColor, 0.04)
             : card.isRefused ? "transparent" : Kirigami.Theme.backgroundColor
        border.width: card.stands ? 2 : 1
        border.color: card.stands ? Kirigami.Theme.highlightColor
                    : Kirigami.ColorUtils.linearInterpolation(Kirigami.Theme.backgroundColor, Kirigami.Theme.textColor, 0.2)
        FocusRing { visible: card.visualFocus }
    }

    contentItem: RowLayout {
        spacing: Kirigami.Units.largeSpacing * 1.5

        Kirigami.Icon {
            source: card.iconName
            visible: card.iconName !== ""
            opacity: card.isRefused ? 0.5 : 1
            implicitWidth: Kirigami.Units.iconSizes.medium
            implicitHeight: Kirigami.Units.iconSizes.medium
            Layout.alignment: Qt.AlignTop
        }
        ColumnLayout {
            spacing: Kirigami.Units.smallSpacing / 2
            Layout.alignment: Qt.AlignVCenter
            RowLayout {
                spacing: Kirigami.Units.largeSpacing
                QQC2.Label {
                    text: card.text
                    font.weight: Font.DemiBold
                    opacity: card.isRefused ? 0.6 : 1
                    wrapMode: Text.Wrap
                    Layout.fillWidth: true
                    Accessible.ignored: true
                }
                QQC2.Label {
                    text: card.note
                    visible: text !== ""
                    opacity: 0.75
                    font.features: { "tnum": 1 }
                    Layout.alignment: Qt.AlignTop
                    Accessible.ignored: true
                }
            }
            QQC2.Label {
                text: card.isRefused ? card.reason : card.line
                visible: text !== ""
                opacity: 0.8
                wrapMode: Text.Wrap
                Layout.fillWidth: true
                Accessible.ignored: true
            }
        }
        Kirigami.Icon {
            visible: card.selectable && !card.toggles
            opacity: card.selected ? 1 : 0
            source: "checkmark"
            color: Kirigami.Theme.highlightColor
            isMask: true
            implicitWidth: Kirigami.Units.iconSizes.small
            implicitHeight: Kirigami.Units.iconSizes.small
        }
        QQC2.Switch {
            visible: card.toggles
            checked: card.selected
            focusPolicy: Qt.NoFocus
            padding: 0
            Accessible.ignored: true
            onClicked: {
                checked = Qt.binding(() => card.selected);
                card.choose();
            }
        }
    }
}
