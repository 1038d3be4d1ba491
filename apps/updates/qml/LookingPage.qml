// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2

// Until it is known how things stand: a moment.
UpdatesPage {
    question: i18n("Updates")
    sentence: i18n("One moment…")
    verb: ""
    canGoBack: false

    QQC2.BusyIndicator {
        Layout.alignment: Qt.AlignHCenter
        Accessible.name: i18n("Looking at this computer")
    }
    Item { Layout.fillHeight: true }
}
