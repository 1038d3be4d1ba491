// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// A question with one line to type: what is asked, the field, and under it what is to be known or what is wrong.
ColumnLayout {
    id: field

    property string label
    property string note
    property string problem // instead of the note
    property bool leftToRight: false // what is typed is written so in every language
    property alias input: input
    property alias text: input.text
    property alias keyboard: input.keyboard
    property alias maximumLength: input.maximumLength
    property alias validator: input.validator

    signal edited // by a person
    signal accepted

    spacing: Kirigami.Units.smallSpacing
    Layout.fillWidth: true

    QQC2.Label {
        text: field.label
        Accessible.ignored: true
        Layout.fillWidth: true
        wrapMode: Text.Wrap
    }
    TryOutField {
        id: input
        objectName: field.objectName + "Field"
        placeholder: ""
        // The one thing that readers are told of a field for passwords; nobody sees it, the label says the same.
        placeholderText: echoMode === TextInput.Password ? field.label : ""
        placeholderTextColor: "transparent"
        horizontalAlignment: field.leftToRight && LayoutMirroring.enabled ? TextInput.AlignRight : TextInput.AlignLeft
        Accessible.name: field.label
        Accessible.description: echoMode === TextInput.Password ? [field.label, said.text].filter(part => part !== "").join(". ") : said.text
        Layout.fillWidth: true
        onTextEdited: field.edited()
        onTyped: field.edited()
        onAccepted: field.accepted()
    }
    RowLayout {
        visible: said.text !== ""
        spacing: Kirigami.Units.smallSpacing
        Kirigami.Icon {
            source: "dialog-warning"
            visible: field.problem !== ""
            implicitWidth: Kirigami.Units.iconSizes.small
            implicitHeight: Kirigami.Units.iconSizes.small
            Layout.alignment: Qt.AlignTop
        }
        QQC2.Label {
            id: said
            objectName: field.objectName + "Note"
            text: field.problem !== "" ? field.problem : field.note
            opacity: field.problem !== "" ? 1 : 0.75
            wrapMode: Text.Wrap
            Layout.fillWidth: true
        }
    }
}
