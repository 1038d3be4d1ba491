// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// When something could not be done: what happened, what was changed and what was not, what to do now; again, copied, saved. Never a dead end.
QuestionPage {
    id: page

    required property problem problem
    property string why: problem.why
    property string changed // what became of things, one sentence
    property bool canSave: false
    property string saved // where the log went

    signal copyAsked
    signal saveAsked

    question: problem.what
    iconName: "dialog-warning"
    verb: i18nd("preon", "Try again")
    firstFocus: copy

    component Answer: ColumnLayout {
        id: answer
        property string title
        property string text
        visible: text !== ""
        spacing: 0
        Layout.fillWidth: true
        Kirigami.Heading {
            level: 4
            text: answer.title
            Layout.fillWidth: true
        }
        QQC2.Label {
            text: answer.text
            textFormat: Text.PlainText
            wrapMode: Text.Wrap
            Layout.fillWidth: true
        }
    }
    function sentence_(text: string): string {
        return text === "" ? "" : text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?。]$/.test(text) ? "" : ".");
    }

    Answer {
        title: i18nd("preon", "Why")
        text: page.sentence_(page.why)
    }
    Answer {
        title: i18nd("preon", "What was changed")
        text: page.sentence_(page.changed)
    }
    Answer {
        title: i18nd("preon", "What helps")
        text: page.sentence_(page.problem.todo)
    }
    Flow {
        spacing: Kirigami.Units.largeSpacing
        Layout.fillWidth: true
        Layout.topMargin: Kirigami.Units.largeSpacing
        QQC2.Button {
            id: copy
            objectName: "copyDetails"
            text: i18nd("preon", "Copy details")
            icon.name: "edit-copy"
            onClicked: page.copyAsked()
        }
        QQC2.Button {
            objectName: "saveLog"
            text: i18nd("preon", "Save log")
            icon.name: "document-save"
            visible: page.canSave
            onClicked: page.saveAsked()
        }
    }
    QQC2.Label {
        objectName: "saved"
        text: page.saved
        visible: text !== ""
        opacity: 0.8
        wrapMode: Text.WrapAnywhere
        Layout.fillWidth: true
    }
    Item { Layout.fillHeight: true }
}
