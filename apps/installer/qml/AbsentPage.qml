// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// The helper cannot be reached.
ErrorPage {
    required property var window
    required property Setup setup

    problem: setup.helper.problem
    changed: i18n("Nothing.")
    canGoBack: false
    onProceed: setup.helper.reach()
    onCopyAsked: setup.copy(problem.text())
}
