// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// What was asked for was refused before anything was done, or this computer, or an answers file, cannot be made sense of.
ErrorPage {
    required property var window
    required property Setup setup
    readonly property FirstStart start: setup as FirstStart

    problem: window.refusal.isSet ? window.refusal : start.answersProblem.isSet ? start.answersProblem : start.problem
    changed: i18n("Nothing.")
    canGoBack: window.refusal.isSet
    verb: window.refusal.isSet ? i18n("Look again") : start.answersProblem.isSet ? i18n("Choose here") : i18n("Try again")
    onProceed: {
        if (window.refusal.isSet) {
            window.forget();
            start.refresh();
        } else if (start.answersProblem.isSet) {
            start.takeOver();
        } else {
            start.refresh();
        }
    }
    onCopyAsked: start.copy(problem.text())
}
