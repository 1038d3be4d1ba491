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

std::optional<Notice> noticeOf(const QJsonObject &state, const QDateTime &now)
{
    if (state["problem"_L1].isObject())
        return std::nullopt;
    const QString here = titleOf(state, state["system"_L1]["version"_L1].toString());
    if (const QVariantMap left = leftInWords(state, now); !left.isEmpty()) {
        const QString version = left[u"version"_s].toString();
        return Notice{.kind = u"left"_s,
                      .about = version + u' ' + lastTryOf(state, version),
                      .title = left[u"what"_s].toString(),
                      .text = left[u"sentence"_s].toString()};
    }
    if (!state["policy"_L1]["notify"_L1].toBool())
        return std::nullopt;
    if (const QString waiting = waitingIn(state); !waiting.isEmpty())
        return Notice{.kind = u"waiting"_s,
                      .about = waiting,
                      .title = i18n("%1 waits for a restart", titleOf(state, waiting)),
                      .text = i18n("Until then this computer runs %1.", here)};
    const QJsonObject candidate = state["candidate"_L1].toObject();
    // What is fetched by itself is told of when it waits.
    const bool comesByItself = state["policy"_L1]["automatic"_L1].toString() == "fetch"_L1;
    if (!candidate.isEmpty() && !candidate["failedHere"_L1].toBool() && !comesByItself) {
        const QString version = candidate["version"_L1].toString();
        const QString amount = Ui::sizeInWords(quint64(candidate["fetch"_L1].toInteger()));
        return Notice{.kind = u"available"_s,
                      .about = version,
                      .title = i18n("%1 is available", titleOf(state, version)),
                      .text = i18n("%1 to fetch. This computer runs %2.", amount, here)};
    }
    const bool wantsNone = state["policy"_L1]["automatic"_L1].toString() == "off"_L1;
    if (const int weeks = silentWeeksIn(state); weeks > 0 && candidate.isEmpty() && !wantsNone)
        return Notice{.kind = u"silent"_s,
                      .about = QString::number(weeks / 4), // and again after four
                      .title = i18np("Nothing came from the maker for a week", "Nothing came from the maker for %1 weeks", weeks),
                      .text = i18n("Either there was nothing to mend, or something keeps updates from this computer. Ask the maker of %1 if this goes on.",
                                   state["system"_L1]["name"_L1].toString())};
    return std::nullopt;
}

} // namespace Preon::Updates
