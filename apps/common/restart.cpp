// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/restart.h"

#include "apps/common/helper.h"

#include <QDBusArgument>
#include <QDBusMessage>

namespace Preon::Ui
{

using namespace Qt::StringLiterals;

namespace
{
const QString logind = u"org.freedesktop.login1"_s;
const QString logindPath = u"/org/freedesktop/login1"_s;
const QString logindManager = u"org.freedesktop.login1.Manager"_s;
} // namespace

Restart::Restart(const QDBusConnection &bus, QObject *parent)
    : QObject(parent)
    , m_bus(bus)
{
    ask();
}

QDBusPendingCall Restart::call(const QString &method, const QVariantList &arguments)
{
    auto message = QDBusMessage::createMethodCall(logind, logindPath, logindManager, method);
    message.setArguments(arguments);
    message.setInteractiveAuthorizationAllowed(true);
    return m_bus.asyncCall(message);
}

void Restart::ask()
{
    Helper::await(this, QDBusPendingReply<QString>(call(u"CanReboot"_s)), [this](const auto &answer) {
        m_isPossible = answer && (answer->value() == "yes"_L1 || answer->value() == "challenge"_L1);
        Q_EMIT changed();
    });
    askPlanned();
}

void Restart::askPlanned()
{
    auto message = QDBusMessage::createMethodCall(logind, logindPath, u"org.freedesktop.DBus.Properties"_s, u"Get"_s);
    message.setArguments({logindManager, u"ScheduledShutdown"_s});
    Helper::await(this, QDBusPendingReply<QDBusVariant>(m_bus.asyncCall(message)), [this](const auto &answer) {
        QString kind;
        quint64 microseconds = 0;
        if (answer) {
            const auto value = answer->value().variant().template value<QDBusArgument>();
            if (value.currentSignature() == "(st)"_L1) {
                value.beginStructure();
                value >> kind >> microseconds;
                value.endStructure();
            }
        }
        m_planned = kind == "reboot"_L1 ? QDateTime::fromMSecsSinceEpoch(qint64(microseconds / 1000)) : QDateTime();
        Q_EMIT changed();
    });
}

void Restart::follow(const QDBusPendingReply<> &call)
{
    Helper::await(this, call, [this](const auto &answer) {
        if (!answer)
            Q_EMIT failed(answer.error().detail);
        askPlanned();
    });
}

void Restart::now()
{
    follow(call(u"Reboot"_s, {true}));
}

void Restart::powerOff()
{
    follow(call(u"PowerOff"_s, {true}));
}

void Restart::at(const QDateTime &when)
{
    follow(call(u"ScheduleShutdown"_s, {u"reboot"_s, quint64(when.toMSecsSinceEpoch()) * 1000}));
}

void Restart::takeBack()
{
    follow(call(u"CancelScheduledShutdown"_s));
}

bool Restart::isPossible() const
{
    return m_isPossible;
}

QDateTime Restart::planned() const
{
    return m_planned;
}

} // namespace Preon::Ui
