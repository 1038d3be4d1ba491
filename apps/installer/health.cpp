// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/health.h"

#include "apps/common/helper.h"

#include <QDBusMessage>
#include <QDBusMetaType>
#include <QDBusObjectPath>
#include <QDBusPendingReply>
#include <QDBusServiceWatcher>
#include <QMap>

#include <chrono>
#include <utility>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace
{

const QString udisks = u"org.freedesktop.UDisks2"_s;
const QString udisksPath = u"/org/freedesktop/UDisks2"_s;
const QString objectManager = u"org.freedesktop.DBus.ObjectManager"_s;
const QString blockInterface = u"org.freedesktop.UDisks2.Block"_s;
const QString ataInterface = u"org.freedesktop.UDisks2.Drive.Ata"_s;
const QString nvmeInterface = u"org.freedesktop.UDisks2.NVMe.Controller"_s;

// A computer whose UDisks does not answer has an installer all the same.
constexpr auto patience = 5s;

// By the path of an object its interfaces, by their names their properties (ObjectManager.GetManagedObjects).
using DiskObject = QMap<QString, QVariantMap>;
using DiskObjects = QMap<QDBusObjectPath, DiskObject>;

// NVM Express 2.0, 5.16.1.3, "Critical Warning", in UDisks' words. Heat passes, and the persistent memory region is not where files are.
Health::Kind kindOfWarnings(const QStringList &warnings)
{
    if (warnings.contains("readonly"_L1))
        return Health::ReadOnly;
    if (warnings.contains("degraded"_L1))
        return Health::Unreliable;
    if (warnings.contains("spare"_L1))
        return Health::WornOut;
    if (warnings.contains("volatile_mem"_L1))
        return Health::Forgetful;
    return Health::Unknown;
}

Health::Kind kindOfDrive(const DiskObject &drive)
{
    const QVariantMap ata = drive[ataInterface];
    if (ata[u"SmartEnabled"_s].toBool() && ata[u"SmartFailing"_s].toBool())
        return Health::Failing;
    return kindOfWarnings(drive[nvmeInterface][u"SmartCriticalWarning"_s].toStringList());
}

QHash<QString, Health::Kind> kindsIn(const DiskObjects &objects)
{
    QHash<QString, Health::Kind> kinds;
    for (const auto &interfaces : objects) {
        const QVariantMap block = interfaces[blockInterface];
        // A path is bytes, with a zero at the end.
        const QString device = QString::fromUtf8(block[u"Device"_s].toByteArray().constData());
        const auto drive = block[u"Drive"_s].value<QDBusObjectPath>();
        const Health::Kind kind = device.isEmpty() ? Health::Unknown : kindOfDrive(objects[drive]);
        if (kind != Health::Unknown)
            kinds[device] = kind;
    }
    return kinds;
}

} // namespace

Health::Health(const QDBusConnection &bus, QObject *parent)
    : QObject(parent)
    , m_bus(bus)
{
    qDBusRegisterMetaType<DiskObject>();
    qDBusRegisterMetaType<DiskObjects>();
    // A disk that is plugged in brings several objects at once.
    m_soon.setSingleShot(true);
    m_soon.setInterval(100ms);
    connect(&m_soon, &QTimer::timeout, this, &Health::ask);
    m_bus.connect(udisks, QString(), u"org.freedesktop.DBus.Properties"_s, u"PropertiesChanged"_s, this,
                  SLOT(propertiesChanged(QString, QVariantMap, QStringList)));
    m_bus.connect(udisks, udisksPath, objectManager, u"InterfacesAdded"_s, this, SLOT(askSoon()));
    m_bus.connect(udisks, udisksPath, objectManager, u"InterfacesRemoved"_s, this, SLOT(askSoon()));
    auto *watcher = new QDBusServiceWatcher(udisks, bus, QDBusServiceWatcher::WatchForOwnerChange, this);
    connect(watcher, &QDBusServiceWatcher::serviceOwnerChanged, this, [this](const QString &, const QString &, const QString &now) {
        if (!now.isEmpty())
            askSoon();
    });
    ask();
}

void Health::propertiesChanged(const QString &interface, const QVariantMap &, const QStringList &)
{
    if (interface == ataInterface || interface == nvmeInterface)
        askSoon();
}

void Health::askSoon()
{
    m_soon.start();
}

void Health::ask()
{
    const int asked = ++m_asked;
    // Without a bus no answer would ever come.
    if (!m_bus.isConnected())
        return take({});
    const auto call = QDBusMessage::createMethodCall(udisks, udisksPath, objectManager, u"GetManagedObjects"_s);
    const int limit = int(std::chrono::milliseconds(patience).count());
    Ui::Helper::await(this, QDBusPendingReply<DiskObjects>(m_bus.asyncCall(call, limit)), [this, asked](const auto &answer) {
        if (asked != m_asked)
            return;
        // What a disk once said of itself stays true while UDisks is away.
        take(answer ? kindsIn(answer->value()) : m_kinds);
    });
}

void Health::take(const QHash<QString, Kind> &kinds)
{
    const bool wasSettled = std::exchange(m_isSettled, true);
    if (std::exchange(m_kinds, kinds) != kinds || !wasSettled)
        Q_EMIT changed();
}

bool Health::isSettled() const
{
    return m_isSettled;
}

Health::Kind Health::of(const QString &device) const
{
    return m_kinds.value(device, Unknown);
}

} // namespace Preon::Installer
