// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/network.h"

#include <KLocalizedString>
#include <NetworkManagerQt/Connection>
#include <NetworkManagerQt/ConnectionSettings>
#include <NetworkManagerQt/Manager>
#include <NetworkManagerQt/Settings>
#include <NetworkManagerQt/WiredDevice>
#include <NetworkManagerQt/WirelessSecuritySetting>
#include <NetworkManagerQt/WirelessSetting>

#include <QDBusPendingCallWatcher>

#include <algorithm>
#include <array>
#include <chrono>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace NM = NetworkManager;

Network::Network(QObject *parent)
    : QAbstractListModel(parent)
{
    // What NetworkManager tells comes in bursts.
    m_soon.setSingleShot(true);
    m_soon.setInterval(50ms);
    connect(&m_soon, &QTimer::timeout, this, &Network::look);
    // Longer than NetworkManager itself tries (25 s for the radio, 45 s for an address).
    m_patience.setSingleShot(true);
    m_patience.setInterval(90s);
    connect(&m_patience, &QTimer::timeout, this, [this] { fail(i18n("“%1” did not answer in time.", m_joining)); });
}

void Network::watch()
{
    if (!m_isWatching) {
        m_isWatching = true;
        const auto *told = NM::notifier();
        const auto soon = [this] {
            m_soon.start();
        };
        connect(told, &NM::Notifier::serviceAppeared, this, soon);
        connect(told, &NM::Notifier::serviceDisappeared, this, soon);
        connect(told, &NM::Notifier::deviceAdded, this, soon);
        connect(told, &NM::Notifier::deviceRemoved, this, soon);
        connect(told, &NM::Notifier::wirelessEnabledChanged, this, soon);
        connect(told, &NM::Notifier::wirelessHardwareEnabledChanged, this, soon);
        connect(told, &NM::Notifier::statusChanged, this, soon);
        connect(told, &NM::Notifier::activeConnectionsChanged, this, soon);
    }
    look();
    for (const NM::Device::Ptr &device : NM::networkInterfaces()) {
        if (const auto radio = device.objectCast<NM::WirelessDevice>())
            radio->requestScan();
    }
}

void Network::look()
{
    follow();
    m_isWired = false;
    m_joined.clear();
    bool hasRadio = false;
    for (const NM::Device::Ptr &device : NM::networkInterfaces()) {
        const bool isUp = device->state() == NM::Device::Activated;
        if (device->type() == NM::Device::Ethernet && isUp)
            m_isWired = true;
        if (const auto radio = device.objectCast<NM::WirelessDevice>()) {
            hasRadio = true;
            if (const auto point = isUp ? radio->activeAccessPoint() : nullptr)
                m_joined = point->ssid();
        }
    }
    m_state = NM::status() == NM::Unknown  ? Absent
        : !hasRadio                        ? NoWireless
        : !NM::isWirelessHardwareEnabled() ? Blocked
        : !NM::isWirelessEnabled()         ? Off
                                           : Listed;
    take(m_state == Listed ? seenNow() : QList<Seen>());
    Q_EMIT changed();
    if (!m_seen.isEmpty())
        Q_EMIT dataChanged(index(0), index(count() - 1));
}

// Devices come and go, and networks with them; connecting twice is connecting once.
void Network::follow()
{
    const auto soon = [this] {
        m_soon.start();
    };
    for (const NM::Device::Ptr &device : NM::networkInterfaces()) {
        device->disconnect(&m_soon);
        connect(device.get(), &NM::Device::stateChanged, &m_soon, soon);
        const auto radio = device.objectCast<NM::WirelessDevice>();
        if (!radio)
            continue;
        connect(radio.get(), &NM::WirelessDevice::networkAppeared, &m_soon, soon);
        connect(radio.get(), &NM::WirelessDevice::networkDisappeared, &m_soon, soon);
        connect(radio.get(), &NM::WirelessDevice::activeAccessPointChanged, &m_soon, soon);
        for (const NM::WirelessNetwork::Ptr &network : radio->networks()) {
            network->disconnect(&m_soon);
            connect(network.get(), &NM::WirelessNetwork::signalStrengthChanged, &m_soon, soon);
            connect(network.get(), &NM::WirelessNetwork::referenceAccessPointChanged, &m_soon, soon);
        }
    }
}

Network::Lock Network::lockOf(const NM::AccessPoint &point)
{
    const auto flags = point.rsnFlags() | point.wpaFlags();
    if (flags.testFlag(NM::AccessPoint::KeyMgmtPsk))
        return Lock::Password;
    if (flags.testFlag(NM::AccessPoint::KeyMgmtSAE))
        return Lock::PasswordOnly;
    if (flags.testFlag(NM::AccessPoint::KeyMgmt8021x) || flags.testFlag(NM::AccessPoint::KeyMgmtEapSuiteB192))
        return Lock::Enterprise;
    if (flags.testFlag(NM::AccessPoint::KeyMgmtOWE))
        return Lock::Enhanced;
    return point.capabilities().testFlag(NM::AccessPoint::Privacy) ? Lock::Old : Lock::Open;
}

