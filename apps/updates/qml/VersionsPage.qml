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
    firstFocus: list.count > 0 ? list.itemAt(0)?.header ?? null : null

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
        // By number, so that news of them do not close what is open, nor take the keyboard away.
        model: page.centre.versions.length
        VersionCard {
            required property int index
            version: page.centre.versions[index] ?? none
            onStartAsked: {
                page.asked = version.version;
                page.askedTitle = version.title;
                page.askedIsNewest = version.newest;
                ask.open();
            }
            onKeepAsked: keep => page.centre.keep(version.version, keep)
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
