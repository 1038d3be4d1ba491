// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/installation.h"

#include "installer1_proxy.h"

#include <KLocalizedString>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;

Installation::Installation(const QDBusConnection &bus, QObject *parent)
    : Setup(bus, u"install"_s, parent)
    , m_machine(helper())
    , m_power(QDBusConnection::systemBus())
    , m_health(QDBusConnection::systemBus())
    , m_disks(helper(), &m_health)
    , m_way(helper(), &m_disks)
    , m_restart(QDBusConnection::systemBus())
    , m_answering({languages(), keyboards(), timeZones(), &m_machine, &m_disks, &m_way})
{
    for (Ui::Choices *choices : {languages(), keyboards(), timeZones()})
        connect(choices, &Ui::Choices::currentChanged, this, &Installation::carryOver);
    connect(&m_machine, &Machine::changed, this, &Setup::systemChanged);
    connect(&m_machine, &Machine::protectionChanged, this, &Installation::carryOver);
    connect(&m_machine, &Machine::preparingChanged, this, &Installation::carryOver);
    connect(network(), &Network::carriedChanged, this, &Installation::carryOver);
    connect(&m_answering, &Answering::changed, this, &Installation::carryOver);
    connect(&m_restart, &Ui::Restart::failed, this, [this](const QString &why) {
        Q_EMIT refused({.code = u"restart"_s,
                        .what = i18n("This computer could not be restarted or switched off from here"),
                        .why = {},
                        .todo = i18n("Everything is installed. Hold the power button to switch it off, remove the stick, and switch it on again."),
                        .detail = why});
    });
    carryOver();
}

// What is chosen here is so in the installed system.
void Installation::carryOver()
{
    QVariantMap wishes{
        {u"language"_s, languages()->current() + u".UTF-8"_s}, {u"keyboard"_s, keyboards()->current()}, {u"time-zone"_s, timeZones()->current()}};
    if (m_machine.isKnown())
        wishes[u"protection"_s] = m_machine.protection();
    if (m_machine.isPreparing())
        wishes[u"prepare-secure-boot"_s] = true;
    if (!m_answering.hostname().isEmpty())
        wishes[u"hostname"_s] = m_answering.hostname();
    if (!network()->carried().isEmpty())
        wishes[u"wifi"_s] = network()->carried();
    m_way.setWishes(wishes);
}

void Installation::begin()
{
    if (job() || isBeginning() || m_way.planId().isEmpty())
        return;
    Setup::begin(helper()->installer().Apply(m_way.planId()), [this] {
        // A plan that no longer fits is shown anew.
        m_disks.refresh();
        m_way.refresh();
    });
}

void Installation::startOver()
{
    if (!job())
        return;
    letGo();
    m_disks.refresh();
    m_way.refresh();
    Q_EMIT jobChanged();
}

Ui::Restart *Installation::restart()
{
    return &m_restart;
}

QString Installation::system() const
{
    return m_machine.system();
}

Machine *Installation::machine()
{
    return &m_machine;
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

} // namespace Preon::Installer
