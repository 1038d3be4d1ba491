// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import org.preon.ui
import org.preon.updates

// The versions on this computer, how each of them came up, and going back.
UpdatesPage {
    id: page

    question: i18n("Versions on this computer")
    sentence: i18n("Should a version give you trouble, start another one. Your files and programs stay as they are.")
    verb: ""
    firstFocus: list.itemAt(0)?.header ?? null

    property string asked // the version that a person wants to start from now on
    property string askedTitle
    property bool askedIsNewest: false

    AskDialog {
        id: ask
        page: page
        title: i18n("Start %1 from now on?", page.askedTitle)
        subtitle: page.askedIsNewest ? i18n("From the next restart on this computer starts %1, the newest version here.", page.askedTitle)
                                     : i18n("From the next restart on this computer starts %1, until the next update. What newer versions have mended is missing there, safety too. Your files stay as they are.", page.askedTitle)
        keepOnText: i18n("Leave it as it is")
        verb: i18n("Start %1 from now on", page.askedTitle)
        verbIcon: "view-history"
        onAgreed: page.centre.startFrom(page.askedIsNewest ? "" : page.asked)
    }

    Repeater {
        id: list
        model: page.centre.versions
        VersionCard {
            required property var modelData
            version: modelData
            onStartAsked: {
                page.asked = modelData.version;
                page.askedTitle = modelData.title;
                page.askedIsNewest = modelData.newest;
                ask.open();
            }
            onKeepAsked: keep => page.centre.keep(modelData.version, keep)
        }
    }
    Notice {
        visible: page.centre.versions.length === 0
        iconName: "view-history"
        title: i18n("No versions are known here")
        text: i18n("This system is not one that keeps several versions.")
    }
    Item { Layout.fillHeight: true }
}
