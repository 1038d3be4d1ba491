// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/updates/state.h"

#include "apps/common/words.h"

#include <KLocalizedString>

#include <QJsonArray>
#include <QLocale>

#include <algorithm>

namespace Preon::Updates
{

using namespace Qt::StringLiterals;

namespace
{

QString dayInWords(const QDate &day, const QDate &today)
{
    const QString format = day.year() == today.year()
        ? i18nc("day and month, as Qt writes dates: d, MMMM; words in quotation marks", "d MMMM")
        : i18nc("day, month and year, as Qt writes dates: d, MMMM, yyyy; words in quotation marks", "d MMMM yyyy");
    return QLocale().toString(day, format);
}

QDateTime time(qint64 seconds)
{
    return QDateTime::fromSecsSinceEpoch(seconds);
}

// Reasons are the helper's sentences.
QStringList reasonsOf(const QJsonValue &json)
{
    QStringList reasons;
    for (const auto &each : json.toArray())
        reasons.append(Ui::translated(each.toString()));
    return reasons;
}

QVariantList startsInWords(const QJsonArray &starts, const QDateTime &now)
{
    QVariantList list;
    for (const auto &each : starts) {
        const QString outcome = each["outcome"_L1].toString();
        const int attempt = each["try"_L1].toInt();
        QString words = outcome == "running"_L1 ? i18nc("a start of this computer", "Runs since then")
            : outcome == "came-up"_L1           ? i18nc("a start of this computer", "Came up")
            : attempt > 0                       ? i18nc("a start of this computer", "Did not come up (try %1)", attempt)
                                                : i18nc("a start of this computer", "Did not come up");
        const QStringList reasons = reasonsOf(each["reasons"_L1]);
        list.append(QVariantMap{
            {u"when"_s, momentInWords(each["began"_L1].toInteger(), now)}, {u"words"_s, words}, {u"outcome"_s, outcome}, {u"reasons"_s, reasons.join(u'\n')}});
    }
    return list;
}

// How often it came up, and since when.
QString lineOf(const QJsonObject &version, const QDateTime &now)
{
    if (!version["complete"_L1].toBool(true))
        return i18n("Not complete: it was not written to the end.");
    const QJsonArray starts = version["starts"_L1].toArray();
    const auto good = int(std::ranges::count_if(starts, [](const auto &each) { return each["outcome"_L1].toString() != "failed"_L1; }));
    if (version["left"_L1].isObject())
        return good == 0 ? i18n("It never came up here.") : i18np("It came up once, then no more.", "It came up %1 times, then no more.", good);
    if (starts.isEmpty())
        return i18n("Not started so far.");
    const QString last = momentInWords(starts.first()["began"_L1].toInteger(), now);
    return good == 0 ? i18n("Started last: %1.", last) : i18np("Came up once: %2.", "Came up %1 times, last: %2.", good, last);
}

QStringList marksOf(const QJsonObject &version)
{
    QStringList marks;
    const auto add = [&](const char *key, const QString &words) {
        if (version[QLatin1String(key)].toBool())
            marks.append(words);
    };
    add("running", i18nc("mark of a version", "Runs now"));
    add("startsNext", i18nc("mark of a version", "Starts next"));
    add("kept", i18nc("mark of a version", "Kept"));
    if (version["left"_L1].isObject())
        marks.append(i18nc("mark of a version", "Did not come up"));
    if (!version["complete"_L1].toBool(true))
        marks.append(i18nc("mark of a version", "Not complete"));
    return marks;
}

QString triesInWords(const QJsonObject &left)
{
    const int tries = left["tries"_L1].toInt();
    return tries > 0 ? i18np("It was tried once.", "It was tried %1 times.", tries) : QString();
}

QString leftDetails(const QJsonObject &left, const QDateTime &now)
{
    QStringList lines;
    if (const qint64 last = left["last"_L1].toInteger(); last > 0)
        lines.append(i18n("Last try: %1", momentInWords(last, now)));
    lines.append(left["gotToRoot"_L1].toBool() ? i18n("It got as far as this computer's disk, but not to a working system.")
                                               : i18n("It did not get as far as opening this computer's disk."));
    lines += reasonsOf(left["reasons"_L1]);
    return lines.join(u'\n');
}

QString running(const QJsonObject &state)
{
    return state["system"_L1]["version"_L1].toString();
}

} // namespace

QString titleOf(const QJsonObject &state, const QString &version)
{
    return i18nc("name of the system, its version", "%1 %2", state["system"_L1]["name"_L1].toString(), version);
}

QString momentInWords(qint64 seconds, const QDateTime &now)
{
    const QDateTime then = time(seconds);
    const QString hour = QLocale().toString(then.time(), QLocale::ShortFormat);
    const qint64 days = then.date().daysTo(now.date());
    return days == 0 ? i18nc("a time of today", "today, %1", hour)
        : days == 1  ? i18nc("a time of yesterday", "yesterday, %1", hour)
                     : i18nc("a day, a time of it", "%1, %2", dayInWords(then.date(), now.date()), hour);
}

QString checkedInWords(qint64 seconds, const QDateTime &now)
{
    return seconds <= 0 ? i18n("Never checked for updates") : i18nc("a moment: today, 14:05", "Checked: %1", momentInWords(seconds, now));
}

QVariantList versionsInWords(const QJsonObject &state, const QDateTime &now)
{
    QVariantList list;
    const QJsonArray versions = state["versions"_L1].toArray();
    const auto sound = std::ranges::find_if(versions, [](const auto &each) { return each["complete"_L1].toBool(true) && !each["left"_L1].isObject(); });
    const QString newest = sound == versions.end() ? QString() : (*sound)["version"_L1].toString();
    for (const auto &json : versions) {
        const QJsonObject each = json.toObject();
        const QString version = each["version"_L1].toString();
        const QJsonObject left = each["left"_L1].toObject();
        list.append(QVariantMap{{u"version"_s, version},
                                {u"title"_s, titleOf(state, version)},
                                {u"line"_s, lineOf(each, now)},
                                {u"running"_s, each["running"_L1].toBool()},
                                {u"startsNext"_s, each["startsNext"_L1].toBool()},
                                {u"kept"_s, each["kept"_L1].toBool()},
                                {u"lastGood"_s, each["lastGood"_L1].toBool()},
                                {u"complete"_s, each["complete"_L1].toBool(true)},
                                {u"failed"_s, !left.isEmpty()},
                                {u"newest"_s, version == newest},
                                {u"marks"_s, marksOf(each)},
                                {u"starts"_s, startsInWords(each["starts"_L1].toArray(), now)},
                                {u"left"_s, left.isEmpty() ? QString() : triesInWords(left)},
                                {u"details"_s, left.isEmpty() ? QString() : leftDetails(left, now)}});
    }
    return list;
}

QVariantMap leftInWords(const QJsonObject &state, const QDateTime &now)
{
    for (const auto &json : state["versions"_L1].toArray()) {
        // Newest first: what comes after the running one is older.
        if (json["running"_L1].toBool())
            return {};
        const QJsonObject left = json["left"_L1].toObject();
        if (left.isEmpty())
            continue;
        const QString version = json["version"_L1].toString();
        const QString tries = triesInWords(left);
        const QString now_ = titleOf(state, running(state));
        const QString same = i18n("%1 and your files are as they were.", now_);
        return {{u"version"_s, version},
                {u"what"_s, i18n("%1 did not start properly, so this computer went back to %2", titleOf(state, version), now_)},
                {u"sentence"_s, tries.isEmpty() ? same : i18nc("two sentences, one after the other", "%1 %2", tries, same)},
                {u"details"_s, leftDetails(left, now)}};
    }
    return {};
}

QString waitingIn(const QJsonObject &state)
{
    if (const QString pending = state["pending"_L1].toString(); !pending.isEmpty())
        return pending;
    const QJsonArray versions = state["versions"_L1].toArray();
    const auto next = std::ranges::find_if(versions, [](const auto &each) { return each["startsNext"_L1].toBool(); });
    return next == versions.end() || (*next)["running"_L1].toBool() ? QString() : (*next)["version"_L1].toString();
}

bool isHeldBackIn(const QJsonObject &state)
{
    const QJsonValue candidate = state["candidate"_L1];
    return candidate["percent"_L1].toInt(100) < 100 && !candidate["failedHere"_L1].toBool();
}

int silentWeeksIn(const QJsonObject &state)
{
    // A maker who says nothing new for so long says at least that there is nothing, if all is well.
    constexpr int limit = 21;
    const int days = state["silent"_L1].toInt(-1);
    return days < limit ? 0 : days / 7;
}

QStringList consequencesInWords(const QJsonObject &state, const QJsonObject &plan)
{
    QStringList sentences;
    for (const auto &each : plan["removes"_L1].toArray())
        sentences.append(i18n("%1 makes room for it.", titleOf(state, each.toString())));
    for (const auto &each : plan["keeps"_L1].toArray())
        sentences.append(i18n("%1 stays, to go back to.", titleOf(state, each.toString())));
    return sentences;
}

} // namespace Preon::Updates
