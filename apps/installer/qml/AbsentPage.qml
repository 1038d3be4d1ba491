// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// The helper cannot be reached.
ErrorPage {
    required property var window
    required property Installation installation

    problem: installation.helper.problem
    changed: i18n("Nothing.")
    canGoBack: false
    onProceed: installation.helper.reach()
    onCopyAsked: installation.copy(problem.text())
}
