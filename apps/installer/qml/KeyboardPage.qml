// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.installer

SetupPage {
    id: page

    question: i18n("Which keyboard do you have?")
    sentence: i18n("Try the letters and signs that you use in passwords in the field at the bottom.")
    firstFocus: list.firstFocus

    ChoiceList {
        id: list
        objectName: "keyboards"
        label: i18n("Keyboard")
        model: setup.keyboards
        onAccepted: window.goOn()
    }
    TryOutField {
        objectName: "tryOut"
        keyboard: setup.keyboards.current
        placeholder: i18n("Type here to try “%1”", setup.keyboards.currentTitle)
        Layout.fillWidth: true
    }
}
