// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import org.kde.kirigami as Kirigami

// What the cards below it have in common.
Kirigami.Heading {
    property string title

    text: title
    level: 4
    Layout.fillWidth: true
    Layout.topMargin: Kirigami.Units.gridUnit
}
