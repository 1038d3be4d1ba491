// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// Long work while it runs: the phases with ticks, one bar, the time left in words; numbers and log one click away. Closing the window does not stop it.
QuestionPage {
    id: page

    required property Job job // null for a moment when it is let go of

    verb: ""
    canGoBack: false
    firstFocus: cancel.visible ? cancel : details

    property string cancelText: i18nd("preon", "Cancel…")
    property string cancelIcon: "dialog-cancel"
    property string cancellingText: i18nd("preon", "Stopping at the next safe point…")
    property bool showsAmount: false // not among the details only

    readonly property alias showsDetails: details.checked
    property alias notes: above.data // before all else

    signal cancelAsked

    ColumnLayout {
        id: above
        spacing: Kirigami.Units.largeSpacing
        Layout.fillWidth: true
        Layout.fillHeight: false
        // Takes no place where there is nothing to say.
        Layout.bottomMargin: Kirigami.Units.largeSpacing * (implicitHeight > 0 ? 1 : -1)
    }
    ColumnLayout {
        spacing: Kirigami.Units.largeSpacing
        Layout.fillWidth: true
        Accessible.role: Accessible.List
        Accessible.name: i18nd("preon", "Steps of the work")

        Repeater {
            model: page.job?.phases ?? []
            RowLayout {
                id: phase
                required property var modelData
                readonly property bool isCurrent: modelData.state === "current"
                readonly property bool isDone: modelData.state === "done"
                spacing: Kirigami.Units.largeSpacing
                Layout.fillWidth: true
                Accessible.role: Accessible.ListItem
                Accessible.name: modelData.name
                Accessible.description: isDone ? i18nd("preon", "Done") : isCurrent ? i18nd("preon", "Under way") : i18nd("preon", "Still to come")

                Item {
                    implicitWidth: Kirigami.Units.iconSizes.small
                    implicitHeight: Kirigami.Units.iconSizes.small
                    Kirigami.Icon {
                        anchors.fill: parent
                        visible: phase.isDone
                        source: "checkmark"
                        isMask: true
                        color: Kirigami.Theme.positiveTextColor
                    }
                    Rectangle {
                        anchors.centerIn: parent
                        visible: !phase.isDone
                        width: Math.round(parent.width * (phase.isCurrent ? 0.62 : 0.38))
                        height: width
                        radius: width / 2
                        color: phase.isCurrent ? Kirigami.Theme.highlightColor : Qt.alpha(Kirigami.Theme.textColor, 0.3)
                    }
                }
                QQC2.Label {
                    text: phase.modelData.name
                    font.weight: phase.isCurrent ? Font.DemiBold : Font.Normal
                    opacity: phase.isCurrent || phase.isDone ? 1 : 0.7
                    wrapMode: Text.Wrap
                    Layout.fillWidth: true
                    Accessible.ignored: true
                }
            }
        }
    }

    QQC2.ProgressBar {
        id: progress
        objectName: "progress"
        from: 0
        to: 1
        value: Math.max(0, page.job?.fraction ?? 0)
        indeterminate: (page.job?.fraction ?? 0) < 0
        Layout.fillWidth: true
        Layout.topMargin: Kirigami.Units.gridUnit
        Accessible.name: i18nd("preon", "Progress")
        Accessible.description: indeterminate ? page.job?.phase ?? "" : i18nd("preon", "%1 percent, %2", Math.floor(value * 100), page.job?.phase ?? "")
    }
    RowLayout {
        spacing: Kirigami.Units.largeSpacing
        QQC2.Label {
            objectName: "timeLeft"
            text: page.job?.cancelling ? page.cancellingText : page.job?.timeLeft || page.job?.phase || ""
            font.features: { "tnum": 1 }
            wrapMode: Text.Wrap
            Layout.fillWidth: true
        }
        QQC2.Label {
            text: i18nd("preon", "%1 %", Math.floor(progress.value * 100))
            visible: !progress.indeterminate
            font.features: { "tnum": 1 }
            Accessible.ignored: true
        }
    }
    QQC2.Label {
        objectName: "amount"
        visible: page.showsAmount && text !== ""
        text: [page.job?.amount, page.job?.rate].filter(part => part).join(" · ")
        font.features: { "tnum": 1 }
        opacity: 0.8
    }

    Flow {
        spacing: Kirigami.Units.largeSpacing
        Layout.fillWidth: true
        Layout.topMargin: Kirigami.Units.largeSpacing
        QQC2.Button {
            id: cancel
            objectName: "cancel"
            text: page.cancelText
            icon.name: page.cancelIcon
            visible: page.job?.cancellable ?? false
            onClicked: page.cancelAsked()
        }
        QQC2.ToolButton {
            id: details
            objectName: "details"
            text: i18nd("preon", "Details")
            icon.width: Kirigami.Units.iconSizes.small
            icon.height: Kirigami.Units.iconSizes.small
            icon.name: checked ? "arrow-down" : LayoutMirroring.enabled ? "arrow-left" : "arrow-right"
            checkable: true
        }
    }
    QQC2.Label {
        visible: details.checked && !page.showsAmount
        text: [page.job?.amount, page.job?.rate].filter(part => part).join(" · ")
        font.features: { "tnum": 1 }
        opacity: 0.8
    }
    QQC2.ScrollView {
        visible: details.checked
        Layout.fillWidth: true
        Layout.fillHeight: true
        Layout.minimumHeight: Kirigami.Units.gridUnit * 8
        QQC2.TextArea {
            objectName: "log"
            readOnly: true
            text: (page.job?.log ?? []).join("\n")
            placeholderText: i18nd("preon", "Nothing to note so far")
            font.family: "monospace"
            wrapMode: TextEdit.Wrap
            Accessible.name: i18nd("preon", "Log")
            Keys.onTabPressed: nextItemInFocusChain(true).forceActiveFocus(Qt.TabFocusReason)
            Keys.onBacktabPressed: nextItemInFocusChain(false).forceActiveFocus(Qt.BacktabFocusReason)
        }
    }
    Item {
        visible: !details.checked
        Layout.fillHeight: true
    }
}
