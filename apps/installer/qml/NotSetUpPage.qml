// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// The account could not be made, was stopped, or was cut off. What was typed is kept.
ErrorPage {
    id: page

    required property var window
    required property Setup setup
    readonly property FirstStart start: setup as FirstStart
    readonly property Job job: start.job
    readonly property bool wasStopped: problem.code === "cancelled"

    problem: job && job.problem.isSet ? job.problem : none.value
    question: wasStopped ? i18n("It was stopped") : problem.isSet ? problem.what : i18n("It was cut off")
    iconName: wasStopped ? "dialog-information" : "dialog-warning"
    changed: start.account.isLocked ? i18n("There is no account yet. What you typed is kept: trying again goes on from here.") : i18n("There is no account yet. What was done so far stays, and the rest is asked again.")
    canGoBack: false
    canSave: true
    onProceed: {
        window.step = start.account.isLocked ? window.readyStep : 0;
        if (start.helper.state === Helper.Absent)
            start.helper.reach();
        start.startOver();
    }
    onCopyAsked: start.copy(problem.text())
    onSaveAsked: {
        const where = job.saveLog();
        saved = where === "" ? i18n("The log could not be written.") : i18n("Saved as %1", where);
    }

    QtObject {
        id: none
        property problem value
    }
}
