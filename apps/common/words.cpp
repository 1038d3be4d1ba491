// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/words.h"

#include <KLazyLocalizedString>
#include <KLocalizedString>

#include <QLocale>

#include <algorithm>
#include <array>
#include <cmath>

namespace Preon::Ui
{

namespace
{

// The phases that core names, and what they are to a person.
struct Phase {
    const char *name;
    KLazyLocalizedString words;
};

constexpr auto phases = std::to_array<Phase>({
    {"Checking the source", kli18n("Looking at the stick")},
    {"Checking the data of the source", kli18n("Checking the system on the stick")},
    {"Erasing the old content", kli18n("Erasing what was there")},
    {"Removing the old kernels", kli18n("Taking the old system away")},
    {"Erasing the old keys", kli18n("Destroying the old keys")},
    {"Preparing the free space", kli18n("Preparing the free space")},
    {"Copying the system", kli18n("Copying the system")},
    {"Writing the boot files", kli18n("Writing what starts it")},
    {"Flushing", kli18n("Waiting for the disk to finish")},
    {"Checking what was written", kli18n("Reading everything back")},
    {"Writing the partition table", kli18n("Putting it into place")},
    {"Adding the boot files", kli18n("Adding what starts it")},
    {"Telling the firmware", kli18n("Telling this computer to start it")},
});

} // namespace

QString sizeInWords(std::uint64_t bytes)
{
    static constexpr std::array units = {kli18nc("size", "%1 B"),  kli18nc("size", "%1 kB"), kli18nc("size", "%1 MB"),
                                         kli18nc("size", "%1 GB"), kli18nc("size", "%1 TB"), kli18nc("size", "%1 PB")};
    double value = double(bytes);
    std::size_t unit = 0;
    // 999.6 GB is what a box calls 1 TB.
    for (; value >= 999.5 && unit + 1 < units.size(); ++unit)
        value /= 1000;
    const double tenths = std::round(value * 10) / 10;
    const int digits = unit == 0 || tenths >= 10 || tenths == std::floor(tenths) ? 0 : 1;
    return units[unit].subs(QLocale().toString(value, 'f', digits)).toString();
}

QString timeLeftInWords(std::int64_t seconds)
{
    if (seconds < 0)
        return {};
    if (seconds < 50)
        return i18n("Less than a minute left");
    const int minutes = int((seconds + 30) / 60);
    if (minutes < 60)
        return i18np("About one minute left", "About %1 minutes left", minutes);
    return i18np("About one hour left", "About %1 hours left", (minutes + 30) / 60);
}

QString phaseInWords(const QString &name)
{
    const auto found = std::ranges::find(phases, name, [](const Phase &each) { return QString::fromLatin1(each.name); });
    return found == phases.end() ? translated(name) : found->words.toString();
}

QString translated(const QString &english)
{
    return english.isEmpty() ? QString() : i18n(english.toUtf8().constData());
}

} // namespace Preon::Ui
