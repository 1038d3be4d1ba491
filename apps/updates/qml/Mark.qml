// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// A word about a version, set apart by its frame. The card that it is on says it to a reader.
QQC2.Label {
    id: mark

    property bool warns: false

    font: Kirigami.Theme.smallFont
    topPadding: Kirigami.Units.smallSpacing / 2
    bottomPadding: topPadding
    leftPadding: Kirigami.Units.smallSpacing * 1.5
    rightPadding: leftPadding
    color: warns ? Kirigami.Theme.neutralTextColor : Kirigami.Theme.textColor
    Accessible.ignored: true

    background: Rectangle {
        radius: height / 2
        color: Qt.alpha(mark.color, 0.08)
        border.width: 1
        border.color: Qt.alpha(mark.color, 0.35)
    }
}
