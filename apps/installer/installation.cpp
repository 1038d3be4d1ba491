// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/installation.h"

#include "apps/installer/places.h"
#include "helper1_proxy.h"
#include "installer1_proxy.h"

#include <KLocalizedString>

#include <QClipboard>
#include <QGuiApplication>
#include <QPointer>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;

Installation::Installation(const QDBusConnection &bus, QObject *parent)
    : QObject(parent)
    , m_helper(bus)
    , m_machine(&m_helper)
    , m_languages(Installer::languages)
    , m_keyboards(Installer::keyboards)
    , m_timeZones(Installer::timeZones)
    , m_power(QDBusConnection::systemBus())
    , m_health(QDBusConnection::systemBus())
    , m_disks(&m_helper, &m_health)
    , m_way(&m_helper, &m_disks)
    , m_answering({&m_languages, &m_keyboards, &m_timeZones, &m_machine, &m_disks, &m_way})
{
    m_languages.setCurrent(languageOfSession());
    useLanguage();
    connect(&m_languages, &Ui::Choices::currentChanged, this, &Installation::useLanguage);
    for (Ui::Choices *choices : {&m_languages, &m_keyboards, &m_timeZones})
        connect(choices, &Ui::Choices::currentChanged, this, &Installation::carryOver);
    connect(&m_machine, &Machine::protectionChanged, this, &Installation::carryOver);
    connect(&m_machine, &Machine::preparingChanged, this, &Installation::carryOver);
    connect(&m_network, &Network::carriedChanged, this, &Installation::carryOver);
    connect(&m_answering, &Answering::changed, this, &Installation::carryOver);
    carryOver();
    connect(&m_helper, &Ui::Helper::stateChanged, this, [this] {
        if (m_helper.state() == Ui::Helper::Ready)
            lookForWork();
    });
}

void Installation::useLanguage()
{
    m_keyboards.suggest(keyboardOf(m_languages.current()));
    m_timeZones.suggest(timeZoneOf(m_languages.current()));
    Q_EMIT languageChanged(m_languages.current());
    // Their names are in that language now.
    m_keyboards.renew(Installer::keyboards);
    m_timeZones.renew(Installer::timeZones);
}

// What is chosen here is so in the installed system.
void Installation::carryOver()
{
    QVariantMap wishes{{u"language"_s, m_languages.current() + u".UTF-8"_s}, {u"keyboard"_s, m_keyboards.current()}, {u"time-zone"_s, m_timeZones.current()}};
    if (m_machine.isKnown())
        wishes[u"protection"_s] = m_machine.protection();
    if (m_machine.isPreparing())
        wishes[u"prepare-secure-boot"_s] = true;
    if (!m_answering.hostname().isEmpty())
        wishes[u"hostname"_s] = m_answering.hostname();
    if (!m_network.carried().isEmpty())
        wishes[u"wifi"_s] = m_network.carried();
    m_way.setWishes(wishes);
}

// An installation that runs, or that nobody has seen the end of, is shown before anything else.
void Installation::lookForWork()
{
    if (m_job || m_isBeginning)
        return;
    Ui::Helper::await(this, m_helper.core().ListJobs(), [this](const auto &answer) {
        if (!answer || m_job || m_isBeginning || answer->value().isEmpty())
            return;
        const QDBusObjectPath newest = answer->value().first();
        // The helper could not be told while it was away.
        if (newest.path() == m_dismissed)
            Ui::Job(&m_helper, newest, nullptr).forget();
        else
            attach(newest);
    });
}

void Installation::attach(const QDBusObjectPath &path)
{
    auto *job = new Ui::Job(&m_helper, path, this);
    // Which kind of work it is is known with the first answer only.
    connect(job, &Ui::Job::stateChanged, this, [this, job = QPointer(job)] {
        if (!job || m_job == job)
            return;
        if (job->kind() == "install"_L1) {
            m_job = job;
            m_isBeginning = false;
            Q_EMIT jobChanged();
        } else {
            job->deleteLater();
        }
    });
}

void Installation::begin()
{
    if (m_job || m_isBeginning || m_way.planId().isEmpty())
        return;
    m_isBeginning = true;
    Q_EMIT jobChanged();
    Ui::Helper::await(this, m_helper.installer().Apply(m_way.planId()), [this](const auto &answer) {
        if (answer)
            return attach(answer->value());
        m_isBeginning = false;
        Q_EMIT jobChanged();
        Q_EMIT refused(answer.error());
        // A plan that no longer fits is shown anew.
        m_disks.refresh();
        m_way.refresh();
    });
}

void Installation::startOver()
{
    if (!m_job)
        return;
    m_dismissed = m_job->path().path();
    m_job->forget();
    m_job->deleteLater();
    m_job = nullptr;
    m_disks.refresh();
    m_way.refresh();
    Q_EMIT jobChanged();
}

void Installation::restart()
{
    end(u"Reboot"_s);
}

void Installation::powerOff()
{
    end(u"PowerOff"_s);
}

void Installation::end(const QString &how)
{
    // The session's own right, by logind: nothing that the helper would have to decide.
    auto call = QDBusMessage::createMethodCall(u"org.freedesktop.login1"_s, u"/org/freedesktop/login1"_s, u"org.freedesktop.login1.Manager"_s, how);
    call << true;
    Ui::Helper::await(this, QDBusPendingReply<>(QDBusConnection::systemBus().asyncCall(call)), [this](const auto &answer) {
        if (answer)
            return;
        Q_EMIT refused({.code = u"restart"_s,
                        .what = i18n("This computer could not be restarted or switched off from here"),
                        .why = {},
                        .todo = i18n("Everything is installed. Hold the power button to switch it off, remove the stick, and switch it on again."),
                        .detail = answer.error().detail});
    });
}

void Installation::copy(const QString &text) const
{
    QGuiApplication::clipboard()->setText(text);
}

Ui::Helper *Installation::helper()
{
    return &m_helper;
}

Machine *Installation::machine()
{
    return &m_machine;
}

Ui::Choices *Installation::languages()
{
    return &m_languages;
}

Ui::Choices *Installation::keyboards()
{
    return &m_keyboards;
}

Ui::Choices *Installation::timeZones()
{
    return &m_timeZones;
}

Network *Installation::network()
{
    return &m_network;
}

Power *Installation::power()
{
    return &m_power;
}

Disks *Installation::disks()
{
    return &m_disks;
}

Way *Installation::way()
{
    return &m_way;
}

Answering *Installation::answering()
{
    return &m_answering;
}

Ui::Job *Installation::job() const
{
    return m_job;
}

bool Installation::isBeginning() const
{
    return m_isBeginning;
}

} // namespace Preon::Installer
