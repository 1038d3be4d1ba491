// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.updates

// An update while it runs, whoever began it.
JobPage {
    id: page

    required property var window
    required property Centre centre
    readonly property string target: job?.target ?? ""

    job: centre.job
    question: target !== "" ? i18n("Updating to %1", target) : i18n("Updating")
    sentence: i18n("You can go on working. This window may be closed: the work goes on, and nothing changes before a restart.")
    iconName: "qrc:/qt/qml/org/preon/updates/turning.svg"
    cancelText: i18n("Pause")
    cancelIcon: "media-playback-pause"
    cancellingText: i18n("Pausing at the next safe point…")
    showsAmount: true
    // What was fetched stays, so nothing needs to be asked.
    onCancelAsked: centre.pause()

    Kirigami.InlineMessage {
        id: notPaused
        objectName: "notPaused"
        type: Kirigami.MessageType.Warning
        visible: false
        Layout.fillWidth: true
        Accessible.name: text
    }
    Connections {
        target: page.job
        function onRefused(problem: problem): void {
            notPaused.text = problem.what;
            notPaused.visible = true;
        }
    }
}
