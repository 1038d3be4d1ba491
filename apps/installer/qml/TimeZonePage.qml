// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui

SetupPage {
    question: i18n("Where are you?")
    sentence: i18n("The nearest large city sets the clock.")
    firstFocus: list.firstFocus

    ChoiceList {
        id: list
        objectName: "timeZones"
        label: i18n("Time zone")
        model: setup.timeZones
        onAccepted: window.goOn()
    }
}
