// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Controls as QQC2
import QtQuick.Templates as T
import org.kde.kirigami as Kirigami

// The page's verb, at the right of the bottom bar. With holds, it must be kept pressed (pointer, Space or Enter) until it is full, because what it does cannot be
// undone. Who presses it through a screen reader is asked a second time instead.
T.AbstractButton {
    id: button

    property bool destructive: false
    property bool holds: false
    readonly property int holdTime: 1500

    signal confirmed

    readonly property color face: !enabled ? Kirigami.ColorUtils.linearInterpolation(Kirigami.Theme.backgroundColor, Kirigami.Theme.textColor, 0.12)
                                : destructive ? Kirigami.Theme.negativeTextColor : Kirigami.Theme.highlightColor
    property bool isAsking: false // pressed once without holding

    focusPolicy: Qt.StrongFocus
    hoverEnabled: true
    padding: Kirigami.Units.largeSpacing
    leftPadding: Kirigami.Units.gridUnit * 1.25
    rightPadding: leftPadding
    implicitHeight: Math.round(Kirigami.Units.gridUnit * 2.1)
    implicitWidth: Math.max(label.implicitWidth + leftPadding + rightPadding, Kirigami.Units.gridUnit * 6)

    Accessible.role: Accessible.Button
    Accessible.name: text
    Accessible.description: !holds ? "" : isAsking ? i18nd("preon", "Press once more to confirm") : i18nd("preon", "Keep it pressed to confirm")
    Accessible.onPressAction: {
        if (!enabled)
            return;
        if (!holds || isAsking) {
            isAsking = false;
            confirmed();
        } else {
            isAsking = true;
        }
    }

    onClicked: {
        if (!holds)
            confirmed();
        else if (fill.value < 1)
            hint.visible = true;
    }
    onEnabledChanged: isAsking = false

    function isOurs(key: int): bool {
        return key === Qt.Key_Return || key === Qt.Key_Enter || (holds && key === Qt.Key_Space);
    }
    Keys.onPressed: event => {
        if (!isOurs(event.key))
            return;
        event.accepted = true;
        letGo.stop();
        if (holds)
            keyIsDown = true;
        else if (!event.isAutoRepeat)
            confirmed();
    }
    Keys.onReleased: event => {
        if (!isOurs(event.key))
            return;
        event.accepted = true;
        if (keyIsDown)
            letGo.restart();
    }
    onActiveFocusChanged: if (!activeFocus) keyIsDown = false
    property bool keyIsDown: false
    // X tells a key that repeats as released and pressed again, not always in one breath.
    Timer {
        id: letGo
        interval: 80
        onTriggered: {
            hint.visible = button.keyIsDown && fill.value < 1;
            button.keyIsDown = false;
        }
    }

    readonly property bool isHeld: holds && enabled && (pressed || keyIsDown)
    onIsHeldChanged: {
        if (isHeld) {
            hint.visible = false;
            grow.start();
        } else {
            grow.stop();
            fill.value = 0;
        }
    }
    NumberAnimation {
        id: grow
        target: fill
        property: "value"
        from: 0
        to: 1
        duration: button.holdTime
        onFinished: if (button.isHeld) button.confirmed()
    }

    background: Rectangle {
        radius: Kirigami.Units.cornerRadius * 1.5
        color: button.down ? Qt.darker(button.face, 1.1) : button.hovered && button.enabled ? Qt.lighter(button.face, 1.08) : button.face
        Rectangle {
            id: fill
            property real value: 0
            radius: parent.radius
            height: parent.height
            width: parent.width * value
            anchors.left: parent.left
            color: Qt.darker(button.face, 1.5)
            visible: value > 0
        }
        FocusRing { visible: button.visualFocus }
    }
    contentItem: QQC2.Label {
        id: label
        text: button.text
        font.weight: Font.DemiBold
        color: button.enabled ? Kirigami.Theme.highlightedTextColor : Kirigami.Theme.disabledTextColor
        horizontalAlignment: Text.AlignHCenter
        verticalAlignment: Text.AlignVCenter
        elide: Text.ElideRight
        Accessible.ignored: true
    }
    QQC2.ToolTip {
        id: hint
        visible: false // the style would show it to whoever only comes near
        text: i18nd("preon", "Keep it pressed to confirm")
        timeout: 3000
    }
}
