// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts

FirstPage {
    id: page

    question: i18n("What is this computer called?")
    sentence: i18n("Other devices see this name, in your network and over Bluetooth.")
    canContinue: start.hostnameProblem === ""
    firstFocus: name.input
    Component.onCompleted: name.text = start.hostname

    Field {
        id: name
        objectName: "hostname"
        label: i18n("Name of this computer")
        problem: start.hostnameProblem
        keyboard: start.typedOn
        maximumLength: 64
        leftToRight: true
        onEdited: start.hostname = text
        onAccepted: window.goOn()
    }
    Item { Layout.fillHeight: true }
}
