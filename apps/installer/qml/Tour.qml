// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// Something to read while there is nothing to do: one short sentence at a time. It stands still for whoever asked for less motion, and while it is pointed at.
QQC2.Label {
    id: tour

    property string system
    property int shown: 0
    readonly property var sentences: [
        i18n("%1 is one sealed piece. Each part of it is checked whenever it is read.", system),
        i18n("Your disk is encrypted. Taken out of this computer, it tells nothing."),
        i18n("An update is written beside the system that runs, and takes over at the next start."),
        i18n("Should you ever install anew, people’s files can stay."),
    ]

    objectName: "tour"
    text: sentences[shown % sentences.length]
    opacity: 0.75
    wrapMode: Text.Wrap
    horizontalAlignment: Text.AlignHCenter
    Layout.fillWidth: true
    Layout.minimumHeight: Kirigami.Units.gridUnit * 3

    HoverHandler { id: pointed }
    Timer {
        interval: 10000
        repeat: true
        running: tour.visible && !pointed.hovered && Kirigami.Units.longDuration > 1
        onTriggered: change.restart()
    }
    SequentialAnimation {
        id: change
        NumberAnimation { target: tour; property: "opacity"; to: 0; duration: Kirigami.Units.shortDuration }
        ScriptAction { script: ++tour.shown }
        NumberAnimation { target: tour; property: "opacity"; to: 0.75; duration: Kirigami.Units.shortDuration }
    }
}
