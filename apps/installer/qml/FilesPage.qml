// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui

// Only where there can be no encrypted home here: why, and what can be done instead.
FirstPage {
    id: page

    function reasonOf(problem: problem): string {
        const why = problem.why === "" ? problem.what : i18nc("what is wrong: why", "%1: %2", problem.what, problem.why);
        return [why, problem.todo].filter(part => part !== "").join(". ");
    }

    question: i18n("How should your files be kept?")
    sentence: i18n("An encrypted home of your own is not possible on this computer as it is.")
    canContinue: start.kind !== ""
    firstFocus: start.ordinaryProblem.isSet ? again : ordinary

    ChoiceCard {
        objectName: "files:encrypted"
        text: i18n("In an encrypted home")
        reason: page.reasonOf(start.encryptedProblem)
        iconName: "folder-encrypted"
        selected: false
    }
    ChoiceCard {
        id: ordinary
        objectName: "files:ordinary"
        text: i18n("In an ordinary account")
        line: start.lock === "none" ? i18n("Your files lie on the disk as they are: whoever takes the disk can read them.")
                                    : i18n("Your files lie on this computer’s disk, which is encrypted as a whole. While it runs, whoever looks after it could read them.")
        reason: start.ordinaryProblem.isSet ? page.reasonOf(start.ordinaryProblem) : ""
        iconName: "user-home"
        selected: start.kind === "ordinary"
        onChosen: start.kind = "ordinary"
        onAccepted: window.goOn()
    }
    QQC2.Button {
        id: again
        objectName: "again"
        text: i18n("Check again")
        icon.name: "view-refresh"
        Layout.alignment: Qt.AlignHCenter
        onClicked: start.refresh()
    }
    Item { Layout.fillHeight: true }
}
