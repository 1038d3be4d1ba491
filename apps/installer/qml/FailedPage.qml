// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// The installation failed, was stopped or was cut off. What became of the disk is in the error's own words.
ErrorPage {
    id: page

    required property var window
    required property Setup setup
    readonly property Installation installation: setup as Installation
    readonly property Job job: installation.job
    readonly property bool wasStopped: problem.code === "cancelled"

    problem: job && job.problem.isSet ? job.problem : cutOff.value
    question: wasStopped ? i18n("The installation was stopped") : problem.isSet ? problem.what : i18n("The installation was cut off")
    sentence: installation.disks.chosenName !== "" ? installation.disks.chosenName : job?.target ?? ""
    iconName: wasStopped ? "dialog-information" : "dialog-warning"
    why: wasStopped ? "" : problem.why
    changed: wasStopped ? problem.why || i18n("Nothing. The disk is as it was.") : job?.state !== Job.Interrupted ? "" : i18n("The disk may be half written: nothing new starts from it. Begin again to finish or to choose another disk.")
    canGoBack: false
    canSave: true
    verb: i18n("Begin again")
    onProceed: {
        installation.answering.takeOver();
        window.step = window.diskStep;
        if (installation.helper.state === Helper.Absent)
            installation.helper.reach();
        installation.startOver();
    }
    onCopyAsked: installation.copy(problem.text())
    onSaveAsked: {
        const where = job.saveLog();
        saved = where === "" ? i18n("The log could not be written.") : i18n("Saved as %1", where);
    }

    QtObject {
        id: cutOff
        property problem value
    }
}
