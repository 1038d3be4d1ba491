// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.updates

// The helper cannot be reached.
ErrorPage {
    required property var window
    required property Centre centre

    problem: centre.helper.problem
    changed: i18n("Nothing.")
    canGoBack: false
    onProceed: centre.helper.reach()
    onCopyAsked: centre.copy(problem.text())
}
