// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui

// The key that opens this computer when nothing else does. It counts once a group of it was typed back.
FirstPage {
    id: page

    property bool isChecking: false
    property problem refusal
    readonly property bool isDone: start.recoveryKey.tested

    question: isDone ? i18n("The recovery key is yours") : isChecking ? i18n("Do you have the recovery key?") : i18n("Keep this recovery key")
    sentence: isDone ? i18n("It is tried against the disk while your account is made.")
            : isChecking ? i18n("Look at what you wrote down, printed or photographed.")
            : start.lock === "passphrase" ? i18n("It opens this computer if its passphrase is forgotten. Keep it somewhere else than here.")
            : start.lock === "tpm-pin" ? i18n("It opens this computer if its PIN is forgotten, or its security chip forgets. Keep it somewhere else than here.")
            : i18n("It opens this computer if its security chip forgets, after a repair or new firmware. Keep it somewhere else than here.")
    verb: isChecking || isDone ? i18n("Continue") : i18n("I have it")
    canContinue: isDone || (!isChecking && start.recoveryKey.isSet)
    hasInner: isChecking && !isDone
    firstFocus: isDone ? null : card.visible ? card.firstFocus : refusal.isSet ? again : null
    onLeaveInner: {
        isChecking = false;
        Qt.callLater(window.focusFirst);
    }
    goesOn: false
    onProceed: {
        if (isDone) {
            window.next();
        } else {
            isChecking = true;
            Qt.callLater(window.focusFirst);
        }
    }
    Component.onCompleted: start.makeRecoveryKey()
    Connections {
        target: start
        function onRecoveryKeyRefused(problem: problem): void {
            page.refusal = problem;
        }
    }
    Connections {
        target: start.recoveryKey
        function onChanged(): void {
            Qt.callLater(window.focusFirst);
        }
    }

    Sticks { id: removable }
    QQC2.BusyIndicator {
        visible: !start.recoveryKey.isSet && !page.refusal.isSet
        Layout.alignment: Qt.AlignHCenter
        Accessible.name: i18n("Making a key")
    }
    Notice {
        objectName: "keyRefused"
        visible: page.refusal.isSet && !start.recoveryKey.isSet
        iconName: "dialog-warning"
        title: page.refusal.what
        text: [page.refusal.why, page.refusal.todo].filter(part => part !== "").join(". ")
    }
    QQC2.Button {
        id: again
        objectName: "again"
        text: i18n("Try again")
        icon.name: "view-refresh"
        visible: page.refusal.isSet && !start.recoveryKey.isSet
        Layout.alignment: Qt.AlignHCenter
        onClicked: start.makeRecoveryKey()
    }
    RecoveryKeyCard {
        id: card
        visible: start.recoveryKey.isSet && !page.isDone
        key: start.recoveryKey
        title: i18nc("name of a system, name of a computer", "Recovery key of %1 on %2", start.system, start.hostname)
        checks: page.isChecking
        canSave: !window.kiosk
        sticks: window.kiosk ? removable : null
        onMatched: window.next()
    }
    ChoiceCard {
        objectName: "keyDone"
        visible: page.isDone
        selectable: false
        iconName: "emblem-success"
        text: i18n("You have it, and it fits")
        line: i18n("It is not kept on this computer. Should it get lost, make a new one.")
    }
    ColumnLayout {
        visible: !page.isDone
        spacing: Kirigami.Units.smallSpacing
        Layout.fillWidth: true
        Layout.topMargin: Kirigami.Units.gridUnit
        QQC2.Button {
            objectName: "skip"
            text: i18n("Go on without one")
            onClicked: {
                start.recoveryKey.clear();
                window.next();
            }
        }
        QQC2.Label {
            text: start.lock === "passphrase" ? i18n("Then only the passphrase opens this computer. A key can be made later.")
                : start.lock === "tpm-pin" ? i18n("Then only this computer with its PIN opens your files; if its security chip is reset they are lost. A key can be made later.")
                : i18n("Then only this computer’s security chip opens your files; if it is reset or repaired they are lost. A key can be made later.")
            opacity: 0.8
            wrapMode: Text.Wrap
            Layout.fillWidth: true
        }
    }
    Item { Layout.fillHeight: true }
}
