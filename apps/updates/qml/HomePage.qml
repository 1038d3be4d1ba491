// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.updates

// How this computer stands: what runs, what is new and what it costs to have it; and the ways to all else.
UpdatesPage {
    id: page

    readonly property int standing: centre.standing
    readonly property bool isUntrusted: centre.checkProblem.code === "untrusted"
    readonly property bool isStale: centre.checkProblem.code === "stale"
    readonly property bool isInsecure: centre.checkProblem.code === "insecure"
    readonly property bool isReady: standing === Centre.Available && !centre.planProblem.isSet
    readonly property string ours: "qrc:/qt/qml/org/preon/updates/"

    canGoBack: false
    firstFocus: null

    iconName: {
        switch (standing) {
        case Centre.Blocked:
            return ours + "attention.svg";
        case Centre.Current:
            return "qrc:/qt/qml/org/preon/ui/done.svg";
        case Centre.Paused:
            return ours + "paused.svg";
        case Centre.Unreached:
            return ours + "attention.svg";
        case Centre.Available:
            return ours + "arriving.svg";
        default:
            return ours + "turning.svg";
        }
    }
    question: {
        switch (standing) {
        case Centre.Blocked:
            return centre.problem.what;
        case Centre.Checking:
            return i18n("Looking for updates…");
        case Centre.Current:
            return i18n("%1 is up to date", centre.title);
        case Centre.Available:
            return centre.heldBack ? i18n("%1 is on its way", centre.nextTitle) : i18n("%1 is available", centre.nextTitle);
        case Centre.Paused:
            return centre.cutOff ? i18n("The download of %1 was cut off", centre.nextTitle) : i18n("%1 is paused", centre.nextTitle);
        case Centre.Unreached:
            return !centre.online ? i18n("There is no connection to the internet") : isUntrusted ? i18n("The server's list is not signed by the maker")
                 : isStale ? i18n("The server's list of versions is out of date")
                 : isInsecure ? i18n("There is no secure connection to the maker's server")
                 : centre.checkProblem.code === "timeout" || centre.checkProblem.code === "io" ? i18n("The maker's server does not answer") : centre.checkProblem.what;
        case Centre.Waiting:
            return i18n("%1 waits for a restart", centre.nextTitle);
        default:
            return i18n("This computer runs %1", centre.title);
        }
    }
    sentence: {
        switch (standing) {
        case Centre.Blocked:
        case Centre.Checking:
            return i18n("This computer runs %1.", centre.title);
        case Centre.Current:
            return centre.checked;
        case Centre.Available:
            return centre.heldBack ? i18n("It comes to all computers bit by bit, and the turn of this one is still to come. %1 to fetch.", centre.amount)
                 : i18n("%1 to fetch. This computer runs %2.", centre.amount, centre.title);
        case Centre.Paused:
            return i18n("%1 are here already; it goes on from there. This computer runs %2.", centre.fetched, centre.title);
        case Centre.Unreached:
            return isUntrusted || isStale ? i18n("Nothing of it was used. This computer runs %1.", centre.title)
                 : isInsecure ? i18n("Some networks want you to log in with a browser first. This computer runs %1.", centre.title) : i18n("This computer runs %1.", centre.title);
        case Centre.Waiting:
            return i18n("Until then this computer runs %1.", centre.title);
        default:
            return i18n("Whether anything newer is there is not known yet.");
        }
    }
    verb: {
        switch (standing) {
        case Centre.Blocked:
        case Centre.Checking:
            return "";
        case Centre.Available:
            return centre.planProblem.isSet ? i18n("Try again") : centre.failedHere || centre.heldBack ? i18n("Update anyway") : i18n("Update");
        case Centre.Paused:
            return i18n("Resume");
        case Centre.Waiting:
            return i18n("Restart…");
        case Centre.Unreached:
            return i18n("Try again");
        default:
            return i18n("Check now");
        }
    }
    canContinue: !centre.beginning
    onProceed: {
        switch (standing) {
        case Centre.Available:
        case Centre.Paused:
            if (centre.metered)
                costs.open();
            else
                centre.update();
            break;
        case Centre.Waiting:
            window.later = false;
            break;
        default:
            centre.check();
        }
    }

    AskDialog {
        id: costs
        page: page
        title: i18n("This connection costs")
        subtitle: i18n("%1 will be fetched over a connection that may be paid for by the byte. Another network may cost nothing.", page.centre.amount)
        keepOnText: i18n("Not now")
        verb: i18n("Fetch %1", page.centre.amount)
        verbIcon: "download"
        onAgreed: page.centre.update()
    }
    Connections {
        target: page.centre
        function onMoreThanSaid(): void { costs.open(); }
    }
    AskDialog {
        id: discards
        page: page
        title: i18n("Discard what was fetched?")
        subtitle: i18n("%1 were fetched of %2. To update later all of it has to be fetched anew.", page.centre.fetched, page.centre.nextTitle)
        keepOnText: i18n("Keep it")
        verb: i18n("Discard")
        verbIcon: "edit-delete"
        onAgreed: page.centre.discard()
    }

    QQC2.ProgressBar {
        objectName: "checking"
        visible: page.standing === Centre.Checking
        indeterminate: true
        Layout.fillWidth: true
        Accessible.name: i18n("Looking for updates…")
    }
    NoteCard {
        objectName: "left"
        visible: page.centre.left.what !== undefined
        type: Kirigami.MessageType.Warning
        title: page.centre.left.what ?? ""
        text: page.centre.left.sentence ?? ""
        details: page.centre.left.details ?? ""
        detailsTitle: i18n("What happened")
    }
    NoteCard {
        objectName: "blocked"
        visible: page.standing === Centre.Blocked
        text: page.sentence_(page.centre.problem.why, page.centre.problem.todo)
        details: page.centre.problem.isSet ? page.centre.problem.text() : ""
    }
    NoteCard {
        objectName: "unreached"
        visible: page.standing === Centre.Unreached
        type: page.isUntrusted || page.isStale ? Kirigami.MessageType.Error : Kirigami.MessageType.Information
        text: page.isUntrusted ? i18n("Somebody may stand between this computer and the server, or the maker has made a mistake. Try again in another network, or later; until then this computer stays as it is.")
            : page.isStale ? i18n("The maker may not have renewed it, or somebody keeps what is newer from this computer. Look at this computer's date, and try again later or in another network.")
            : !page.centre.online ? i18n("Connect to a network, then try again.")
            : page.sentence_(page.centre.checkProblem.why, page.centre.checkProblem.todo)
        details: page.centre.checkProblem.isSet ? page.centre.checkProblem.text() : ""
        action: copies
    }
    NoteCard {
        objectName: "refusedPlan"
        visible: page.standing === Centre.Available && page.centre.planProblem.isSet
        type: Kirigami.MessageType.Error
        title: page.centre.planProblem.what
        text: page.sentence_(page.centre.planProblem.why, page.centre.planProblem.todo)
        details: page.centre.planProblem.isSet ? page.centre.planProblem.text() : ""
        action: copies
    }
    Component {
        id: copies
        QQC2.Button {
            objectName: "copyDetails"
            text: i18n("Copy details")
            icon.name: "edit-copy"
            onClicked: page.centre.copy((page.standing === Centre.Unreached ? page.centre.checkProblem : page.centre.planProblem).text())
        }
    }
    NoteCard {
        objectName: "silent"
        visible: page.centre.silentWeeks > 0 && page.standing !== Centre.Checking && page.standing !== Centre.Waiting
        type: Kirigami.MessageType.Warning
        title: i18np("Nothing came from the maker for a week", "Nothing came from the maker for %1 weeks", page.centre.silentWeeks)
        text: i18n("Either there was nothing to mend, or something keeps updates from this computer. Ask the maker of %1 if this goes on.", page.centre.system)
    }
    NoteCard {
        objectName: "failedHere"
        visible: page.standing === Centre.Available && page.centre.failedHere && page.centre.left.what === undefined
        type: Kirigami.MessageType.Warning
        title: i18n("%1 was tried here before and did not start properly", page.centre.nextTitle)
        text: i18n("If it does not come up again, this computer goes back to %1 by itself.", page.centre.title)
    }
    NoteCard {
        objectName: "offline"
        visible: !page.centre.online && (page.standing === Centre.Available || page.standing === Centre.Paused || page.standing === Centre.Current || page.standing === Centre.Never)
        title: i18n("There is no connection to the internet")
        text: page.centre.checked
    }
    NoteCard {
        objectName: "metered"
        visible: page.centre.metered && page.centre.online && (page.standing === Centre.Available || page.standing === Centre.Paused)
        title: i18n("This connection costs")
        text: i18n("Nothing is fetched over it before you say so.")
    }

    News {
        visible: page.standing === Centre.Available || page.standing === Centre.Waiting && text !== ""
        title: page.standing === Centre.Available ? i18n("What is new") : i18n("What is new in %1", page.centre.nextTitle)
        text: page.centre.notes
        address: page.centre.changeLog
        lines: page.centre.consequences
        details: page.centre.details
    }

    QQC2.Button {
        objectName: "discard"
        text: i18n("Discard…")
        icon.name: "edit-delete"
        visible: page.standing === Centre.Paused
        Layout.alignment: Qt.AlignHCenter
        onClicked: discards.open()
    }

    // As sentences; a server's name stays as it is written.
    function sentence_(why: string, todo: string): string {
        return [why, todo].filter(part => part !== "").map(part => (/^\S+\.\S/.test(part) ? part : part.charAt(0).toUpperCase() + part.slice(1)) + (/[.!?。]$/.test(part) ? "" : ".")).join(" ");
    }

    Section {
        title: i18n("This computer")
        visible: here.visible
    }
    LinkCard {
        id: here
        links: [
            { id: "VersionsPage", title: i18n("Versions on this computer"), icon: "view-history",
              line: i18np("One version", "%1 versions", page.centre.versions.length) },
            { id: "FeaturesPage", title: i18n("Optional features"), icon: "plugins",
              line: page.centre.features.length === 0 ? i18n("None") : i18np("%2 of one switched on", "%2 of %1 switched on", page.centre.features.length, page.centre.features.filter(each => each.enabled).length) },
            { id: "PolicyPage", title: i18n("How updates come"), icon: "configure",
              line: page.centre.policy.automatic === "fetch" ? i18n("Fetched and prepared by themselves") : page.centre.policy.automatic === "check" ? i18n("Looked for by themselves, fetched when you say so") : i18n("Only when you look") },
        ].filter(each => page.standing !== Centre.Blocked || each.id === "VersionsPage" && page.centre.versions.length > 0)
        visible: links.length > 0
        onFollowed: id => page.window.place = id
    }
    Section { title: i18n("Updated elsewhere") }
    LinkCard {
        links: page.window.elsewhere.places
        onFollowed: id => page.window.elsewhere.open(id)
    }
    Item { Layout.fillHeight: true }
}
