// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// How hard a password is to guess, as a bar of four parts and a word.
RowLayout {
    id: bar

    required property int strength // 0 … 100
    required property string words
    readonly property int parts: strength <= 0 ? 0 : Math.min(4, 1 + Math.floor(strength / 25))

    objectName: "strength"
    spacing: Kirigami.Units.largeSpacing
    Layout.fillWidth: true
    Accessible.role: Accessible.StaticText
    Accessible.name: i18n("Strength of the password: %1", words)

    Row {
        id: row
        spacing: Kirigami.Units.smallSpacing
        Layout.fillWidth: true
        Layout.preferredHeight: Kirigami.Units.smallSpacing * 1.5
        Repeater {
            model: 4
            Rectangle {
                required property int index
                width: (row.width - 3 * row.spacing) / 4
                height: row.height
                radius: height / 2
                color: index < bar.parts ? (bar.parts < 2 ? Kirigami.Theme.neutralTextColor : Kirigami.Theme.positiveTextColor)
                                         : Kirigami.ColorUtils.linearInterpolation(Kirigami.Theme.backgroundColor, Kirigami.Theme.textColor, 0.18)
            }
        }
    }
    QQC2.Label {
        text: bar.words
        Layout.minimumWidth: Kirigami.Units.gridUnit * 4
        Accessible.ignored: true
    }
}
