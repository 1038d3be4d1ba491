// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/oem.h"

#include <KConfig>
#include <KConfigGroup>
#include <KSharedConfig>

#include <QFile>
#include <QFileInfo>
#include <QStandardPaths>

#include <utility>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;

namespace
{
constexpr qint64 longestLegal = 256 * 1024; // bytes
} // namespace

Oem::Oem(QObject *parent)
    : QObject(parent)
{
}

QString Oem::answers()
{
    return QStandardPaths::locate(QStandardPaths::GenericDataLocation, u"preon/oem/answers.json"_s);
}

void Oem::read(const QString &locale)
{
    const QString path = QStandardPaths::locate(QStandardPaths::GenericDataLocation, u"preon/oem/oem.conf"_s);
    if (path.isEmpty())
        return;
    KConfig config(path, KConfig::SimpleConfig);
    const KConfigGroup group(&config, u"OEM"_s);
    // "pt_BR", else "pt", else what is for all: KConfig itself knows only the first.
    const auto entry = [&](const char *key) {
        const QString plain = group.readEntryUntranslated(key, QString());
        for (const QString &each : {locale, locale.section(u'_', 0, 0)}) {
            config.setLocale(each);
            if (const QString said = group.readEntry(key, QString()); said != plain)
                return said;
        }
        return plain;
    };
    const QString folder = QFileInfo(path).path();
    // Only files of that folder.
    const auto fileOf = [&](const char *key) {
        const QString name = entry(key);
        const QFileInfo file(folder + u'/' + name);
        return name.isEmpty() || name.contains(u'/') || !file.isFile() ? QString() : file.absoluteFilePath();
    };
    m_name = entry("Name");
    const QString logo = fileOf("Logo");
    m_logo = logo.isEmpty() ? QUrl() : QUrl::fromLocalFile(logo);
    m_accent = QColor::fromString(entry("AccentColor"));
    const QUrl support(entry("SupportUrl"));
    m_support = QStringList{u"http"_s, u"https"_s, u"mailto"_s, u"tel"_s}.contains(support.scheme()) ? support : QUrl();
    QFile legal(fileOf("Legal"));
    m_legal = !legal.fileName().isEmpty() && legal.open(QIODevice::ReadOnly) ? QString::fromUtf8(legal.read(longestLegal)) : QString();
    Q_EMIT changed();
}

QString Oem::name() const
{
    return m_name;
}

QUrl Oem::logo() const
{
    return m_logo;
}

QUrl Oem::support() const
{
    return m_support;
}

QString Oem::legal() const
{
    return m_legal;
}

QColor Oem::accent() const
{
    return m_accent;
}

bool Oem::isAccepted() const
{
    return m_isAccepted;
}

void Oem::setAccepted(bool accepted)
{
    if (std::exchange(m_isAccepted, accepted) != accepted)
        Q_EMIT acceptedChanged();
}

// A scheme is a configuration, and KConfig lays another one over it: nothing is written into anybody's own.
void Oem::colour()
{
    if (!m_accent.isValid() || !m_scheme.open())
        return;
    KConfig scheme(m_scheme.fileName(), KConfig::SimpleConfig);
    for (const char *set : {"Colors:View", "Colors:Window", "Colors:Button"}) {
        KConfigGroup group(&scheme, QString::fromLatin1(set));
        group.writeEntry("DecorationFocus", m_accent);
        group.writeEntry("DecorationHover", m_accent);
    }
    KConfigGroup selection(&scheme, u"Colors:Selection"_s);
    selection.writeEntry("BackgroundNormal", m_accent);
    selection.writeEntry("ForegroundNormal", m_accent.lightnessF() > 0.6 ? QColor(Qt::black) : QColor(Qt::white));
    scheme.sync();
    KSharedConfig::openConfig()->addConfigSources({m_scheme.fileName()});
}

} // namespace Preon::Installer
