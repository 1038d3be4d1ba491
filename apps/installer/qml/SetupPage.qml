// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// What every page of either window is given.
QuestionPage {
    required property var window
    required property Setup setup

    property bool goesOn: true // to the next page; false: the page says what happens

    onProceed: if (goesOn) window.next()
}
