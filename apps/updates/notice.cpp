// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/updates/notice.h"

#include "apps/common/words.h"
#include "apps/updates/state.h"

#include <KLocalizedString>

#include <QJsonArray>

namespace Preon::Updates
{

using namespace Qt::StringLiterals;

namespace
{

// Which of its tries was told of.
QString lastTryOf(const QJsonObject &state, const QString &version)
{
    for (const auto &each : state["versions"_L1].toArray()) {
        if (each["version"_L1].toString() == version)
            return QString::number(each["left"_L1]["last"_L1].toInteger());
    }
    return {};
}

} // namespace

std::vector<Notice> noticesOf(const QJsonObject &state, const QDateTime &now)
{
    std::vector<Notice> notices;
    if (state["problem"_L1].isObject())
        return notices;
    const QString here = titleOf(state, state["system"_L1]["version"_L1].toString());
    if (const QVariantMap left = leftInWords(state, now); !left.isEmpty()) {
        const QString version = left[u"version"_s].toString();
        notices.push_back({.kind = u"left"_s,
                           .about = version + u' ' + lastTryOf(state, version),
                           .title = left[u"what"_s].toString(),
                           .text = left[u"sentence"_s].toString()});
    }
    const QJsonValue policy = state["policy"_L1];
    if (!policy["notify"_L1].toBool())
        return notices;
    const QJsonObject candidate = state["candidate"_L1].toObject();
    // What is fetched by itself is told of when it waits; unless it does not come.
    constexpr qint64 patience = 3 * 86400;
    const bool comes = policy["automatic"_L1].toString() == "fetch"_L1 && now.toSecsSinceEpoch() - state["found"_L1].toInteger() < patience;
    if (const QString waiting = waitingIn(state); !waiting.isEmpty()) {
        notices.push_back({.kind = u"waiting"_s,
                           .about = waiting,
                           .title = i18n("%1 waits for a restart", titleOf(state, waiting)),
                           .text = i18n("Until then this computer runs %1.", here)});
    } else if (!candidate.isEmpty() && !candidate["failedHere"_L1].toBool() && !isHeldBackIn(state) && !comes) {
        const QString version = candidate["version"_L1].toString();
        const QString amount = Ui::sizeInWords(quint64(candidate["fetch"_L1].toInteger()));
        notices.push_back({.kind = u"available"_s,
                           .about = version,
                           .title = i18n("%1 is available", titleOf(state, version)),
                           .text = i18n("%1 to fetch. This computer runs %2.", amount, here)});
    }
    const bool wantsNone = policy["automatic"_L1].toString() == "off"_L1;
    if (const int weeks = silentWeeksIn(state); weeks > 0 && candidate.isEmpty() && !wantsNone)
        notices.push_back(
            {.kind = u"silent"_s,
             // Again after four more. When the silence began tells one from another.
             .about = QString::number((now.toSecsSinceEpoch() / 86400 - state["silent"_L1].toInteger()) / 7) + u' ' + QString::number((weeks - 3) / 4),
             .title = i18np("Nothing came from the maker for a week", "Nothing came from the maker for %1 weeks", weeks),
             .text = i18n("Either there was nothing to mend, or something keeps updates from this computer. Ask the maker of %1 if this goes on.",
                          state["system"_L1]["name"_L1].toString())});
    return notices;
}

} // namespace Preon::Updates
