// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// The window of an app of the suite: one page, back and the verb at the bottom. Whoever is one says which page is shown.
Kirigami.AbstractApplicationWindow {
    id: window

    property bool kiosk: false
    required property url folder // of the pages' files
    property var given: ({}) // what each page is given beside the window
    property string current // name of the page's file, without ".qml"
    property bool canStepBack: false

    readonly property QuestionPage page: stack.currentItem as QuestionPage

    signal backAsked

    width: kiosk ? Screen.width : Math.min(Kirigami.Units.gridUnit * 60, Screen.width)
    height: kiosk ? Screen.height : Math.min(Kirigami.Units.gridUnit * 42, Screen.height)
    minimumWidth: Math.min(Kirigami.Units.gridUnit * 18, 360)
    minimumHeight: Kirigami.Units.gridUnit * 20
    visible: true

    LayoutMirroring.enabled: Qt.application.layoutDirection === Qt.RightToLeft
    LayoutMirroring.childrenInherit: true

    function goOn(): void {
        if (page?.canContinue && !stack.busy)
            page.proceed();
    }
    function back(): void {
        if (page?.hasInner)
            page.leaveInner();
        else
            backAsked();
    }

    property bool isComplete: false // before, the first page would be made twice
    onCurrentChanged: if (isComplete) show()
    Component.onCompleted: {
        isComplete = true;
        show();
    }
    function show(): void {
        const url = folder + current + ".qml";
        const isFirst = stack.depth === 0; // nothing that it could take turns with
        stack.clear(QQC2.StackView.Immediate);
        stack.push(url, Object.assign({ window: window }, given), QQC2.StackView.Immediate);
        if (Kirigami.Units.longDuration > 1 && !isFirst)
            appear.restart();
        Qt.callLater(focusFirst);
    }

    function focusFirst(): void {
        if (page?.firstFocus)
            page.focusFirst();
        else
            (verb.visible || !back.wanted ? verb : back).forceActiveFocus(Qt.TabFocusReason);
        page?.announce();
    }

    QQC2.StackView {
        id: stack
        anchors.fill: parent
        clip: true
        // A screen reader that begins later looks for what has the focus, and would stop here.
        Accessible.ignored: true
        NumberAnimation {
            id: appear
            target: stack.currentItem
            property: "opacity"
            from: 0
            to: 1
            duration: Kirigami.Units.shortDuration
        }
    }

    footer: QQC2.Pane {
        id: bottom
        padding: Kirigami.Units.largeSpacing
        visible: back.wanted || verb.text !== ""
        background: Rectangle {
            color: Kirigami.Theme.backgroundColor
            Kirigami.Separator { anchors { left: parent.left; right: parent.right; top: parent.top } }
        }
        contentItem: RowLayout {
            QQC2.Button {
                id: back
                objectName: "back"
                text: i18nd("preon", "Back")
                icon.name: LayoutMirroring.enabled ? "go-next" : "go-previous"
                readonly property bool wanted: (window.page?.canGoBack ?? false) && (window.canStepBack || (window.page?.hasInner ?? false))
                visible: wanted
                implicitHeight: verb.implicitHeight
                onClicked: window.back()
            }
            Item { Layout.fillWidth: true }
            VerbButton {
                id: verb
                objectName: "verb"
                text: window.page?.verb ?? ""
                visible: text !== ""
                enabled: window.page?.canContinue ?? false
                destructive: window.page?.destructive ?? false
                holds: window.page?.holds ?? false
                Layout.maximumWidth: window.width * 0.62
                onConfirmed: window.goOn()
            }
        }
    }
    Shortcut {
        sequences: [StandardKey.Back, "Escape"]
        enabled: back.wanted
        onActivated: window.back()
    }
}
