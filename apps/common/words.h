// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Numbers as a person says them: sizes as on the box, times about right. Pure functions.

#include <QString>

#include <cstdint>

namespace Preon::Ui
{

// "512 GB", "1 TB", "4.3 GB": decimal units, three digits at most.
QString sizeInWords(std::uint64_t bytes);

// "About 4 minutes left"; empty for what is not known (negative).
QString timeLeftInWords(std::int64_t seconds);

// A phase of work as core names it ("Flushing"), as a person may read it.
QString phaseInWords(const QString &name);

// What the helper says in English ("empty"), in the person's language where there is a translation.
QString translated(const QString &english);

} // namespace Preon::Ui
