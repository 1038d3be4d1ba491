// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/power.h"

#include "apps/common/helper.h"

#include <QDBusMessage>
#include <QDBusPendingReply>
#include <QDBusServiceWatcher>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;

namespace
{
const QString upower = u"org.freedesktop.UPower"_s;
const QString upowerPath = u"/org/freedesktop/UPower"_s;
const QString busProperties = u"org.freedesktop.DBus.Properties"_s;
} // namespace

Power::Power(const QDBusConnection &bus, QObject *parent)
    : QObject(parent)
    , m_bus(bus)
{
    m_bus.connect(upower, upowerPath, busProperties, u"PropertiesChanged"_s, this, SLOT(propertiesChanged(QString, QVariantMap, QStringList)));
    auto *watcher = new QDBusServiceWatcher(upower, bus, QDBusServiceWatcher::WatchForOwnerChange, this);
    connect(watcher, &QDBusServiceWatcher::serviceOwnerChanged, this, [this](const QString &, const QString &, const QString &now) {
        m_values.clear();
        if (now.isEmpty())
            Q_EMIT changed();
        else
            ask();
    });
    ask();
}

void Power::ask()
{
    auto call = QDBusMessage::createMethodCall(upower, upowerPath, busProperties, u"GetAll"_s);
    call << upower;
    Ui::Helper::await(this, QDBusPendingReply<QVariantMap>(m_bus.asyncCall(call)), [this](const auto &answer) {
        if (answer)
            take(answer->value());
    });
}

void Power::propertiesChanged(const QString &interface, const QVariantMap &values, const QStringList &invalidated)
{
    if (interface != upower)
        return;
    if (invalidated.isEmpty())
        take(values);
    else
        ask();
}

void Power::take(const QVariantMap &values)
{
    m_values.insert(values);
    Q_EMIT changed();
}

bool Power::isOnBattery() const
{
    return m_values[u"OnBattery"_s].toBool();
}

bool Power::isLidOpen() const
{
    return m_values[u"LidIsPresent"_s].toBool() && !m_values[u"LidIsClosed"_s].toBool();
}

} // namespace Preon::Installer
