// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.updates

// The window of the update centre. What is shown follows from the state of things, so that a window opened in the middle of an update shows just that; closing it stops nothing.
PageWindow {
    id: window

    required property Centre centre
    required property Elsewhere elsewhere

    property string place // the page that was gone to; empty: the first one
    property bool later: false // a restart was put off
    property problem refusal // of what was asked for last
    readonly property Job job: centre.job

    folder: Qt.resolvedUrl(".")
    given: ({ centre: centre })
    current: {
        if (refusal.isSet)
            return "RefusedPage";
        if (centre.helper.state === Helper.Absent && !job)
            return "AbsentPage";
        if (!centre.known)
            return centre.unknown.isSet ? "AbsentPage" : "LookingPage";
        // What somebody is at is not taken from under their hands by work that began elsewhere.
        if (place !== "")
            return place;
        if (job)
            return job.state === Job.Failed || job.state === Job.Interrupted ? "FailedPage" : "ProgressPage";
        return centre.standing === Centre.Waiting && !later ? "RestartPage" : "HomePage";
    }
    title: i18n("Updates")
    canStepBack: refusal.isSet || current === "FailedPage" || place !== ""

    onBackAsked: {
        if (refusal.isSet)
            forget();
        else if (current === "FailedPage")
            centre.dismiss(false);
        else
            place = "";
    }
    function forget(): void {
        refusal = noProblem.value;
    }
    QtObject {
        id: noProblem
        property problem value
    }
    onJobChanged: if (job) later = false
    onActiveChanged: if (active && centre.known) centre.refresh()

    Connections {
        target: window.centre
        function onRefused(problem: problem): void {
            window.refusal = problem;
        }
    }
}
