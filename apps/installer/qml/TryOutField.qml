// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.installer

// A field that writes what the keys would write on another keyboard layout than the session's.
QQC2.TextField {
    id: field

    property alias keyboard: trial.keyboard // empty: the session's
    property bool capsLock: false // as far as the letters typed tell

    signal typed // by the other layout; textEdited() is not told of that
    property string placeholder

    placeholderText: placeholder
    Accessible.name: placeholder
    maximumLength: 60
    implicitHeight: Math.round(Kirigami.Units.gridUnit * 2.1)
    onActiveFocusChanged: trial.reset()
    onKeyboardChanged: clear()

    KeyboardTrial { id: trial }

    // No platform says it to every program. A letter does: a capital without Shift, a small one with it.
    function noteCapsLock(event: var): void {
        if (event.key === Qt.Key_CapsLock) {
            capsLock = !capsLock;
        } else if (/^\p{L}$/u.test(event.text) && event.text.toLowerCase() !== event.text.toUpperCase() && !(event.modifiers & (Qt.ControlModifier | Qt.AltModifier))) {
            capsLock = (event.text === event.text.toUpperCase()) !== ((event.modifiers & Qt.ShiftModifier) !== 0);
        }
    }

    Keys.onPressed: event => {
        noteCapsLock(event);
        if (keyboard === "")
            return;
        const editing = [Qt.Key_Backspace, Qt.Key_Delete, Qt.Key_Left, Qt.Key_Right, Qt.Key_Home, Qt.Key_End, Qt.Key_Tab, Qt.Key_Backtab, Qt.Key_Escape, Qt.Key_Return, Qt.Key_Enter];
        if (editing.includes(event.key) || event.nativeScanCode === 0)
            return;
        const text = trial.pressed(event.nativeScanCode);
        if (event.modifiers & Qt.ControlModifier && text === "")
            return;
        event.accepted = true;
        if (text !== "")
            remove(selectionStart, selectionEnd);
        insert(cursorPosition, text);
        typed();
    }
    Keys.onReleased: event => {
        if (event.nativeScanCode !== 0 && !event.isAutoRepeat)
            trial.released(event.nativeScanCode);
    }
}
