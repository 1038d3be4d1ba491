// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.preon.ui

InstallerPage {
    question: i18n("Welcome to %1", installation.machine.system)
    sentence: i18n("Choose your language. The installed system speaks it.")
    iconName: Qt.resolvedUrl("org.preon.installer.svg")
    canGoBack: false
    firstFocus: list.firstFocus

    ChoiceList {
        id: list
        objectName: "languages"
        label: i18n("Language")
        model: installation.languages
        searchable: false
        onAccepted: window.goOn()
    }
    QQC2.Switch {
        objectName: "speech"
        text: i18n("Screen reader (Super+Alt+S)")
        visible: window.canSpeak
        checked: window.speech.on
        Layout.alignment: Qt.AlignHCenter
        // toggled() is not told of what a reader presses.
        onCheckedChanged: {
            if (checked === window.speech.on)
                return;
            window.speech.toggle();
            checked = Qt.binding(() => window.speech.on);
        }
    }
    Item { Layout.fillHeight: true }
}
