// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import org.kde.kirigami as Kirigami
import org.kde.kirigamiaddons.formcard as FormCard

// A card of ways that lead on from a page.
FormCard.FormCard {
    id: card

    property var links: [] // of { id, title, line, icon, opens }

    signal followed(string id)

    // Rounded, as all cards of the suite: one that fills its room would not be.
    maximumWidth: width - 2

    Repeater {
        // By number, so that news of them do not take the keyboard away.
        model: card.links.length
        FormCard.FormButtonDelegate {
            id: link
            required property int index
            readonly property var modelData: card.links[index] ?? { id: "", title: "", line: "", icon: "" }
            readonly property bool leads: modelData.opens ?? true // else it only says something
            objectName: "link-" + modelData.id
            text: modelData.title
            description: modelData.line
            icon.name: modelData.icon
            focusPolicy: leads ? Qt.StrongFocus : Qt.NoFocus
            background.visible: leads
            trailingLogo.direction: Qt.application.layoutDirection === Qt.RightToLeft ? Qt.LeftArrow : Qt.RightArrow
            descriptionItem.color: Kirigami.Theme.textColor
            descriptionItem.opacity: 0.75
            descriptionItem.Accessible.ignored: true
            Accessible.role: leads ? Accessible.Button : Accessible.StaticText
            Accessible.description: modelData.line
            Accessible.onPressAction: clicked()
            Keys.onReturnPressed: clicked()
            Keys.onEnterPressed: clicked()
            onClicked: if (leads) card.followed(modelData.id)
        }
    }
}
