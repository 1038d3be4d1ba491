// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.installer

// The window of a way through pages, with the way at the top. Whoever is one says its steps and which page is shown.
PageWindow {
    id: window

    property Setup setup
    property var steps: [] // of { page: name of a file, title }
    property int step: 0
    property bool showsWay: true

    signal wentOn // a page's question is answered, and it was not the last one

    folder: Qt.resolvedUrl(".")
    given: ({ setup: setup })
    canStepBack: step > 0

    function next(): void {
        wentOn();
        step = Math.min(step + 1, steps.length - 1);
    }

    header: Item {
        implicitHeight: way.implicitHeight
        StepBar {
            id: way
            anchors.fill: parent
            visible: window.showsWay
            steps: window.steps.map(each => each.title)
            current: window.step
        }
    }

    // Where no desktop does it.
    readonly property Speech speech: Speech { language: window.setup.languages.current }
    readonly property bool canSpeak: kiosk && speech.available
    Shortcut {
        sequence: "Meta+Alt+S"
        context: Qt.ApplicationShortcut
        enabled: window.canSpeak
        onActivated: window.speech.toggle()
    }
}
