// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// The welcome of an installed system. Only what this computer cannot know is asked; a window opened while an account is being made shows that.
StepWindow {
    id: window

    required property FirstStart start

    property problem refusal // of what was asked for last
    readonly property Job job: start.job
    readonly property int readyStep: steps.length - 1

    setup: start
    steps: [
        { page: "GreetingPage", title: i18nc("step of the first start", "Welcome"), asked: "" },
        { page: "LegalPage", title: i18nc("step of the first start", "Terms"), asked: "legal" },
        { page: "KeyboardPage", title: i18nc("step of the first start", "Keyboard"), asked: "keyboard" },
        { page: "TimeZonePage", title: i18nc("step of the first start", "Time zone"), asked: "time-zone" },
        { page: "NetworkPage", title: i18nc("step of the first start", "Network"), asked: "network" },
        { page: "WelcomeBackPage", title: i18nc("step of the first start", "Your home"), asked: "home" },
        { page: "PersonPage", title: i18nc("step of the first start", "You"), asked: "account" },
        { page: "DeviceNamePage", title: i18nc("step of the first start", "Device"), asked: "hostname" },
        { page: "FilesPage", title: i18nc("step of the first start", "Files"), asked: "files" },
        { page: "PasswordPage", title: i18nc("step of the first start", "Password"), asked: "password" },
        { page: "RecoveryKeyPage", title: i18nc("step of the first start", "Recovery key"), asked: "recovery-key" },
        { page: "ReadyPage", title: i18nc("step of the first start", "Ready"), asked: "" },
    ].filter(each => each.asked === "" || start.asked.includes(each.asked))
    // What is asked may change under a person's hands; the page that they are at stays.
    property string at: "GreetingPage"
    onStepChanged: at = steps[step].page
    onStepsChanged: {
        const now = steps.findIndex(each => each.page === at);
        if (now >= 0 && now !== step)
            step = now;
    }
    current: {
        if (refusal.isSet)
            return "FirstRefusedPage";
        if (job)
            return job.state === Job.Running ? "SettingUpPage" : job.state === Job.Done ? "GreetedPage" : "NotSetUpPage";
        if (start.helper.state === Helper.Absent)
            return "AbsentPage";
        if (start.answersProblem.isSet || start.problem.isSet)
            return "FirstRefusedPage";
        if (!start.isKnown || !start.lookedForWork)
            return "LookingPage";
        if (start.over)
            return "OverPage";
        return steps[Math.min(step, readyStep)].page;
    }
    title: i18n("Welcome to %1", start.system)
    showsWay: !job && !refusal.isSet && start.isKnown && !start.over
    canStepBack: step > 0 || refusal.isSet

    onBackAsked: {
        // Where there can be no such plan, the page that plans would only ask for it again.
        if (step > 0 && !(refusal.isSet && start.planned))
            --step;
        forget();
    }
    function forget(): void {
        refusal = noProblem.value;
    }
    QtObject {
        id: noProblem
        property problem value
    }
    Connections {
        target: window.start
        function onRefused(problem: problem): void {
            window.refusal = problem;
        }
    }
}
