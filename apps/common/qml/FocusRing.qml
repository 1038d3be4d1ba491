// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.kde.kirigami as Kirigami

// Where the keyboard is, the same on every control of ours: a line around it, with a gap.
Rectangle {
    anchors.fill: parent
    anchors.margins: -3
    radius: parent.radius + 3
    color: "transparent"
    border.width: 2
    border.color: Kirigami.Theme.focusColor
    opacity: 0.7
}
