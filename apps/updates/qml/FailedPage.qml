// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.updates

// An update failed or was cut off. The system that runs is never touched by one.
ErrorPage {
    id: page

    required property var window
    required property Centre centre
    readonly property Job job: centre.job

    problem: job && job.problem.isSet ? job.problem : cutOff.value
    question: !problem.isSet ? i18n("The update was cut off") : problem.code === "untrusted" ? i18n("What was fetched is not signed by the maker")
            : problem.code === "insecure" ? i18n("There is no secure connection to the maker's server") : problem.what
    sentence: job?.target ? i18n("Updating to %1", job.target) : ""
    changed: i18n("Nothing that is in use: this computer runs and starts %1 as before.", centre.title)
    canGoBack: true
    canSave: true
    onProceed: centre.dismiss(true)
    onCopyAsked: centre.copy(problem.text())
    onSaveAsked: {
        const where = job.saveLog();
        saved = where === "" ? i18n("The log could not be written.") : i18n("Saved as %1", where);
    }

    QtObject {
        id: cutOff
        property problem value
    }
}
