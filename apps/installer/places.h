// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The three lists that the live session's choices come from, and what they suggest each other: a language brings its keyboards and its time zone.

#include "apps/common/choices.h"

#include <QList>
#include <QString>

namespace Preon::Installer
{

// Languages that Preon speaks, by their own names. An id is a locale ("pt_BR").
QList<Ui::Choice> languages();
QString languageOfSession(); // one of them

// Layouts and variants that xkeyboard-config knows. An id is "LAYOUT" or "LAYOUT VARIANT".
QList<Ui::Choice> keyboards();
QString keyboardOf(const QString &language);

// Time zones of the tz database that have a place ("Europe/Berlin").
QList<Ui::Choice> timeZones();
QString timeZoneOf(const QString &language); // the machine's own if it is set to one

} // namespace Preon::Installer
