// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// What every page of the installer is given.
QuestionPage {
    required property var window
    required property Installation installation

    onProceed: window.next()
}
