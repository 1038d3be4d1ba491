// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.updates

// How updates come by themselves, for everybody on this computer. Saved as a whole, since it may ask for a password.
UpdatesPage {
    id: page

    readonly property real megabyte: 1000000
    property string automatic
    property bool metered
    property bool notify
    property real rate // bytes a second; 0: as fast as it goes
    readonly property var policy: centre.policy
    readonly property bool isChanged: automatic !== policy.automatic || metered !== policy.metered || notify !== policy.notify || rate !== Number(policy.rate)

    function take(): void {
        automatic = policy.automatic ?? "check";
        metered = policy.metered ?? false;
        notify = policy.notify ?? true;
        rate = Number(policy.rate ?? 0);
    }

    question: i18n("How should updates come?")
    sentence: i18n("A new version is used from a restart on, and never restarts this computer by itself.")
    verb: i18n("Save")
    canContinue: isChanged
    firstFocus: cards.itemAt(Math.max(0, cards.model.findIndex(each => each.id === automatic)))
    Component.onCompleted: take()
    onProceed: centre.setPolicy({ automatic: automatic, metered: metered, notify: notify, rate: rate })

    Connections {
        target: page.centre
        function onPolicySet(): void {
            page.window.place = "";
        }
    }

    ColumnLayout {
        spacing: Kirigami.Units.largeSpacing
        Layout.fillWidth: true
        Accessible.role: Accessible.Grouping
        Accessible.name: page.question
        Repeater {
            id: cards
            model: [
                { id: "fetch", icon: "download", title: i18n("By themselves"), line: i18n("Looked for, fetched and put in place in the background; you restart when it suits you.") },
                { id: "check", icon: "view-refresh", title: i18n("Tell me"), line: i18n("Looked for each day. Nothing is fetched before you say so.") },
                { id: "off", icon: "dialog-cancel", title: i18n("Only when I look"), line: i18n("Holes that others know how to use stay open until you look here.") },
            ]
            ChoiceCard {
                required property var modelData
                objectName: "automatic-" + modelData.id
                text: modelData.title
                line: modelData.line
                iconName: modelData.icon
                selected: page.automatic === modelData.id
                onChosen: page.automatic = modelData.id
                onAccepted: if (page.canContinue) page.proceed()
            }
        }
    }
    Section {
        title: i18n("In the background")
        visible: page.automatic !== "off"
    }
    ChoiceCard {
        objectName: "notify"
        text: i18n("Say when there is something new")
        line: page.automatic === "fetch" ? i18n("A notification when a restart is worth it.") : i18n("A notification when a new version is there.")
        toggles: true
        selected: page.notify
        visible: page.automatic !== "off"
        onChosen: page.notify = !page.notify
    }
    ChoiceCard {
        objectName: "meteredToggle"
        text: i18n("Also over connections that cost")
        line: i18n("A telephone's, for instance. Otherwise this waits for another network.")
        toggles: true
        selected: page.metered
        visible: page.automatic === "fetch"
        onChosen: page.metered = !page.metered
    }
    ChoiceCard {
        objectName: "limit"
        text: i18n("Leave room for others in this network")
        line: page.rate > 0 ? i18n("At most %1 MB in a second.", (page.rate / page.megabyte).toLocaleString(Qt.locale(), "f", page.rate % page.megabyte ? 1 : 0)) : i18n("Now it is fetched as fast as it goes.")
        toggles: true
        selected: page.rate > 0
        onChosen: {
            page.rate = page.rate > 0 ? 0 : 2 * page.megabyte;
            if (page.rate > 0)
                Qt.callLater(() => speed.forceActiveFocus(Qt.TabFocusReason));
        }
    }
    RowLayout {
        enabled: page.rate > 0
        spacing: Kirigami.Units.largeSpacing
        Layout.fillWidth: true
        Layout.leftMargin: Kirigami.Units.largeSpacing * 1.5
        QQC2.Label {
            text: i18n("MB in a second, at most")
            opacity: enabled ? 1 : 0.5
            wrapMode: Text.Wrap
            Layout.fillWidth: true
            Accessible.ignored: true
        }
        QQC2.SpinBox {
            id: speed
            objectName: "rate"
            from: 1
            to: 1000
            editable: true
            value: page.rate > 0 ? Math.max(1, Math.round(page.rate / page.megabyte)) : 2
            Accessible.name: i18n("MB in a second, at most")
            onValueModified: page.rate = value * page.megabyte
        }
    }
    Item { Layout.fillHeight: true }
}
