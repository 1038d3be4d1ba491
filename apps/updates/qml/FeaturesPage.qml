// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami
import org.preon.ui
import org.preon.updates

// What can be had beside the system itself. It comes, or goes, with the next update.
UpdatesPage {
    id: page

    question: i18n("Optional features")
    sentence: centre.features.length > 0 ? i18n("What you switch on here comes with the next update, and what you switch off goes with it.") : ""
    verb: ""
    firstFocus: list.count > 0 ? list.itemAt(0)?.card ?? null : null

    Repeater {
        id: list
        // By number, so that news of them do not take the keyboard away.
        model: page.centre.features.length
        ColumnLayout {
            id: feature
            required property int index
            readonly property var modelData: page.centre.features[index] ?? { id: "", description: "", documentation: "", enabled: false }
            readonly property alias card: toggle
            spacing: Kirigami.Units.smallSpacing
            Layout.fillWidth: true
            ChoiceCard {
                id: toggle
                objectName: "feature-" + feature.modelData.id
                text: feature.modelData.description || feature.modelData.id
                line: feature.modelData.enabled ? i18n("Switched on") : i18n("Switched off")
                toggles: true
                selected: feature.modelData.enabled
                onChosen: page.centre.setFeature(feature.modelData.id, !feature.modelData.enabled)
            }
            Kirigami.UrlButton {
                objectName: "about-" + feature.modelData.id
                text: i18n("What is it?")
                url: feature.modelData.documentation
                visible: feature.modelData.documentation.startsWith("https://")
                Accessible.description: toggle.text
                Layout.leftMargin: Kirigami.Units.largeSpacing * 1.5
            }
        }
    }
    Notice {
        visible: page.centre.features.length === 0
        iconName: "plugins"
        title: i18n("%1 has no optional features", page.centre.system)
        text: i18n("Apps come from elsewhere: the first page says from where.")
    }
    Item { Layout.fillHeight: true }
}
