// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// What was asked for was refused before anything was done.
ErrorPage {
    required property var window
    required property Setup setup
    readonly property Installation installation: setup as Installation

    problem: window.refusal
    changed: problem.code === "restart" ? "" : i18n("Nothing. The disk is as it was.")
    verb: i18n("Look again")
    onProceed: window.back()
    onCopyAsked: installation.copy(problem.text())
}
