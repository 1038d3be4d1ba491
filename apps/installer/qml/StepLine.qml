// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// One of the things to do one after the other, of a model of texts.
RowLayout {
    id: line

    required property string modelData
    required property int index

    spacing: Kirigami.Units.largeSpacing
    Accessible.role: Accessible.ListItem
    Accessible.name: i18nc("number of a step, its text", "%1. %2", index + 1, modelData)
    Rectangle {
        implicitWidth: Math.round(Kirigami.Units.gridUnit * 1.4)
        implicitHeight: implicitWidth
        radius: width / 2
        color: Qt.alpha(Kirigami.Theme.highlightColor, 0.2)
        Layout.alignment: Qt.AlignTop
        QQC2.Label {
            anchors.centerIn: parent
            text: (line.index + 1).toLocaleString(Qt.locale(), "f", 0)
            font.weight: Font.DemiBold
            Accessible.ignored: true
        }
    }
    QQC2.Label {
        text: line.modelData
        wrapMode: Text.Wrap
        Layout.fillWidth: true
        Accessible.ignored: true
    }
}
