// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.installer

InstallerPage {
    id: page

    readonly property Way way: installation.way
    readonly property bool erases: way.mode === "erase" && way.lost.length > 0

    question: erases ? i18n("Erase this disk and install %1?", installation.machine.system) : i18n("Install %1?", installation.machine.system)
    sentence: installation.disks.chosenName
    verb: way.mode === "erase" ? (erases ? i18n("Erase and install") : i18n("Install")) : way.mode === "reinstall" ? i18n("Install anew") : i18n("Install")
    destructive: erases
    holds: erases
    canContinue: way.state === Way.Planned && !installation.beginning
    goesOn: false
    onProceed: installation.begin()

    BatteryNote {
        power: page.installation.power
        text: i18n("This computer runs on its battery. Connect the charger before you begin.")
    }
    BitLockerNote { installation: page.installation }
    DiskBar {
        objectName: "barNow"
        title: i18nc("the disk as it is", "Now")
        segments: page.way.now
    }
    DiskBar {
        objectName: "barAfter"
        title: i18nc("the disk after the installation", "Afterwards")
        segments: page.way.after
        compares: true
        Layout.bottomMargin: Kirigami.Units.largeSpacing
    }
    Facts {
        title: i18n("Erased, for good")
        lines: page.way.lost
        iconName: "edit-delete"
        ink: Kirigami.Theme.negativeTextColor
    }
    Facts {
        title: i18n("Stays")
        iconName: "checkmark"
        ink: Kirigami.Theme.positiveTextColor
        lines: page.way.mode === "beside" ? [i18n("Everything that is on the disk now")]
             : page.way.mode === "reinstall" ? page.way.kept
             : page.erases ? [] : [i18n("The disk is empty: nothing is lost")]
    }
    Facts {
        title: i18n("The new system")
        iconName: "run-install"
        lines: [
            installation.machine.version === "" ? installation.machine.system : i18nc("name and version of the system", "%1, version %2", installation.machine.system, installation.machine.version),
            i18nc("language, keyboard and time zone", "%1 · %2 · %3", installation.languages.currentTitle, installation.keyboards.currentTitle, installation.timeZones.currentTitle),
            installation.machine.protectionTitle,
            page.way.network === "" ? "" : i18nc("the network that the new system will know", "Wi-Fi “%1”", page.way.network),
        ].filter(line => line !== "")
    }
    Facts {
        title: i18n("Good to know")
        iconName: "documentinfo"
        lines: page.way.mode === "beside" && installation.disks.windows
             ? page.way.notes.concat([i18n("Windows and %1 keep the clock in different ways. If one of them shows a wrong hour, let it set the time over the network.", installation.machine.system)])
             : page.way.notes
    }
    Details { text: page.way.details }
    QQC2.BusyIndicator {
        visible: installation.beginning || page.way.state === Way.Planning
        Layout.alignment: Qt.AlignHCenter
        Accessible.name: i18n("Beginning")
    }
    Item { Layout.fillHeight: true }
}
