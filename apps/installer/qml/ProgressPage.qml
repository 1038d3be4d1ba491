// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.installer

JobPage {
    id: page

    required property var window
    required property Setup setup
    readonly property Installation installation: setup as Installation

    job: installation.job
    question: i18n("Installing %1", installation.machine.system)
    sentence: i18n("On %1. This window may be closed: the work goes on.", installation.disks.chosenName !== "" ? installation.disks.chosenName : job?.target ?? "")
    onCancelAsked: ask.open()
    notes: [
        BatteryNote {
            power: page.installation.power
            text: i18n("This computer runs on its battery. Connect the charger: if it runs empty now, the system stays half installed.")
        },
        QQC2.Label {
            objectName: "lid"
            text: i18n("Leave the lid open until it is done.")
            visible: page.installation.power.lidIsOpen
            horizontalAlignment: Text.AlignHCenter
            wrapMode: Text.Wrap
            opacity: 0.8
            Layout.fillWidth: true
        }
    ]

    AskDialog {
        id: ask
        page: page
        title: i18n("Stop the installation?")
        subtitle: i18n("It stops at the next safe point. What was erased by then stays erased, and %1 does not start from this disk.", page.installation.machine.system)
        keepOnText: i18n("Keep installing")
        verb: i18n("Stop")
        verbIcon: "dialog-cancel"
        onAgreed: page.job.cancel()
    }
    Connections {
        target: page.job
        function onChanged(): void {
            if (!page.job.cancellable)
                ask.close();
        }
        function onRefused(problem: problem): void {
            notStopped.text = problem.what;
            notStopped.visible = true;
        }
    }
    Kirigami.InlineMessage {
        id: notStopped
        type: Kirigami.MessageType.Warning
        visible: false
        Layout.fillWidth: true
        Accessible.name: text
    }
    Tour {
        visible: !page.showsDetails
        system: page.installation.machine.system
    }
}
