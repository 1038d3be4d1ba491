// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.installer

// The window: the way at the top, one page, back and the verb at the bottom. What is shown follows from the state of things, so that a window opened in the
// middle of an installation shows just that.
Kirigami.AbstractApplicationWindow {
    id: window

    required property Installation installation
    required property bool kiosk
    required property bool asksNetwork

    // A developer's own network is not a virtual disk's business.
    readonly property bool hasNetwork: asksNetwork || (installation.helper.session !== "" && installation.helper.session !== "sandbox")
    readonly property var steps: [
        { page: "WelcomePage", title: i18nc("step of the installation", "Language") },
        { page: "KeyboardPage", title: i18nc("step of the installation", "Keyboard") },
        { page: "TimeZonePage", title: i18nc("step of the installation", "Time zone") },
        { page: "NetworkPage", title: i18nc("step of the installation", "Network") },
        { page: "DiskPage", title: i18nc("step of the installation", "Disk") },
        { page: "WayPage", title: i18nc("step of the installation", "How") },
        { page: "ProtectionPage", title: i18nc("step of the installation", "Protection") },
        { page: "SummaryPage", title: i18nc("step of the installation", "Summary") },
    ].filter(each => each.page !== "NetworkPage" || hasNetwork)
    readonly property int diskStep: steps.findIndex(each => each.page === "DiskPage")
    property int step: 0
    property bool makesRoom: false // the page that says how, instead of the way's
    property problem refusal // of what was asked for last
    property string lost // what became of the disk that was chosen

    readonly property Job job: installation.job
    readonly property string current: {
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
    readonly property QuestionPage page: stack.currentItem as QuestionPage

    title: i18n("Install %1", installation.machine.system)
    width: kiosk ? Screen.width : Math.min(Kirigami.Units.gridUnit * 60, Screen.width)
    height: kiosk ? Screen.height : Math.min(Kirigami.Units.gridUnit * 42, Screen.height)
    minimumWidth: Math.min(Kirigami.Units.gridUnit * 18, 360)
    minimumHeight: Kirigami.Units.gridUnit * 20
    visible: true

    LayoutMirroring.enabled: Qt.application.layoutDirection === Qt.RightToLeft
    LayoutMirroring.childrenInherit: true

    function goOn(): void {
        if (page?.canContinue && !stack.busy)
            page.proceed();
    }
    function next(): void {
        byPerson = true;
        step = Math.min(step + 1, steps.length - 1);
    }
    function back(): void {
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

    property bool isComplete: false // before, the first page would be made twice
    onCurrentChanged: if (isComplete) show()
    Component.onCompleted: {
        isComplete = true;
        show();
        follow();
    }
    property int shownStep: 0
    function show(): void {
        const url = Qt.resolvedUrl(current + ".qml");
        const isFirst = stack.depth === 0; // nothing that it could take turns with
        stack.goesBack = step < shownStep;
        shownStep = step;
        stack.clear(QQC2.StackView.Immediate);
        stack.push(url, { window: window, installation: installation }, QQC2.StackView.Immediate);
        if (Kirigami.Units.longDuration > 1 && !isFirst)
            appear.restart();
        Qt.callLater(focusFirst);
    }

    function focusFirst(): void {
        if (page?.firstFocus)
            page.focusFirst();
        else
            verb.forceActiveFocus(Qt.TabFocusReason);
        page?.announce();
    }

    header: Item {
        implicitHeight: way.implicitHeight
        StepBar {
            id: way
            anchors.fill: parent
            visible: !window.job && !window.refusal.isSet
            steps: window.steps.map(each => each.title)
            current: window.step
        }
    }

    QQC2.StackView {
        id: stack
        property bool goesBack: false
        anchors.fill: parent
        clip: true
        // A screen reader that begins later looks for what has the focus, and would stop here.
        Accessible.ignored: true
        NumberAnimation {
            id: appear
            target: stack.currentItem
            property: "opacity"
            from: 0
            to: 1
            duration: Kirigami.Units.shortDuration
        }
    }

    footer: QQC2.Pane {
        id: bottom
        padding: Kirigami.Units.largeSpacing
        visible: back.wanted || verb.text !== ""
        background: Rectangle {
            color: Kirigami.Theme.backgroundColor
            Kirigami.Separator { anchors { left: parent.left; right: parent.right; top: parent.top } }
        }
        contentItem: RowLayout {
            QQC2.Button {
                id: back
                objectName: "back"
                text: i18n("Back")
                icon.name: LayoutMirroring.enabled ? "go-next" : "go-previous"
                readonly property bool wanted: (window.page?.canGoBack ?? false) && (window.step > 0 || window.refusal.isSet)
                visible: wanted
                implicitHeight: verb.implicitHeight
                onClicked: window.back()
            }
            Item { Layout.fillWidth: true }
            VerbButton {
                id: verb
                objectName: "verb"
                text: window.page?.verb ?? ""
                visible: text !== ""
                enabled: window.page?.canContinue ?? false
                destructive: window.page?.destructive ?? false
                holds: window.page?.holds ?? false
                Layout.maximumWidth: window.width * 0.62
                onConfirmed: window.goOn()
            }
        }
    }
    // Where no desktop does it.
    readonly property Speech speech: Speech { language: window.installation.languages.current }
    readonly property bool canSpeak: kiosk && speech.available
    Shortcut {
        sequence: "Meta+Alt+S"
        context: Qt.ApplicationShortcut
        enabled: window.canSpeak
        onActivated: window.speech.toggle()
    }
    Shortcut {
        sequences: [StandardKey.Back, "Escape"]
        enabled: back.wanted
        onActivated: window.back()
    }
}
