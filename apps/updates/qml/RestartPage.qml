// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.updates

// A version waits for the restart that brings it: now, tonight or later, and what speaks against now.
UpdatesPage {
    id: page

    readonly property bool isPlanned: !isNaN(centre.restart.planned.getTime())
    readonly property bool onBattery: centre.power.onBattery ?? false
    readonly property bool isLow: onBattery && (centre.power.percent ?? -1) >= 0 && centre.power.percent < 20
    // Three in the morning, the next one.
    readonly property date night: {
        const when = new Date();
        if (when.getHours() >= 3)
            when.setDate(when.getDate() + 1);
        when.setHours(3, 0, 0, 0);
        return when;
    }
    function hour(when: date): string {
        return when.toLocaleTimeString(Qt.locale(), Locale.ShortFormat);
    }

    question: i18n("Restart to use %1", centre.nextTitle)
    sentence: isPlanned ? i18n("This computer restarts by itself at %1. What is open then is closed.", hour(centre.restart.planned))
            : i18n("It is in its place. %1 stays, should anything be wrong with it: this computer goes back by itself.", centre.title)
    iconName: "qrc:/qt/qml/org/preon/ui/done.svg"
    canGoBack: false
    verb: centre.restart.possible ? i18n("Restart now") : ""
    firstFocus: later
    onProceed: centre.restart.now()
    Component.onCompleted: centre.restart.ask()

    NoteCard {
        objectName: "others"
        visible: page.centre.others > 0
        type: Kirigami.MessageType.Warning
        title: i18np("Somebody else is logged in", "%1 other people are logged in", page.centre.others)
        text: i18n("What they have not saved is lost when this computer restarts.")
    }
    NoteCard {
        objectName: "battery"
        visible: page.onBattery
        type: page.isLow ? Kirigami.MessageType.Warning : Kirigami.MessageType.Information
        title: page.isLow ? i18n("The battery is low: %1 %", page.centre.power.percent) : i18n("This computer runs on its battery")
        text: page.isLow ? i18n("Connect the charger before you restart.") : i18n("The first start of a new version takes a little longer.")
    }
    NoteCard {
        objectName: "noRestart"
        visible: !page.centre.restart.possible
        title: i18n("This computer cannot be restarted from here")
        text: i18n("Restart it as you usually do. %1 is used from then on.", page.centre.nextTitle)
    }

    Item {
        implicitHeight: Kirigami.Units.smallSpacing
        Layout.fillWidth: true
    }
    QQC2.Button {
        objectName: "tonight"
        text: i18nc("a time", "Tonight at %1", page.hour(page.night))
        icon.name: "clock"
        visible: page.centre.restart.possible && !page.isPlanned
        Layout.alignment: Qt.AlignHCenter
        onClicked: page.centre.restart.at(page.night)
    }
    QQC2.Button {
        objectName: "notTonight"
        text: i18n("Do not restart by itself")
        icon.name: "dialog-cancel"
        visible: page.isPlanned
        Layout.alignment: Qt.AlignHCenter
        onClicked: page.centre.restart.takeBack()
    }
    QQC2.Button {
        id: later
        objectName: "later"
        text: page.isPlanned ? i18n("All right") : i18n("Later")
        Layout.alignment: Qt.AlignHCenter
        onClicked: page.window.later = true
    }
    Item { Layout.fillHeight: true }
}
