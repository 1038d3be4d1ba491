// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.installer

InstallerPage {
    id: page

    readonly property bool isSandbox: installation.helper.session === "sandbox"
    readonly property string code: installation.job?.result.code ?? ""
    // What an answers file wants to happen now, with time to say no. Where somebody has to write a code down they say when.
    property string afterwards: isSandbox || code !== "" ? "" : installation.answering.afterwards
    property int seconds: 10

    question: i18n("%1 is installed", installation.machine.system)
    sentence: isSandbox ? i18n("On %1. This was a virtual disk: there is nothing to restart.", installation.disks.chosenName !== "" ? installation.disks.chosenName : installation.job?.target ?? "")
            : afterwards === "restart" ? i18np("This computer restarts in one second. Remove the stick when the screen goes dark.", "This computer restarts in %1 seconds. Remove the stick when the screen goes dark.", seconds)
            : afterwards === "poweroff" ? i18np("This computer switches off in one second.", "This computer switches off in %1 seconds.", seconds)
            : i18n("Remove the stick when the screen goes dark. The first start takes a minute longer.")
    iconName: "qrc:/qt/qml/org/preon/ui/done.svg"
    canGoBack: false
    verb: isSandbox ? i18n("Close") : afterwards === "poweroff" ? i18n("Switch off now") : i18n("Restart now")
    goesOn: false
    onProceed: isSandbox ? window.close() : end()

    function end(): void {
        const how = afterwards;
        afterwards = "";
        if (how === "poweroff")
            installation.restart.powerOff();
        else
            installation.restart.now();
    }
    Timer {
        interval: 1000
        repeat: true
        running: page.afterwards !== ""
        onTriggered: {
            if (--page.seconds <= 0)
                page.end();
        }
    }

    OwnersCode {
        visible: page.code !== ""
        code: page.code
        system: installation.machine.system
        secureBootOn: installation.machine.secureBootOn
    }
    Kirigami.InlineMessage {
        objectName: "cannotAsk"
        visible: page.code === "" && (installation.job?.plan.start?.asks ?? false)
        type: Kirigami.MessageType.Warning
        text: i18n("This computer did not take the request to allow %1. With Secure Boot on it does not start it.", installation.machine.system)
        Layout.fillWidth: true
        Accessible.name: text
    }
    Details { text: (installation.job?.notes ?? []).join("\n") }
    Item {
        implicitHeight: Kirigami.Units.smallSpacing
        Layout.fillWidth: true
    }
    QQC2.Button {
        objectName: "stay"
        text: i18n("Stay here")
        visible: page.afterwards !== ""
        Layout.alignment: Qt.AlignHCenter
        onClicked: page.afterwards = ""
    }
    QQC2.Button {
        objectName: "keepTrying"
        text: i18n("Keep trying it out")
        visible: !page.isSandbox && !window.kiosk && page.afterwards === ""
        Layout.alignment: Qt.AlignHCenter
        onClicked: window.close()
    }
    QQC2.Button {
        objectName: "saveAnswers"
        text: i18n("Save these answers")
        icon.name: "document-save"
        visible: installation.disks.chosen !== ""
        Layout.alignment: Qt.AlignHCenter
        Accessible.description: i18n("To install other computers in the same way")
        QQC2.ToolTip.text: Accessible.description
        QQC2.ToolTip.visible: hovered
        QQC2.ToolTip.delay: Kirigami.Units.toolTipDelay
        onClicked: {
            const where = installation.answering.save();
            saved.text = where === "" ? i18n("The answers could not be written.") : i18n("Saved as %1", where);
        }
    }
    QQC2.Label {
        id: saved
        objectName: "saved"
        visible: text !== ""
        opacity: 0.8
        wrapMode: Text.WrapAnywhere
        horizontalAlignment: Text.AlignHCenter
        Layout.fillWidth: true
    }
    Item { Layout.fillHeight: true }
}
