// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The networks that this computer could use now, live, and joining one of them: NetworkManager's own objects (through NetworkManagerQt), told in a person's words.
// NetworkManager is not looked for before watch() is called. Nothing here is needed to install.

#include <NetworkManagerQt/WirelessDevice>

#include <QAbstractListModel>
#include <QDBusObjectPath>
#include <QList>
#include <QTimer>
#include <qqmlregistration.h>

namespace Preon::Installer
{

class Network : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(State state READ state NOTIFY changed)
    Q_PROPERTY(bool wired READ isWired NOTIFY changed)
    Q_PROPERTY(QString joined READ joined NOTIFY changed)
    Q_PROPERTY(QString joining READ joining NOTIFY changed)
    Q_PROPERTY(QString failure READ failure NOTIFY changed)
    Q_PROPERTY(QString failed READ failed NOTIFY changed)
    Q_PROPERTY(int count READ count NOTIFY changed)

public:
    // Absent: no NetworkManager. NoWireless: no Wi-Fi device. Off: it is switched off; Blocked: by a key or switch of the machine.
    enum State { Absent, NoWireless, Off, Blocked, Listed };
    Q_ENUM(State)
    enum Role { NameRole = Qt::UserRole, LineRole, IconRole, AsksRole, ReasonRole, LeastRole };

    explicit Network(QObject *parent = nullptr);

    Q_INVOKABLE void watch();

    State state() const;
    bool isWired() const; // a cable is in, and works
    QString joined() const; // the name of the Wi-Fi network that is in use; empty: none
    QString joining() const; // that is being tried
    QString failure() const; // a sentence about the last try
    QString failed() const; // the network that it was about
    int count() const;

    // A password is only looked at where the network asks for one. Known to NetworkManager afterwards, for all users of this session.
    Q_INVOKABLE void join(const QString &name, const QString &password);
    // The network that was joined last in this window, as the helper's Plan takes it ("wifi"), its password included; empty: none.
    QString carried() const;
    Q_INVOKABLE void switchOn();
    Q_INVOKABLE void forgetFailure();

    int rowCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

Q_SIGNALS:
    void changed();
    void carriedChanged();

private:
    enum class Lock { Open, Enhanced, Password, PasswordOnly, Enterprise, Old }; // as a person meets them: OWE, WPA-PSK, SAE, 802.1X, WEP
    struct Seen {
        QString name, device, accessPoint;
        int strength = 0; // percent
        Lock lock = Lock::Open;
        bool operator==(const Seen &) const = default;
    };
    static Lock lockOf(const NetworkManager::AccessPoint &point);
    static QString strengthInWords(int percent);
    static QString iconFor(int percent);
    QList<Seen> seenNow() const;
    void look();
    void follow();
    void take(const QList<Seen> &now);
    void followTry(const QString &device);
    void stateChanged(NetworkManager::Device::State now, NetworkManager::Device::StateChangeReason why);
    void fail(const QString &sentence);
    void removeTried();

    bool m_isWatching = false, m_isWired = false;
    State m_state = Absent;
    QList<Seen> m_seen;
    QString m_joined, m_joining, m_failed, m_failure;
    QString m_tried, m_carried; // as carried() has it
    QString m_triedConnection; // that NetworkManager made for the try
    bool m_isTryRunning = false; // the device has left the network before it
    QMetaObject::Connection m_try;
    QTimer m_soon, m_patience;
};

} // namespace Preon::Installer
