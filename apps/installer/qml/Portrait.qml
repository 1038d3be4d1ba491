// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.installer

// A person's picture, or the first letters of their name, in a circle.
ColumnLayout {
    id: portrait

    required property Account account
    property bool canChoose: false

    readonly property string initials: account.realName.trim().split(/\s+/).filter(part => part !== "").slice(0, 2).map(part => Array.from(part)[0].toLocaleUpperCase()).join("")

    spacing: Kirigami.Units.largeSpacing

    Item {
        implicitWidth: Kirigami.Units.gridUnit * 4.5
        implicitHeight: implicitWidth
        Layout.alignment: Qt.AlignHCenter
        Rectangle {
            anchors.fill: parent
            visible: portrait.account.picture.toString() === ""
            radius: width / 2
            color: Kirigami.ColorUtils.tintWithAlpha(Kirigami.Theme.backgroundColor, Kirigami.Theme.highlightColor, 0.2)
            QQC2.Label {
                anchors.centerIn: parent
                text: portrait.initials
                font.pixelSize: Math.round(parent.width * 0.4)
                font.weight: Font.DemiBold
                Accessible.ignored: true
            }
            Kirigami.Icon {
                anchors.centerIn: parent
                visible: portrait.initials === ""
                source: "user-identity"
                width: Math.round(parent.width * 0.55)
                height: width
                opacity: 0.7
            }
        }
        Image {
            anchors.fill: parent
            visible: portrait.account.picture.toString() !== ""
            source: portrait.account.picture
            mipmap: true
            Accessible.role: Accessible.Graphic
            Accessible.name: i18n("Your picture")
        }
    }
    RowLayout {
        visible: portrait.canChoose
        spacing: Kirigami.Units.largeSpacing
        Layout.alignment: Qt.AlignHCenter
        QQC2.Button {
            objectName: "choosePicture"
            text: portrait.account.picture.toString() === "" ? i18n("Choose a picture…") : i18n("Another picture…")
            icon.name: "camera-photo"
            onClicked: portrait.account.choosePicture()
        }
        QQC2.Button {
            objectName: "removePicture"
            visible: portrait.account.picture.toString() !== ""
            text: i18n("Remove it")
            icon.name: "edit-delete-remove"
            onClicked: portrait.account.removePicture()
        }
    }
    QQC2.Label {
        visible: text !== ""
        text: portrait.account.pictureProblem
        wrapMode: Text.Wrap
        horizontalAlignment: Text.AlignHCenter
        Layout.fillWidth: true
    }
}
