// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.installer

// A page of the installer only.
SetupPage {
    readonly property Installation installation: setup as Installation
}
