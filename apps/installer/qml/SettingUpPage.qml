// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

JobPage {
    id: page

    required property var window
    required property Setup setup
    readonly property FirstStart start: setup as FirstStart

    job: start.job
    question: i18n("Getting everything ready")
    sentence: i18n("This takes a minute. Should the power go, it goes on from there.")
    onCancelAsked: ask.open()

    AskDialog {
        id: ask
        page: page
        title: i18n("Stop here?")
        subtitle: i18n("It stops at the next safe point. What you typed is kept, and you can change it and begin again.")
        keepOnText: i18n("Go on")
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
    }
}
