// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui

// What will be made.
FirstPage {
    id: page

    readonly property bool returns: start.plan.account?.kind === "kept"
    readonly property bool isEncrypted: start.plan.account?.kind === "encrypted"

    question: i18n("Ready, %1?", start.account.firstName)
    sentence: i18n("Nothing was changed so far. This is what will be made.")
    verb: start.returning !== "" ? i18n("Open my home and begin") : i18n("Create account and begin")
    canContinue: start.planned && !start.beginning
    goesOn: false
    onProceed: start.begin()
    Component.onCompleted: start.makePlan()
    Connections {
        target: start.helper
        function onAnewed(): void {
            start.makePlan();
        }
    }
    Connections {
        target: start
        function onPlanChanged(): void {
            if (start.planned)
                window.focusFirst();
        }
    }

    Facts {
        title: i18n("Your account")
        iconName: "user-identity"
        lines: !start.planned ? [] : [
            i18nc("name of a person, name for signing in", "%1, signing in as “%2”", start.plan.account?.realName || start.account.realName, start.plan.account?.name ?? ""),
            page.returns ? i18n("Your home as you left it, with the password that you have")
            : !page.isEncrypted ? i18n("An ordinary home in %1", start.plan.account?.home ?? "")
            : start.homeInPlan === "" ? i18n("A home that is encrypted by your password") : i18n("A home that is encrypted by your password, with room for %1", start.homeInPlan),
        ]
    }
    Facts {
        title: i18n("This computer")
        iconName: "computer"
        lines: !start.planned ? [] : [
            i18n("It is called “%1”", start.plan.settings?.hostname ? start.plan.settings.hostname : start.hostname),
            i18nc("language, keyboard and time zone", "%1 · %2 · %3", start.languages.currentTitle, start.keyboards.currentTitle, start.timeZones.currentTitle),
            start.network.joined !== "" ? i18nc("the network that the new system will know", "Wi-Fi “%1”", start.network.joined) : "",
        ].filter(line => line !== "")
    }
    Facts {
        title: i18n("The way back in")
        iconName: "object-unlocked"
        lines: !start.planned ? [] : [
            start.plan.recoveryKey ? i18n("Your recovery key is tried, and opens this computer from then on")
            : start.recoveryKeyProblem.isSet ? i18nc("what is wrong: why", "No recovery key can be made: %1", start.recoveryKeyProblem.what)
            : start.asked.includes("recovery-key") ? i18n("There is no recovery key. One can be made later") : i18n("As it was set up before"),
        ]
    }
    Details { text: start.plan.text ?? "" }
    QQC2.BusyIndicator {
        visible: !start.planned || start.beginning
        Layout.alignment: Qt.AlignHCenter
        Accessible.name: start.beginning ? i18n("Beginning") : i18n("Planning")
    }
    Item { Layout.fillHeight: true }
}
