// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts

// There are people already: nothing is to be set up, and the program makes way by itself.
FirstPage {
    id: page

    property int seconds: 10

    question: i18n("This computer is set up")
    sentence: i18np("Sign in with your account. This closes in one second.", "Sign in with your account. This closes in %1 seconds.", seconds)
    iconName: "qrc:/qt/qml/org/preon/ui/done.svg"
    canGoBack: false
    verb: i18n("Close")
    goesOn: false
    onProceed: Qt.quit()

    Timer {
        interval: 1000
        repeat: true
        running: true
        onTriggered: {
            if (--page.seconds <= 0)
                Qt.quit();
        }
    }
    Item { Layout.fillHeight: true }
}
