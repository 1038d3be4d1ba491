// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What a person is told who has no window open: which of the things that Describe (org.preon.Updates1) says is worth a notification. A pure function of that text.

#include <QDateTime>
#include <QJsonObject>
#include <QString>

#include <vector>

namespace Preon::Updates
{

struct Notice {
    QString kind; // "left", "waiting", "available", "silent"
    QString about; // what of that kind: told once
    QString title, text;
};

// Those that matter most first: a version that did not come up (also where a person wants no notifications), one that waits for a restart or else a new one, a maker who has been silent for weeks.
std::vector<Notice> noticesOf(const QJsonObject &state, const QDateTime &now);

} // namespace Preon::Updates
