// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import org.preon.ui
import org.preon.updates

// What every page of this window is given.
QuestionPage {
    required property var window
    required property Centre centre
}
