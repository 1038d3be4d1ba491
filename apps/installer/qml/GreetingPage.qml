// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui

FirstPage {
    id: page

    readonly property bool asksLanguage: start.asked.includes("language")

    question: start.oem.name !== "" ? i18n("Welcome to your new computer by %1", start.oem.name) : i18n("Welcome to %1", start.system)
    sentence: asksLanguage ? i18n("Choose your language. A few questions follow, and this computer is yours.") : i18n("A few questions, and this computer is yours.")
    logo: start.oem.logo
    iconName: start.oem.logo.toString() === "" ? Qt.resolvedUrl("org.preon.installer.svg") : ""
    canGoBack: false
    firstFocus: asksLanguage ? list.firstFocus : null

    ChoiceList {
        id: list
        objectName: "languages"
        visible: page.asksLanguage
        label: i18n("Language")
        model: start.languages
        searchable: false
        onAccepted: window.goOn()
    }
    ChoiceCard {
        objectName: "known"
        visible: !page.asksLanguage
        selectable: false
        iconName: "preferences-desktop-locale"
        text: i18n("What was chosen before")
        line: i18nc("language, keyboard and time zone", "%1 · %2 · %3", start.languages.currentTitle, start.keyboards.currentTitle, start.timeZones.currentTitle)
    }
    QQC2.Button {
        objectName: "askAgain"
        visible: !page.asksLanguage
        text: i18n("Choose others")
        icon.name: "document-edit"
        Layout.alignment: Qt.AlignHCenter
        onClicked: {
            start.asksAgain = true;
            Qt.callLater(window.focusFirst);
        }
    }
    ColumnLayout {
        spacing: Kirigami.Units.smallSpacing
        Layout.fillWidth: false
        Layout.alignment: Qt.AlignHCenter
        Layout.topMargin: Kirigami.Units.largeSpacing
        QQC2.Switch {
            objectName: "speech"
            text: i18n("Screen reader (Super+Alt+S)")
            visible: window.canSpeak
            checked: window.speech.on
            // toggled() is not told of what a reader presses.
            onCheckedChanged: {
                if (checked === window.speech.on)
                    return;
                window.speech.toggle();
                checked = Qt.binding(() => window.speech.on);
            }
        }
        QQC2.Switch {
            objectName: "largeText"
            text: i18n("Large text")
            checked: start.largeText
            onCheckedChanged: start.largeText = checked
        }
    }
    QQC2.Label {
        objectName: "support"
        visible: start.oem.support.toString() !== ""
        text: i18nc("maker of this computer, address", "Help from %1: %2", start.oem.name, start.oem.support.toString())
        textFormat: Text.PlainText
        opacity: 0.8
        wrapMode: Text.WrapAnywhere
        horizontalAlignment: Text.AlignHCenter
        Layout.fillWidth: true
    }
    Item { Layout.fillHeight: true }
}
