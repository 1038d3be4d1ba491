// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.kde.prison as Prison

// A recovery key as it is handed over: its groups and its QR code on a sheet, with the ways to take it away; then, with checks, the sheet is put aside and one group is
// asked for.
ColumnLayout {
    id: card

    required property RecoveryKey key
    required property string title // what it opens, for paper and files
    property bool checks: false
    property bool canSave: true
    property Sticks sticks: null // where nobody can say a folder
    property string saved // where it went
    property bool wasWrong: false

    signal matched // the group fits

    readonly property Item firstFocus: checks ? typed : copy
    // False where that is not the group asked for; then another one is.
    function check(): bool {
        if (key.check(typed.text)) {
            wasWrong = false;
            matched();
            return true;
        }
        wasWrong = typed.text.trim() !== "";
        typed.clear();
        key.ask();
        return false;
    }
    onChecksChanged: {
        wasWrong = false;
        typed.clear();
        if (checks)
            key.ask();
    }
    Component.onCompleted: {
        key.lookForPrinters();
        sticks?.watch();
    }

    spacing: Kirigami.Units.largeSpacing
    Layout.fillWidth: true

    Rectangle {
        id: sheet
        visible: !card.checks
        Kirigami.Theme.inherit: false
        Kirigami.Theme.colorSet: Kirigami.Theme.View
        radius: Kirigami.Units.cornerRadius * 1.5
        color: Kirigami.Theme.backgroundColor
        border.width: 1
        border.color: Kirigami.ColorUtils.linearInterpolation(Kirigami.Theme.backgroundColor, Kirigami.Theme.textColor, 0.2)
        implicitHeight: inside.implicitHeight + 2 * inside.anchors.margins
        Layout.fillWidth: true

        GridLayout {
            id: inside
            readonly property bool isWide: card.width >= Kirigami.Units.gridUnit * 26
            anchors { left: parent.left; right: parent.right; top: parent.top; margins: Kirigami.Units.largeSpacing * 1.5 }
            columns: isWide ? 2 : 1
            columnSpacing: Kirigami.Units.gridUnit
            rowSpacing: Kirigami.Units.largeSpacing

            // Read from left to right in every language, two groups a row.
            GridLayout {
                objectName: "recoveryKey"
                columns: 2
                columnSpacing: Kirigami.Units.gridUnit
                rowSpacing: Kirigami.Units.smallSpacing * 1.5
                LayoutMirroring.enabled: false
                LayoutMirroring.childrenInherit: true
                Layout.alignment: Qt.AlignHCenter | Qt.AlignVCenter
                Accessible.role: Accessible.List
                Accessible.name: i18nd("preon", "Recovery key")
                Repeater {
                    model: card.key.groups
                    RowLayout {
                        id: group
                        required property string modelData
                        required property int index
                        spacing: Kirigami.Units.smallSpacing * 1.5
                        Accessible.role: Accessible.ListItem
                        Accessible.name: i18ndc("preon", "number of a group of letters, the letters one by one", "Group %1: %2", index + 1, modelData.split("").join(" "))
                        QQC2.Label {
                            text: (group.index + 1).toLocaleString(Qt.locale(), "f", 0)
                            font: Kirigami.Theme.smallFont
                            opacity: 0.7
                            horizontalAlignment: Text.AlignRight
                            Layout.preferredWidth: Kirigami.Units.gridUnit * 0.6
                            Accessible.ignored: true
                        }
                        QQC2.Label {
                            text: group.modelData
                            textFormat: Text.PlainText
                            font.family: "monospace"
                            font.pointSize: Math.round(Kirigami.Theme.defaultFont.pointSize * 1.25)
                            Accessible.ignored: true
                        }
                    }
                }
            }
            Rectangle {
                id: code
                objectName: "recoveryCode"
                visible: card.key.isSet
                color: "white"
                radius: Kirigami.Units.cornerRadius
                implicitWidth: Kirigami.Units.gridUnit * 9
                implicitHeight: implicitWidth
                Layout.alignment: Qt.AlignHCenter | Qt.AlignVCenter
                Accessible.role: Accessible.Graphic
                Accessible.name: i18nd("preon", "QR code of the recovery key")
                Accessible.description: i18nd("preon", "Photograph it with a phone to keep the key there")
                Prison.Barcode {
                    anchors.fill: parent
                    anchors.margins: Kirigami.Units.smallSpacing * 1.5
                    barcodeType: Prison.Barcode.QRCode
                    content: card.key.groups.join("-")
                    foregroundColor: "black"
                    backgroundColor: "white"
                }
            }
        }
    }
    Flow {
        visible: !card.checks
        spacing: Kirigami.Units.largeSpacing
        Layout.fillWidth: true
        QQC2.Button {
            objectName: "printKey"
            text: i18nd("preon", "Print…")
            icon.name: "document-print"
            visible: card.key.canPrint
            onClicked: card.key.print(card.title)
        }
        QQC2.Button {
            objectName: "saveKey"
            text: i18nd("preon", "Save…")
            icon.name: "document-save"
            visible: card.canSave
            onClicked: {
                const where = card.key.save(card.title);
                if (where !== "")
                    card.saved = i18nd("preon", "Saved as %1", where);
            }
        }
        Repeater {
            model: card.sticks?.list ?? []
            QQC2.Button {
                required property var modelData
                objectName: "saveOn:" + modelData.name
                text: i18nd("preon", "Save on %1", modelData.name)
                icon.name: "drive-removable-media-usb"
                enabled: !card.sticks.busy
                onClicked: card.key.saveOn(card.sticks, modelData.id, card.title)
            }
        }
        QQC2.Button {
            id: copy
            objectName: "copyKey"
            text: i18nd("preon", "Copy")
            icon.name: "edit-copy"
            Accessible.description: i18nd("preon", "The copy is cleared after a minute")
            onClicked: card.key.copy()
        }
    }
    Connections {
        target: card.key
        function onSaveFailed(why: string): void {
            card.saved = i18nd("preon", "It could not be saved: %1", why);
        }
    }
    Connections {
        target: card.sticks
        function onSaved(stick: string): void {
            card.saved = i18nd("preon", "Saved on %1. You can take it out.", stick);
        }
        function onFailed(why: string): void {
            card.saved = why;
        }
    }
    QQC2.Label {
        objectName: "keyWent"
        text: card.key.inClipboard ? i18nd("preon", "Copied. The copy is cleared after a minute.") : card.saved
        visible: text !== "" && !card.checks
        opacity: 0.8
        wrapMode: Text.Wrap
        Layout.fillWidth: true
    }

    ColumnLayout {
        visible: card.checks
        spacing: Kirigami.Units.smallSpacing
        Layout.fillWidth: true
        QQC2.Label {
            text: i18nd("preon", "Type group %1", card.key.asked)
            Layout.fillWidth: true
            wrapMode: Text.Wrap
            Accessible.ignored: true
        }
        QQC2.TextField {
            id: typed
            objectName: "typedGroup"
            maximumLength: 20
            font.family: "monospace"
            implicitHeight: Math.round(Kirigami.Units.gridUnit * 2.1)
            inputMethodHints: Qt.ImhNoPredictiveText | Qt.ImhNoAutoUppercase | Qt.ImhSensitiveData
            LayoutMirroring.enabled: false
            horizontalAlignment: TextInput.AlignLeft
            Accessible.name: i18nd("preon", "Type group %1", card.key.asked)
            Layout.fillWidth: true
            onAccepted: card.check()
            onTextEdited: if (text.length >= 8 && card.key.check(text)) card.check()
        }
        QQC2.Label {
            objectName: "wrongGroup"
            visible: card.wasWrong
            text: i18nd("preon", "That was another one. Look at the key again, and type this group.")
            wrapMode: Text.Wrap
            Layout.fillWidth: true
        }
    }
    onWasWrongChanged: if (wasWrong) Accessible.announce(i18nd("preon", "That was another one. Look at the key again, and type this group."))
}
