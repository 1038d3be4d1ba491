// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.preon.installer

// Says that the charger is not connected, for as long as that is so.
Kirigami.InlineMessage {
    required property Power power

    objectName: "onBattery"
    visible: power.onBattery
    type: Kirigami.MessageType.Warning
    Layout.fillWidth: true
    Layout.bottomMargin: Kirigami.Units.smallSpacing
    Accessible.name: text
}
