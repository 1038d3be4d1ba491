// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/places.h"

#include <KCountry>
#include <KLocalizedString>

#include <QDateTime>
#include <QFile>
#include <QLocale>
#include <QTimeZone>

#include <algorithm>
#include <array>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;

namespace
{

struct Language {
    const char *locale, *name, *english, *keyboard, *zone;
};

constexpr auto known = std::to_array<Language>({
    {"ar_EG", "العربية", "Arabic", "ara", "Africa/Cairo"},
    {"de_DE", "Deutsch", "German", "de", "Europe/Berlin"},
    {"en_US", "English", "English", "us", "America/New_York"},
    {"es_ES", "Español", "Spanish", "es", "Europe/Madrid"},
    {"fr_FR", "Français", "French", "fr", "Europe/Paris"},
    {"ja_JP", "日本語", "Japanese", "jp", "Asia/Tokyo"},
    {"pt_BR", "Português (Brasil)", "Portuguese (Brazil)", "br", "America/Sao_Paulo"},
    {"zh_CN", "简体中文", "Chinese (simplified)", "cn", "Asia/Shanghai"},
});

const Language &find(const QString &locale)
{
    const auto found = std::ranges::find(known, locale, [](const Language &each) { return QString::fromLatin1(each.locale); });
    return found == known.end() ? known[2] : *found;
}

QString keyboardName(const QString &english)
{
    return i18nd("xkeyboard-config", english.toUtf8().constData());
}

} // namespace

QList<Ui::Choice> languages()
{
    QList<Ui::Choice> list;
    for (const Language &each : known)
        list.append({QString::fromLatin1(each.locale), QString::fromUtf8(each.name), {}, QString::fromLatin1(each.english)});
    return list;
}

QString languageOfSession()
{
    const QLocale session;
    const QString whole = session.name();
    for (const Language &each : known) {
        if (whole == QLatin1StringView(each.locale))
            return whole;
    }
    for (const Language &each : known) {
        if (QLocale(QString::fromLatin1(each.locale)).language() == session.language())
            return QString::fromLatin1(each.locale);
    }
    return u"en_US"_s;
}

QList<Ui::Choice> keyboards()
{
    const QString root = qEnvironmentVariable("XKB_CONFIG_ROOT", u"/usr/share/X11/xkb"_s);
    QFile file(root + u"/rules/evdev.lst"_s);
    QList<Ui::Choice> list;
    if (!file.open(QIODevice::ReadOnly))
        return {{u"us"_s, keyboardName(u"English (US)"_s), {}, {}}};
    QString section;
    for (const QString &line : QString::fromUtf8(file.readAll()).split(u'\n')) {
        if (line.startsWith(u'!')) {
            section = line.sliced(1).trimmed();
            continue;
        }
        const QString text = line.trimmed();
        const qsizetype space = text.indexOf(u' ');
        if (space < 0 || (section != "layout"_L1 && section != "variant"_L1))
            continue;
        const QString word = text.first(space), rest = text.sliced(space).trimmed();
        if (section == "layout"_L1 && word != "custom"_L1) {
            list.append({word, keyboardName(rest), {}, word});
        } else if (section == "variant"_L1) {
            const qsizetype colon = rest.indexOf(u": "_s);
            if (colon > 0)
                list.append({rest.first(colon) + u' ' + word, keyboardName(rest.sliced(colon + 2)), {}, rest.first(colon)});
        }
    }
    std::ranges::sort(list, [](const Ui::Choice &a, const Ui::Choice &b) { return a.title.localeAwareCompare(b.title) < 0; });
    return list;
}

QString keyboardOf(const QString &language)
{
    return QString::fromLatin1(find(language).keyboard);
}

QList<Ui::Choice> timeZones()
{
    QList<Ui::Choice> list;
    const QDateTime now = QDateTime::currentDateTimeUtc();
    const QLocale locale(languageOfSession());
    for (const QByteArray &id : QTimeZone::availableTimeZoneIds()) {
        const QTimeZone zone(id);
        const QString name = QString::fromLatin1(id);
        // Names without a place are for administrators; names without a country are older spellings.
        if (!name.contains(u'/') || name.startsWith("Etc/"_L1) || zone.territory() == QLocale::AnyTerritory)
            continue;
        QString city = name.section(u'/', -1);
        city.replace(u'_', u' ');
        // Qt would say it in English.
        const KCountry country = KCountry::fromQLocale(zone.territory());
        const QString clock = locale.toString(now.toTimeZone(zone).time(), QLocale::ShortFormat);
        list.append({name, city,
                     i18nc("country, time there now", "%1 · %2 now", country.isValid() ? country.name() : QLocale::territoryToString(zone.territory()), clock),
                     name});
    }
    std::ranges::sort(list, [](const Ui::Choice &a, const Ui::Choice &b) { return a.title.localeAwareCompare(b.title) < 0; });
    return list;
}

QString timeZoneOf(const QString &language)
{
    const QString own = QString::fromLatin1(QTimeZone::systemTimeZoneId());
    return own.contains(u'/') && !own.startsWith("Etc/"_L1) ? own : QString::fromLatin1(find(language).zone);
}

} // namespace Preon::Installer
