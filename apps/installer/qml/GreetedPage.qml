// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.preon.ui

// Done. The program ends well, and whoever started it goes on to the sign-in.
FirstPage {
    id: page

    readonly property string name: start.account.firstName !== "" ? start.account.firstName
                                 : (start.job?.plan.account?.realName ?? "") !== "" ? start.job.plan.account.realName.split(" ")[0] : start.job?.result.account ?? ""

    question: i18n("Welcome, %1", name)
    sentence: i18n("Everything is ready. From now on you sign in with your password.")
    iconName: "qrc:/qt/qml/org/preon/ui/done.svg"
    canGoBack: false
    verb: i18n("Start using %1", start.system)
    goesOn: false
    onProceed: Qt.quit()

    ChoiceCard {
        objectName: "keySkipped"
        visible: start.job?.result.recoveryKey === "skipped"
        selectable: false
        iconName: "dialog-information"
        text: i18n("There is no recovery key yet")
        line: i18n("Make one soon, in the recovery settings: then nothing that happens to this computer’s chip locks you out.")
    }
    ChoiceCard {
        objectName: "keyTested"
        visible: start.job?.result.recoveryKey === "tested"
        selectable: false
        iconName: "security-high"
        text: i18n("Your recovery key works")
        line: i18n("It was tried against this computer’s disk. Keep it somewhere safe.")
    }
    Details { text: (start.job?.notes ?? []).join("\n") }
    Item { Layout.fillHeight: true }
}
