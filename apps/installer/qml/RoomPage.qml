// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.installer

// There is no free space to install into, and we never shrink what is there: how a person makes room.
InstallerPage {
    id: page

    readonly property var refusal: {
        const beside = installation.way.modes.find(each => each.mode === "beside");
        return beside ? beside.refusal : null;
    }
    readonly property bool hasRoom: refusal !== null && !refusal.isSet

    question: hasRoom ? i18n("There is room now") : i18n("Make room for %1", installation.machine.system)
    sentence: hasRoom || !refusal ? "" : refusal.why.charAt(0).toUpperCase() + refusal.why.slice(1) + "."
    verb: hasRoom ? i18n("Continue") : i18n("Check again")
    firstFocus: null
    goesOn: false
    onProceed: {
        if (hasRoom) {
            installation.way.mode = "beside";
            window.makesRoom = false;
        } else {
            checked.visible = false;
            installation.disks.refresh();
        }
    }
    Connections {
        target: installation.disks
        function onChanged(): void {
            checked.visible = !page.hasRoom;
        }
    }

    QQC2.Label {
        visible: !page.hasRoom
        text: i18n("%1 never shrinks what others have written. Windows can do that itself, and safely:", installation.machine.system)
        wrapMode: Text.Wrap
        Layout.fillWidth: true
    }
    Repeater {
        model: page.hasRoom ? [] : [
            i18n("Restart into Windows. Save what matters to you on another disk."),
            installation.disks.bitLocker
                ? i18n("Windows is locked with BitLocker. Note its recovery key: it is at account.microsoft.com/devices/recoverykey.")
                : i18n("If Windows is locked with BitLocker, note its recovery key: it is at account.microsoft.com/devices/recoverykey."),
            i18n("Suspend BitLocker until you are done: Control Panel, BitLocker Drive Encryption, “Suspend protection”."),
            i18n("Switch Fast Startup off: Control Panel, Power Options, “Choose what the power buttons do”."),
            i18n("Right-click the Start button and choose Disk Management. Right-click the large partition (C:), then Shrink Volume."),
            i18n("Enter at least what is needed, in MB (1 GB is about 1000 MB), and leave the new space unallocated."),
            i18n("Shut Windows down, start from this stick, and come back here."),
        ]
        StepLine {}
    }
    Kirigami.InlineMessage {
        id: checked
        objectName: "stillNoRoom"
        visible: false
        text: i18n("Checked just now: there is still not enough free space.")
        Layout.fillWidth: true
        Accessible.name: text
    }
    Details { text: page.refusal?.isSet ? page.refusal.text() : "" }
    Item { Layout.fillHeight: true }
}
