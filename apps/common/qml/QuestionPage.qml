// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// A page of the suite: one question, one sentence under it, and what answers it, in one centred column. Scrolls when the window is small, and follows the
// keyboard when it does. A page whose content fills (a list) takes the window's height.
FocusScope {
    id: page

    property string question
    property string sentence
    property string iconName
    property string verb: i18nd("preon", "Continue")
    property bool canContinue: true
    property bool canGoBack: true
    property bool destructive: false
    property bool holds: false
    property Item firstFocus: null
    property url logo // instead of an icon; as wide as it is
    property bool hasInner: false // something inside is open that Back leaves first
    default property alias content: body.data

    signal proceed
    signal leaveInner

    function focusFirst(): void {
        firstFocus?.forceActiveFocus(Qt.TabFocusReason);
    }
    // The focus begins on what answers; a screen reader would say the answer without the question.
    function announce(): void {
        Accessible.announce(sentence === "" ? question : question + (/[.?？؟。]$/.test(question) ? " " : ". ") + sentence);
    }

    Accessible.role: Accessible.Pane
    Accessible.name: question

    readonly property Item inFocus: Window.activeFocusItem
    onInFocusChanged: Qt.callLater(showFocus)
    function showFocus(): void {
        if (!inFocus || flick.contentHeight <= flick.height)
            return;
        let inside = false;
        for (let item = inFocus; item; item = item.parent)
            inside = inside || item === column;
        if (!inside)
            return;
        const margin = Kirigami.Units.gridUnit, top = inFocus.mapToItem(column, 0, 0).y + column.y;
        if (inFocus.height > flick.height)
            return;
        if (top - margin < flick.contentY)
            flick.contentY = Math.max(0, top - margin);
        else if (top + inFocus.height + margin > flick.contentY + flick.height)
            flick.contentY = Math.min(flick.contentHeight - flick.height, top + inFocus.height + margin - flick.height);
    }

    QQC2.ScrollView {
        anchors.fill: parent
        contentWidth: availableWidth
        QQC2.ScrollBar.horizontal.policy: QQC2.ScrollBar.AlwaysOff

        Flickable {
            id: flick
            contentWidth: width
            contentHeight: Math.max(height, column.implicitHeight + 2 * column.y)
            boundsBehavior: Flickable.StopAtBounds

            ColumnLayout {
                id: column
                readonly property real side: Kirigami.Units.gridUnit * (page.width < Kirigami.Units.gridUnit * 30 ? 0.9 : 2)
                width: Math.min(flick.width - 2 * side, Kirigami.Units.gridUnit * 36)
                height: flick.contentHeight - 2 * y
                x: Math.round((flick.width - width) / 2)
                y: Math.round(Kirigami.Units.gridUnit * (page.height < Kirigami.Units.gridUnit * 30 ? 1 : 2))
                spacing: Kirigami.Units.largeSpacing

                Kirigami.Icon {
                    source: page.iconName
                    visible: page.iconName !== ""
                    implicitWidth: Kirigami.Units.iconSizes.huge
                    implicitHeight: Kirigami.Units.iconSizes.huge
                    Layout.alignment: Qt.AlignHCenter
                }
                Image {
                    source: page.logo
                    visible: status === Image.Ready
                    fillMode: Image.PreserveAspectFit
                    sourceSize.height: Kirigami.Units.iconSizes.huge * 2
                    Layout.preferredHeight: Kirigami.Units.iconSizes.huge
                    Layout.preferredWidth: Math.min(column.width, implicitWidth * Kirigami.Units.iconSizes.huge / Math.max(1, implicitHeight))
                    Layout.alignment: Qt.AlignHCenter
                    Accessible.ignored: true
                }
                Kirigami.Heading {
                    objectName: "question"
                    text: page.question
                    textFormat: Text.PlainText
                    level: 1
                    type: Kirigami.Heading.Primary
                    font.pointSize: Math.round(Kirigami.Theme.defaultFont.pointSize * 1.8)
                    wrapMode: Text.Wrap
                    horizontalAlignment: Text.AlignHCenter
                    Layout.fillWidth: true
                    Accessible.role: Accessible.Heading
                    Accessible.name: text
                }
                QQC2.Label {
                    text: page.sentence
                    textFormat: Text.PlainText
                    visible: text !== ""
                    opacity: 0.8
                    wrapMode: Text.Wrap
                    horizontalAlignment: Text.AlignHCenter
                    Layout.fillWidth: true
                    Layout.bottomMargin: Kirigami.Units.largeSpacing
                }
                ColumnLayout {
                    id: body
                    spacing: Kirigami.Units.largeSpacing
                    Layout.fillWidth: true
                    Layout.fillHeight: true
                }
            }
        }
    }
}
