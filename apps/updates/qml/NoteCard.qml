// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import QtQuick.Templates as T
import org.kde.kirigami as Kirigami
import org.preon.ui

// Something to know beside a page's question: what, one sentence, the truth behind it one click away. Read out as a whole.
T.Control {
    id: note

    property string title
    property string text
    property string details
    property string detailsTitle: i18n("Details")
    property int type: Kirigami.MessageType.Information
    property Component action: null // a button of its own
    readonly property color ink: type === Kirigami.MessageType.Warning ? Kirigami.Theme.neutralTextColor
                               : type === Kirigami.MessageType.Error ? Kirigami.Theme.negativeTextColor
                               : type === Kirigami.MessageType.Positive ? Kirigami.Theme.positiveTextColor : Kirigami.Theme.activeTextColor

    padding: Kirigami.Units.largeSpacing * 1.5
    implicitHeight: contentItem.implicitHeight + topPadding + bottomPadding
    implicitWidth: contentItem.implicitWidth + leftPadding + rightPadding
    Layout.fillWidth: true
    Kirigami.Theme.inherit: false
    Kirigami.Theme.colorSet: Kirigami.Theme.View
    Accessible.role: Accessible.StaticText
    Accessible.name: title
    Accessible.description: text

    background: Rectangle {
        radius: Kirigami.Units.cornerRadius * 1.5
        color: Kirigami.ColorUtils.tintWithAlpha(Kirigami.Theme.backgroundColor, note.ink, 0.08)
        border.width: 1
        border.color: Qt.alpha(note.ink, 0.5)
    }
    contentItem: RowLayout {
        spacing: Kirigami.Units.largeSpacing * 1.5
        Kirigami.Icon {
            source: note.type === Kirigami.MessageType.Warning ? "data-warning" : note.type === Kirigami.MessageType.Error ? "data-error"
                  : note.type === Kirigami.MessageType.Positive ? "checkmark" : "data-information"
            implicitWidth: Kirigami.Units.iconSizes.smallMedium
            implicitHeight: Kirigami.Units.iconSizes.smallMedium
            Layout.alignment: Qt.AlignTop
        }
        ColumnLayout {
            spacing: Kirigami.Units.smallSpacing
            QQC2.Label {
                text: note.title
                textFormat: Text.PlainText
                font.weight: Font.DemiBold
                visible: text !== ""
                wrapMode: Text.Wrap
                Layout.fillWidth: true
                Accessible.ignored: true
            }
            QQC2.Label {
                text: note.text
                textFormat: Text.PlainText
                visible: text !== ""
                wrapMode: Text.Wrap
                Layout.fillWidth: true
                Accessible.ignored: true
            }
            Details {
                title: note.detailsTitle
                text: note.details
                Layout.leftMargin: -Kirigami.Units.smallSpacing
            }
            Loader {
                active: note.action !== null
                visible: active
                sourceComponent: note.action
                Layout.topMargin: Kirigami.Units.smallSpacing
            }
        }
    }
}