// One entry a name, by its strongest access point; the strongest first.
QList<Network::Seen> Network::seenNow() const
{
    QList<Seen> seen;
    for (const NM::Device::Ptr &device : NM::networkInterfaces()) {
        const auto radio = device.objectCast<NM::WirelessDevice>();
        if (!radio)
            continue;
        for (const NM::WirelessNetwork::Ptr &network : radio->networks()) {
            const auto point = network->referenceAccessPoint();
            if (!point || network->ssid().isEmpty())
                continue;
            const Seen found{network->ssid(), device->uni(), point->uni(), network->signalStrength(), lockOf(*point)};
            const auto same = std::ranges::find(seen, found.name, &Seen::name);
            if (same == seen.end())
                seen.append(found);
            else if (same->strength < found.strength)
                *same = found;
        }
    }
    std::ranges::stable_sort(seen, [this](const Seen &a, const Seen &b) {
        return std::tuple(a.name != m_joined, -a.strength, a.name) < std::tuple(b.name != m_joined, -b.strength, b.name);
    });
    return seen;
}

// What is shown stays where it is, also when its strength changes: nobody aims at a list that moves. What is new comes where it belongs.
void Network::take(const QList<Seen> &now)
{
    for (qsizetype row = m_seen.size() - 1; row >= 0; --row) {
        const auto found = std::ranges::find(now, m_seen[row].name, &Seen::name);
        if (found != now.end()) {
            m_seen[row] = *found;
            continue;
        }
        beginRemoveRows({}, int(row), int(row));
        m_seen.removeAt(row);
        endRemoveRows();
    }
    for (const Seen &each : now) {
        if (std::ranges::contains(m_seen, each.name, &Seen::name))
            continue;
        const auto after = std::ranges::find_if(m_seen, [&](const Seen &other) { return other.name != m_joined && other.strength < each.strength; });
        const int row = int(after - m_seen.begin());
        beginInsertRows({}, row, row);
        m_seen.insert(row, each);
        endInsertRows();
    }
}

void Network::join(const QString &name, const QString &password)
{
    const auto found = std::ranges::find(m_seen, name, &Seen::name);
    if (found == m_seen.end() || !m_joining.isEmpty() || found->lock == Lock::Enterprise || found->lock == Lock::Old)
        return;
    NM::ConnectionSettings settings(NM::ConnectionSettings::Wireless);
    settings.setId(name);
    settings.setUuid(NM::ConnectionSettings::createNewUuid());
    const auto radio = settings.setting(NM::Setting::Wireless).dynamicCast<NM::WirelessSetting>();
    radio->setSsid(name.toUtf8());
    radio->setInitialized(true);
    if (found->lock != Lock::Open) {
        const auto security = settings.setting(NM::Setting::WirelessSecurity).dynamicCast<NM::WirelessSecuritySetting>();
        security->setKeyMgmt(found->lock == Lock::Enhanced       ? NM::WirelessSecuritySetting::OWE
                                 : found->lock == Lock::Password ? NM::WirelessSecuritySetting::WpaPsk
                                                                 : NM::WirelessSecuritySetting::SAE);
        if (found->lock != Lock::Enhanced)
            security->setPsk(password);
        security->setInitialized(true);
        radio->setSecurity(u"802-11-wireless-security"_s);
    }
    constexpr auto words = std::to_array<const char *>({"none", "owe", "wpa-psk", "sae"}); // of Lock, in its order
    m_tried = QString::fromLatin1(name.toUtf8().toHex()) + u' ' + QLatin1StringView(words[std::size_t(found->lock)]);
    if (found->lock == Lock::Password || found->lock == Lock::PasswordOnly)
        m_tried += u' ' + password;
    m_joining = name;
    m_failed.clear();
    m_failure.clear();
    m_triedConnection.clear();
    m_isTryRunning = false;
    m_patience.start();
    followTry(found->device);
    Q_EMIT changed();
    auto *watcher = new QDBusPendingCallWatcher(NM::addAndActivateConnection(settings.toMap(), found->device, found->accessPoint), this);
    connect(watcher, &QDBusPendingCallWatcher::finished, this, [this](QDBusPendingCallWatcher *done) {
        done->deleteLater();
        const QDBusPendingReply<QDBusObjectPath, QDBusObjectPath> reply = *done;
        if (reply.isError())
            return fail(reply.error().name().endsWith("PermissionDenied"_L1) ? i18n("This session may not change the network.")
                                                                             : i18n("“%1” could not be joined.", m_joining));
        m_triedConnection = reply.argumentAt<0>().path();
        if (m_joining.isEmpty() && !m_failed.isEmpty())
            removeTried();
    });
}

// A wrong password is not to be tried again by itself.
void Network::removeTried()
{
    if (const auto connection = m_triedConnection.isEmpty() ? NM::Connection::Ptr() : NM::findConnection(m_triedConnection))
        connection->remove();
}

