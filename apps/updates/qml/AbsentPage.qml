// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.updates

// The helper cannot be reached, or does not know this computer.
ErrorPage {
    required property var window
    required property Centre centre

    problem: centre.helper.problem.isSet ? centre.helper.problem : centre.unknown
    changed: i18n("Nothing.")
    canGoBack: false
    // Which asks for all else, too.
    onProceed: centre.helper.reach()
    onCopyAsked: centre.copy(problem.text())
}
