// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// The answers file cannot be used, or not here: from now on a person answers.
ErrorPage {
    required property var window
    required property Setup setup
    readonly property Installation installation: setup as Installation

    problem: installation.answering.problem
    changed: i18n("Nothing.")
    canGoBack: false
    verb: i18n("Choose here")
    onProceed: installation.answering.takeOver()
    onCopyAsked: installation.copy(problem.text())
}
