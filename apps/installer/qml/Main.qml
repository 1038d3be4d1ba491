// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// The installer's window. What is shown follows from the state of things, so that a window opened in the middle of an installation shows just that.
StepWindow {
    id: window

    required property Installation installation
    required property bool asksNetwork

    // A developer's own network is not a virtual disk's business.
    readonly property bool hasNetwork: asksNetwork || (installation.helper.session !== "" && installation.helper.session !== "sandbox")
    readonly property int diskStep: steps.findIndex(each => each.page === "DiskPage")
    property bool makesRoom: false // the page that says how, instead of the way's
    property problem refusal // of what was asked for last
    property string lost // what became of the disk that was chosen
    readonly property Job job: installation.job

    setup: installation
    steps: [
        { page: "WelcomePage", title: i18nc("step of the installation", "Language") },
        { page: "KeyboardPage", title: i18nc("step of the installation", "Keyboard") },
        { page: "TimeZonePage", title: i18nc("step of the installation", "Time zone") },
        { page: "NetworkPage", title: i18nc("step of the installation", "Network") },
        { page: "DiskPage", title: i18nc("step of the installation", "Disk") },
        { page: "WayPage", title: i18nc("step of the installation", "How") },
        { page: "ProtectionPage", title: i18nc("step of the installation", "Protection") },
        { page: "SummaryPage", title: i18nc("step of the installation", "Summary") },
    ].filter(each => each.page !== "NetworkPage" || hasNetwork)
    current: {
        if (refusal.isSet)
            return "RefusedPage";
        if (job)
            return job.state === Job.Running ? "ProgressPage" : job.state === Job.Done ? "DonePage" : "FailedPage";
        if (installation.helper.state === Helper.Absent)
            return "AbsentPage";
        if (step > 0 && installation.machine.refusal.isSet)
            return "BlockedPage";
        if (installation.answering.problem.isSet)
            return "AnswersPage";
        if (makesRoom)
            return "RoomPage";
        return steps[step].page;
    }
    title: i18n("Install %1", installation.machine.system)
    showsWay: !job && !refusal.isSet
    canStepBack: step > 0 || refusal.isSet

    onWentOn: byPerson = true
    onBackAsked: {
        installation.answering.takeOver();
        if (refusal.isSet) {
            refusal = noProblem.value;
        } else if (makesRoom) {
            makesRoom = false;
        } else if (step > 0) {
            --step;
        }
    }
    // Past what an answers file answers; and on, where a person had nothing to say.
    property bool byPerson: false
    function follow(): void {
        const answering = installation.answering;
        if (!answering.active || refusal.isSet || job || installation.helper.state !== Helper.Ready || !installation.machine.isKnown || installation.machine.refusal.isSet)
            return;
        while (step < steps.length - 1 && answering.covers(steps[step].page))
            ++step;
        if (step === steps.length - 1 && answering.confirmed && !byPerson && !installation.beginning) {
            answering.begun();
            installation.begin();
        }
    }
    onIsCompleteChanged: Qt.callLater(follow)
    onStepChanged: Qt.callLater(follow)
    Connections {
        target: window.installation.answering
        function onChanged(): void { Qt.callLater(window.follow); }
    }
    Connections {
        target: window.installation.way
        function onChanged(): void { Qt.callLater(window.follow); }
    }
    Connections {
        target: window.installation.machine
        function onChanged(): void { Qt.callLater(window.follow); }
    }
    Connections {
        target: window.installation.helper
        function onStateChanged(): void { Qt.callLater(window.follow); }
    }
    QtObject {
        id: noProblem
        property problem value
    }

    Connections {
        target: window.installation
        function onRefused(problem: problem): void {
            window.refusal = problem;
        }
    }
    Connections {
        target: window.installation.disks
        function onChosenLost(name: string, isThere: bool): void {
            // One that nobody has looked at yet is nobody's choice.
            if (window.step >= window.diskStep)
                window.lost = isThere ? i18n("%1 can no longer be chosen. Its card says why.", name) : i18n("%1 is no longer connected. Choose another disk, or connect it again.", name);
            window.makesRoom = false;
            window.step = Math.min(window.step, window.diskStep);
        }
        function onChosenChanged(): void {
            if (window.installation.disks.chosen !== "")
                window.lost = "";
        }
    }
}
