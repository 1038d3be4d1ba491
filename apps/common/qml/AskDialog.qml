// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// Asks once before something is done, and says what that leaves. The keyboard begins on what changes nothing.
Kirigami.PromptDialog {
    id: ask

    required property Item page
    property string keepOnText
    property string verb
    property string verbIcon

    signal agreed

    objectName: "askDialog"
    standardButtons: Kirigami.Dialog.NoButton
    padding: Kirigami.Units.gridUnit
    contentLeftPadding: 0
    contentRightPadding: 0
    preferredWidth: Math.min(page.width - Kirigami.Units.gridUnit * 2, Kirigami.Units.gridUnit * 26)
    maximumWidth: preferredWidth
    onOpened: keepOn.forceActiveFocus(Qt.TabFocusReason)
    footer: QQC2.Control {
        padding: Kirigami.Units.gridUnit
        leftPadding: padding
        rightPadding: padding
        topPadding: 0
        contentItem: Flow {
            spacing: Kirigami.Units.largeSpacing
            layoutDirection: Qt.RightToLeft
            QQC2.Button {
                id: keepOn
                objectName: "keepOn"
                text: ask.keepOnText
                onClicked: ask.close()
            }
            QQC2.Button {
                objectName: "agree"
                text: ask.verb
                icon.name: ask.verbIcon
                onClicked: {
                    ask.close();
                    ask.agreed();
                }
            }
        }
    }
}
