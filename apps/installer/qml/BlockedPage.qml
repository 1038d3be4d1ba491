// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// Nothing can be installed on this machine as it was started.
ErrorPage {
    required property var window
    required property Setup setup
    readonly property Installation installation: setup as Installation

    problem: installation.machine.refusal
    changed: i18n("Nothing.")
    verb: i18n("Check again")
    onProceed: installation.machine.refresh()
    onCopyAsked: installation.copy(problem.text())
}
