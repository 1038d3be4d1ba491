// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What the helper tells of this computer's versions (Describe of org.preon.Updates1), in a person's words. Pure functions of that text and of the time; nothing is asked and
// nothing is decided here.

#include <QDateTime>
#include <QJsonObject>
#include <QString>
#include <QVariantMap>

namespace Preon::Updates
{

// "Particle 3": the system's name with a version.
QString titleOf(const QJsonObject &state, const QString &version);

// "today, 14:05", "yesterday, 14:05", "3 October, 14:05"; seconds since 1970.
QString momentInWords(qint64 seconds, const QDateTime &now);

// "Checked today, 14:05"; "Never checked" for 0.
QString checkedInWords(qint64 seconds, const QDateTime &now);

// The versions on this computer, newest first: {"version", "title", "line", "running", "startsNext", "kept", "lastGood", "complete", "failed", "newest" (of those that may come up), "marks": [words],
// "starts": [{"when", "words", "outcome", "reasons"}], "left": what happened when it failed, "details"}.
QVariantList versionsInWords(const QJsonObject &state, const QDateTime &now);

// The newest version that was tried here and left, where what runs is older: {"version", "what", "sentence", "details"}; empty: there is none.
QVariantMap leftInWords(const QJsonObject &state, const QDateTime &now);

// The version that the next start brings, and that does not run; empty: none.
QString waitingIn(const QJsonObject &state);

// Whether the candidate is handed out in steps, and this computer's turn is still to come.
bool isHeldBackIn(const QJsonObject &state);

// The weeks that nothing came from the maker, and that are too many; 0: all is well.
int silentWeeksIn(const QJsonObject &state);

// What goes and what stays with a plan ("Particle 1 makes room."), one sentence each.
QStringList consequencesInWords(const QJsonObject &state, const QJsonObject &plan);

} // namespace Preon::Updates
