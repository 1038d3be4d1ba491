// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/setup.h"

#include "apps/installer/places.h"

#include <QClipboard>
#include <QGuiApplication>

#include <utility>

namespace Preon::Installer
{

Setup::Setup(const QDBusConnection &bus, const QString &kind, QObject *parent)
    : QObject(parent)
    , m_helper(bus)
    , m_languages(Installer::languages)
    , m_keyboards(Installer::keyboards)
    , m_timeZones(Installer::timeZones)
    , m_work(&m_helper, kind, false)
{
    m_languages.setCurrent(languageOfSession());
    useLanguage();
    connect(&m_languages, &Ui::Choices::currentChanged, this, &Setup::useLanguage);
    connect(&m_work, &Ui::Work::changed, this, &Setup::jobChanged);
    connect(&m_work, &Ui::Work::refused, this, &Setup::refused);
}

void Setup::useLanguage()
{
    m_keyboards.suggest(keyboardOf(m_languages.current()));
    m_timeZones.suggest(timeZoneOf(m_languages.current()));
    Q_EMIT languageChanged(m_languages.current());
    // Their names are in that language now.
    m_keyboards.renew(Installer::keyboards);
    m_timeZones.renew(Installer::timeZones);
}

void Setup::begin(const QDBusPendingReply<QDBusObjectPath> &call, std::function<void()> refusedTo)
{
    m_work.begin(call, std::move(refusedTo));
}

void Setup::letGo()
{
    m_work.letGo();
}

void Setup::copy(const QString &text) const
{
    QGuiApplication::clipboard()->setText(text);
}

Ui::Helper *Setup::helper()
{
    return &m_helper;
}

Ui::Choices *Setup::languages()
{
    return &m_languages;
}

Ui::Choices *Setup::keyboards()
{
    return &m_keyboards;
}

Ui::Choices *Setup::timeZones()
{
    return &m_timeZones;
}

Network *Setup::network()
{
    return &m_network;
}

Ui::Job *Setup::job() const
{
    return m_work.job();
}

bool Setup::isBeginning() const
{
    return m_work.isBeginning();
}

bool Setup::hasLookedForWork() const
{
    return m_work.hasLooked();
}

} // namespace Preon::Installer
