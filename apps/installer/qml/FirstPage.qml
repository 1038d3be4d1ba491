// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.installer

// A page of the first start only.
SetupPage {
    readonly property FirstStart start: setup as FirstStart
}
