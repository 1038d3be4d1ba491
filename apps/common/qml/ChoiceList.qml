// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// A Choices model as a list with a field to narrow it. Up and down work from the field too; Enter takes the row and asks for the next page.
QQC2.Control {
    id: list

    required property Choices model
    property string label // what is chosen, for those who do not see it
    property bool searchable: true
    property alias field: search
    readonly property Item firstFocus: searchable ? search : view

    signal accepted

    Layout.fillWidth: true
    Layout.fillHeight: true
    Layout.minimumHeight: Math.min(Layout.maximumHeight, Kirigami.Units.gridUnit * 12)
    Layout.preferredHeight: Layout.minimumHeight
    Layout.maximumHeight: searchable ? Number.POSITIVE_INFINITY : view.contentHeight + topPadding + bottomPadding
    padding: Kirigami.Units.smallSpacing

    Kirigami.Theme.inherit: false
    Kirigami.Theme.colorSet: Kirigami.Theme.View

    function move(rows: int): void {
        view.currentIndex = Math.max(0, Math.min(view.count - 1, view.currentIndex + rows));
        view.currentItem?.take();
        // The focus stays on the list or in its field, so a screen reader would say nothing.
        if (view.currentItem)
            Accessible.announce(view.currentItem.title);
    }
    function showCurrent(): void {
        view.currentIndex = model.currentRow;
        view.positionViewAtIndex(Math.max(0, view.currentIndex), ListView.Center);
    }
    Component.onCompleted: Qt.callLater(showCurrent)

    background: Rectangle {
        radius: Kirigami.Units.cornerRadius * 1.5
        color: Kirigami.Theme.backgroundColor
        border.width: 1
        border.color: Kirigami.ColorUtils.linearInterpolation(Kirigami.Theme.backgroundColor, Kirigami.Theme.textColor, 0.2)
    }
    contentItem: ColumnLayout {
        spacing: 0
        Kirigami.SearchField {
            id: search
            objectName: "search"
            visible: list.searchable
            Layout.fillWidth: true
            Layout.margins: Kirigami.Units.smallSpacing * 1.5
            Accessible.name: i18nd("preon", "Search")
            Accessible.description: list.model.currentTitle
            placeholderText: i18nd("preon", "Search…")
            onTextChanged: {
                list.model.filter = text;
                view.currentIndex = list.model.currentRow;
            }
            Keys.onDownPressed: list.move(1)
            Keys.onUpPressed: list.move(-1)
            Keys.onReturnPressed: event => list.enter(event)
            Keys.onEnterPressed: event => list.enter(event)
            Component.onDestruction: list.model.filter = ""
        }
        Kirigami.Separator {
            visible: list.searchable
            Layout.fillWidth: true
        }
        QQC2.ScrollView {
            Layout.fillWidth: true
            Layout.fillHeight: true
            ListView {
                id: view
                objectName: "choices"
                model: list.model
                clip: true
                activeFocusOnTab: true
                keyNavigationEnabled: false
                reuseItems: true
                onHeightChanged: list.showCurrent()
                Accessible.role: Accessible.List
                Accessible.name: list.label
                // Said with the list itself, where a reader comes to it later: one that is started anew for another language, for instance.
                Accessible.description: list.model.currentTitle
                Keys.onDownPressed: list.move(1)
                Keys.onUpPressed: list.move(-1)
                Keys.onReturnPressed: event => list.enter(event)
                Keys.onEnterPressed: event => list.enter(event)
                delegate: QQC2.ItemDelegate {
                    id: row
                    required property int index
                    required property string choiceId
                    required property string title
                    required property string subtitle
                    readonly property bool chosen: choiceId === list.model.current

                    function take(): void {
                        view.currentIndex = index;
                        list.model.current = choiceId;
                    }

                    objectName: "choice:" + choiceId
                    text: title
                    width: view.width
                    height: Math.round(Kirigami.Units.gridUnit * (subtitle === "" ? 2.2 : 2.8))
                    highlighted: chosen
                    focusPolicy: Qt.NoFocus
                    onClicked: {
                        // What is taken may change the direction of the whole window, and this row with it: so that comes last.
                        view.forceActiveFocus(Qt.MouseFocusReason);
                        take();
                    }
                    onDoubleClicked: list.accepted()
                    Accessible.role: Accessible.ListItem
                    Accessible.name: title
                    Accessible.description: subtitle
                    Accessible.selectable: true
                    Accessible.selected: chosen
                    Accessible.onPressAction: clicked()
                    background: Rectangle {
                        anchors.fill: parent
                        anchors.leftMargin: Kirigami.Units.smallSpacing
                        anchors.rightMargin: Kirigami.Units.smallSpacing
                        radius: Kirigami.Units.cornerRadius
                        color: row.chosen ? Kirigami.Theme.highlightColor : row.hovered ? Qt.alpha(Kirigami.Theme.textColor, 0.06) : "transparent"
                        border.width: row.ListView.isCurrentItem && view.activeFocus ? 2 : 0
                        border.color: Qt.darker(Kirigami.Theme.highlightColor, 1.3)
                    }
                    contentItem: RowLayout {
                        spacing: Kirigami.Units.largeSpacing
                        ColumnLayout {
                            spacing: 0
                            Layout.leftMargin: Kirigami.Units.largeSpacing
                            QQC2.Label {
                                text: row.title
                                color: row.chosen ? Kirigami.Theme.highlightedTextColor : Kirigami.Theme.textColor
                                elide: Text.ElideRight
                                horizontalAlignment: Text.AlignLeft
                                Layout.fillWidth: true
                                Accessible.ignored: true
                            }
                            QQC2.Label {
                                text: row.subtitle
                                visible: text !== ""
                                color: row.chosen ? Kirigami.Theme.highlightedTextColor : Kirigami.Theme.textColor
                                opacity: 0.75
                                font: Kirigami.Theme.smallFont
                                elide: Text.ElideRight
                                horizontalAlignment: Text.AlignLeft
                                Layout.fillWidth: true
                                Accessible.ignored: true
                            }
                        }
                        Kirigami.Icon {
                            source: "checkmark"
                            visible: row.chosen
                            isMask: true
                            color: Kirigami.Theme.highlightedTextColor
                            implicitWidth: Kirigami.Units.iconSizes.small
                            implicitHeight: Kirigami.Units.iconSizes.small
                            Layout.rightMargin: Kirigami.Units.largeSpacing
                        }
                    }
                }
                QQC2.Label {
                    anchors.centerIn: parent
                    visible: view.count === 0
                    opacity: 0.75
                    text: i18nd("preon", "Nothing is called that")
                }
            }
        }
    }

    function enter(event: var): void {
        event.accepted = true;
        if (view.count === 1 && model.currentRow < 0)
            move(0);
        if (model.current !== "")
            accepted();
    }
}
