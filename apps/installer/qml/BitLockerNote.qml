// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.preon.installer

// Windows may ask for its key when something else was started before it.
Kirigami.InlineMessage {
    required property Installation installation

    objectName: "bitLocker"
    visible: installation.disks.bitLocker && installation.way.mode === "beside"
    type: Kirigami.MessageType.Information
    text: i18n("Windows on this disk is locked with BitLocker, and may ask for its recovery key once. Note the key before you begin: account.microsoft.com/devices/recoverykey")
    Layout.fillWidth: true
    Layout.bottomMargin: Kirigami.Units.smallSpacing
    Accessible.name: text
}
