// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/setup.h"

#include "apps/installer/places.h"
#include "helper1_proxy.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QPointer>

#include <utility>

namespace Preon::Installer
{

Setup::Setup(const QDBusConnection &bus, const QString &kind, QObject *parent)
    : QObject(parent)
    , m_kind(kind)
    , m_helper(bus)
    , m_languages(Installer::languages)
    , m_keyboards(Installer::keyboards)
    , m_timeZones(Installer::timeZones)
{
    m_languages.setCurrent(languageOfSession());
    useLanguage();
    connect(&m_languages, &Ui::Choices::currentChanged, this, &Setup::useLanguage);
    connect(&m_helper, &Ui::Helper::stateChanged, this, [this] {
        if (m_helper.state() == Ui::Helper::Ready)
            lookForWork();
    });
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

// Work that runs, or that nobody has seen the end of, is shown before anything else.
void Setup::lookForWork()
{
    if (m_job || m_isBeginning)
        return;
    Ui::Helper::await(this, m_helper.core().ListJobs(), [this](const auto &answer) {
        if (!answer || m_job || m_isBeginning || answer->value().isEmpty())
            return settle();
        const QDBusObjectPath newest = answer->value().first();
        // The helper could not be told while it was away.
        if (newest.path() == m_dismissed) {
            Ui::Job(&m_helper, newest, nullptr).forget();
            settle();
        } else {
            attach(newest);
        }
    });
}

void Setup::settle()
{
    if (!std::exchange(m_hasLookedForWork, true))
        Q_EMIT jobChanged();
}

void Setup::attach(const QDBusObjectPath &path)
{
    auto *job = new Ui::Job(&m_helper, path, this);
    // Which kind of work it is is known with the first answer only.
    connect(job, &Ui::Job::stateChanged, this, [this, job = QPointer(job)] {
        if (!job || m_job == job)
            return;
        if (job->kind() == m_kind) {
            m_job = job;
            m_isBeginning = false;
            m_hasLookedForWork = true;
            Q_EMIT jobChanged();
        } else {
            job->deleteLater();
            settle();
        }
    });
}

void Setup::begin(const QDBusPendingReply<QDBusObjectPath> &call, std::function<void()> refusedTo)
{
    m_isBeginning = true;
    Q_EMIT jobChanged();
    Ui::Helper::await(this, call, [this, refusedTo = std::move(refusedTo)](const auto &answer) {
        if (answer)
            return attach(answer->value());
        m_isBeginning = false;
        Q_EMIT jobChanged();
        Q_EMIT refused(answer.error());
        refusedTo();
    });
}

void Setup::letGo()
{
    if (!m_job)
        return;
    m_dismissed = m_job->path().path();
    m_job->forget();
    m_job->deleteLater();
    m_job = nullptr;
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
    return m_job;
}

bool Setup::isBeginning() const
{
    return m_isBeginning;
}

bool Setup::hasLookedForWork() const
{
    return m_hasLookedForWork;
}

} // namespace Preon::Installer
