// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.kde.kirigami as Kirigami

// One piece of a DiskBar, also the sign before its name.
Rectangle {
    id: piece

    property string kind
    property bool first: false
    property bool last: false
    property bool tiny: false
    property bool second: false // of two neighbours of a kind, the lighter one

    readonly property color ink: kind === "new" && !second ? Kirigami.Theme.highlightedTextColor : Kirigami.Theme.textColor
    readonly property real round: tiny ? 3 : Kirigami.Units.cornerRadius * 1.5
    readonly property bool startsLeft: LayoutMirroring.enabled ? last : first
    readonly property bool endsRight: LayoutMirroring.enabled ? first : last

    function mixed(share: real): color {
        return Kirigami.ColorUtils.linearInterpolation(Kirigami.Theme.backgroundColor, Kirigami.Theme.textColor, share);
    }

    radius: tiny ? round : 2
    topLeftRadius: tiny ? undefined : startsLeft ? round : 2
    bottomLeftRadius: tiny ? undefined : topLeftRadius
    topRightRadius: tiny ? undefined : endsRight ? round : 2
    bottomRightRadius: tiny ? undefined : topRightRadius
    clip: true
    color: kind === "new" ? (second ? Kirigami.ColorUtils.linearInterpolation(Kirigami.Theme.highlightColor, Kirigami.Theme.backgroundColor, 0.35) : Kirigami.Theme.highlightColor) : kind === "stays" ? mixed(second ? 0.16 : 0.24) : kind === "erased" ? mixed(0.06) : "transparent"
    border.width: kind === "free" || kind === "erased" ? 1 : 0
    border.color: kind === "erased" ? Kirigami.Theme.negativeTextColor : mixed(0.3)

    Hatch {
        anchors.fill: parent
        anchors.margins: 1
        visible: piece.kind === "erased"
        color: Qt.alpha(Kirigami.Theme.negativeTextColor, piece.tiny ? 0.8 : 0.3)
        pitch: piece.tiny ? 5 : 10
    }
}