void Network::followTry(const QString &path)
{
    disconnect(m_try);
    if (const auto device = NM::findNetworkInterface(path))
        m_try = connect(device.get(), &NM::Device::stateChanged, this,
                        [this](NM::Device::State now, NM::Device::State, NM::Device::StateChangeReason why) { stateChanged(now, why); });
}

void Network::stateChanged(NM::Device::State now, NM::Device::StateChangeReason why)
{
    if (m_joining.isEmpty())
        return;
    // Before that it may still be leaving another network.
    m_isTryRunning = m_isTryRunning || (now >= NM::Device::Preparing && now < NM::Device::Activated);
    if (!m_isTryRunning)
        return;
    if (now == NM::Device::Activated) {
        disconnect(m_try);
        m_patience.stop();
        m_joining.clear();
        m_carried = std::exchange(m_tried, {});
        Q_EMIT carriedChanged();
        return look();
    }
    if (now > NM::Device::Disconnected && now != NM::Device::Failed)
        return;
    switch (why) {
    // NetworkManager asks for another one where the first was wrong, and there is nobody it could ask.
    case NM::Device::NoSecretsReason:
        return fail(i18n("“%1” did not take that password.", m_joining));
    case NM::Device::AuthSupplicantDisconnectReason:
    case NM::Device::AuthSupplicantConfigFailedReason:
    case NM::Device::AuthSupplicantFailedReason:
    case NM::Device::AuthSupplicantTimeoutReason:
        return fail(i18n("“%1” did not let this computer in. Is the password right?", m_joining));
    case NM::Device::ConfigUnavailableReason:
    case NM::Device::ConfigExpiredReason:
    case NM::Device::DhcpStartFailedReason:
    case NM::Device::DhcpErrorReason:
    case NM::Device::DhcpFailedReason:
        return fail(i18n("“%1” let this computer in, but gave it no address.", m_joining));
    case NM::Device::SsidNotFound:
        return fail(i18n("“%1” is out of reach.", m_joining));
    default:
        return fail(i18n("“%1” could not be joined.", m_joining));
    }
}

void Network::fail(const QString &sentence)
{
    disconnect(m_try);
    m_patience.stop();
    m_failure = sentence;
    m_tried.fill(u'\0');
    m_tried.clear();
    m_failed = std::exchange(m_joining, {});
    removeTried();
    look();
}

void Network::forgetFailure()
{
    m_failed.clear();
    m_failure.clear();
    Q_EMIT changed();
}

void Network::switchOn()
{
    NM::setWirelessEnabled(true);
}

QString Network::strengthInWords(int percent)
{
    return percent >= 70 ? i18n("Strong signal") : percent >= 40 ? i18n("Good signal") : i18n("Weak signal");
}

QString Network::iconFor(int percent)
{
    return u"network-wireless-%1"_s.arg(percent >= 85 ? 100 : percent >= 65 ? 80 : percent >= 45 ? 60 : percent >= 25 ? 40 : 20);
}

Network::State Network::state() const
{
    return m_state;
}

bool Network::isWired() const
{
    return m_isWired;
}

QString Network::joined() const
{
    return m_joined;
}

QString Network::joining() const
{
    return m_joining;
}

QString Network::carried() const
{
    return m_carried;
}

QString Network::failure() const
{
    return m_failure;
}

QString Network::failed() const
{
    return m_failed;
}

int Network::count() const
{
    return int(m_seen.size());
}

int Network::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : count();
}

QVariant Network::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const Seen &seen = m_seen[index.row()];
    const bool asks = seen.lock == Lock::Password || seen.lock == Lock::PasswordOnly;
    switch (role) {
    case NameRole:
        return seen.name;
    case LineRole:
        return seen.name == m_joining ? i18n("Connecting…")
            : seen.name == m_joined   ? i18n("Connected")
            : asks                    ? i18nc("strength of a network", "%1 · asks for a password", strengthInWords(seen.strength))
            : seen.lock == Lock::Open ? i18nc("strength of a network", "%1 · open: others can listen", strengthInWords(seen.strength))
                                      : i18nc("strength of a network", "%1 · no password", strengthInWords(seen.strength));
    case IconRole:
        return iconFor(seen.strength);
    case AsksRole:
        return asks;
    case LeastRole: // IEEE 802.11-2020, J.4.1: a passphrase has 8 to 63 characters; SAE knows no least
        return seen.lock == Lock::Password ? 8 : 1;
    case ReasonRole:
        return seen.lock == Lock::Enterprise ? i18n("It asks for a name and more. Join it after the installation.")
            : seen.lock == Lock::Old         ? i18n("Its protection (WEP) is broken.")
                                             : QString();
    default:
        return {};
    }
}

QHash<int, QByteArray> Network::roleNames() const
{
    return {{NameRole, "name"}, {LineRole, "line"}, {IconRole, "iconName"}, {AsksRole, "asks"}, {ReasonRole, "reason"}, {LeastRole, "least"}};
}

} // namespace Preon::Installer
