// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import QtQuick.Templates as T
import org.kde.kirigami as Kirigami
import org.preon.ui

// What a version brings, as its maker says; what goes for it and what stays. The maker's words are shown as plain text, whatever they look like.
T.Control {
    id: news

    property string title
    property string text
    property string address
    property var lines: []
    property string details

    padding: Kirigami.Units.largeSpacing * 1.5
    implicitHeight: contentItem.implicitHeight + topPadding + bottomPadding
    implicitWidth: contentItem.implicitWidth + leftPadding + rightPadding
    Layout.fillWidth: true
    Kirigami.Theme.inherit: false
    Kirigami.Theme.colorSet: Kirigami.Theme.View

    background: Rectangle {
        radius: Kirigami.Units.cornerRadius * 1.5
        color: Kirigami.Theme.backgroundColor
        border.width: 1
        border.color: Kirigami.ColorUtils.linearInterpolation(Kirigami.Theme.backgroundColor, Kirigami.Theme.textColor, 0.2)
    }
    contentItem: ColumnLayout {
        spacing: Kirigami.Units.smallSpacing
        Kirigami.Heading {
            level: 4
            text: news.title
            wrapMode: Text.Wrap
            Layout.fillWidth: true
        }
        QQC2.Label {
            objectName: "notes"
            text: news.text === "" ? i18n("The maker has written nothing about it.") : news.text
            textFormat: Text.PlainText
            opacity: news.text === "" ? 0.75 : 1
            wrapMode: Text.Wrap
            Layout.fillWidth: true
        }
        Kirigami.UrlButton {
            objectName: "changeLog"
            text: i18n("Read more on the maker's page")
            url: news.address
            visible: news.address !== ""
            horizontalAlignment: Text.AlignLeft
        }
        QQC2.Label {
            text: news.lines.join(" ")
            visible: text !== ""
            opacity: 0.8
            wrapMode: Text.Wrap
            Layout.fillWidth: true
            Layout.topMargin: Kirigami.Units.largeSpacing
        }
        Details {
            text: news.details
            Layout.leftMargin: -Kirigami.Units.smallSpacing
        }
    }
}
