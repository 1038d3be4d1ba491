// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/helper.h"

#include "firststart1_proxy.h"
#include "helper1_proxy.h"
#include "installer1_proxy.h"
#include "updates1_proxy.h"

#include <QDBusServiceWatcher>

#include <chrono>
#include <initializer_list>
#include <utility>

namespace Preon::Ui
{

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace
{
// A polkit dialog waits for a person; slow disks are slow.
constexpr std::chrono::milliseconds patience = 10min;
} // namespace

QString Helper::service()
{
    return u"org.preon.Helper1"_s;
}

QString Helper::path()
{
    return u"/org/preon/Helper1"_s;
}

Helper::Helper(const QDBusConnection &bus, QObject *parent)
    : QObject(parent)
    , m_bus(bus)
    , m_core(std::make_unique<OrgPreonHelper1Interface>(service(), path(), bus))
    , m_installer(std::make_unique<OrgPreonInstaller1Interface>(service(), path(), bus))
    , m_firstStart(std::make_unique<OrgPreonFirstStart1Interface>(service(), path(), bus))
    , m_updates(std::make_unique<OrgPreonUpdates1Interface>(service(), path(), bus))
{
    m_core->setTimeout(patience.count());
    for (QDBusAbstractInterface *each : std::initializer_list<QDBusAbstractInterface *>{m_installer.get(), m_firstStart.get(), m_updates.get()}) {
        each->setTimeout(patience.count());
        each->setInteractiveAuthorizationAllowed(true);
    }
    connect(m_core.get(), &OrgPreonHelper1Interface::JobAdded, this, &Helper::jobAdded);
    connect(m_core.get(), &OrgPreonHelper1Interface::JobRemoved, this, &Helper::jobRemoved);

    auto *watcher = new QDBusServiceWatcher(service(), bus, QDBusServiceWatcher::WatchForOwnerChange, this);
    connect(watcher, &QDBusServiceWatcher::serviceOwnerChanged, this, [this](const QString &, const QString &old) {
        m_isStale = m_isStale || !old.isEmpty();
        if (m_isStale)
            reach();
    });
    reach();
}

Helper::~Helper() = default;

void Helper::reach()
{
    auto call = QDBusMessage::createMethodCall(service(), path(), u"org.freedesktop.DBus.Properties"_s, u"GetAll"_s);
    call << service();
    await(this, QDBusPendingReply<QVariantMap>(m_bus.asyncCall(call)), [this](const auto &answer) {
        if (!answer) {
            m_isStale = true;
            return setState(Absent, answer.error());
        }
        m_version = answer->value()[u"Version"_s].toString();
        m_session = answer->value()[u"Session"_s].toString();
        setState(Ready);
        if (std::exchange(m_isStale, false))
            Q_EMIT anewed();
    });
}

void Helper::setState(State state, const Problem &problem)
{
    m_state = state;
    m_problem = problem;
    Q_EMIT stateChanged();
}

Helper::State Helper::state() const
{
    return m_state;
}

Problem Helper::problem() const
{
    return m_problem;
}

QString Helper::session() const
{
    return m_session;
}

QString Helper::version() const
{
    return m_version;
}

QDBusConnection Helper::bus() const
{
    return m_bus;
}

OrgPreonHelper1Interface &Helper::core() const
{
    return *m_core;
}

OrgPreonInstaller1Interface &Helper::installer() const
{
    return *m_installer;
}

OrgPreonFirstStart1Interface &Helper::firstStart() const
{
    return *m_firstStart;
}

OrgPreonUpdates1Interface &Helper::updates() const
{
    return *m_updates;
}

} // namespace Preon::Ui
