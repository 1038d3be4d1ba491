// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.updates

// What was asked for last could not be done; nothing was begun.
ErrorPage {
    required property var window
    required property Centre centre

    problem: window.refusal
    changed: centre.known ? i18n("Nothing. %1 runs as before.", centre.title) : i18n("Nothing.")
    onProceed: {
        window.forget();
        centre.retry();
    }
    onCopyAsked: centre.copy(problem.text())
}
