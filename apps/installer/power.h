// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What feeds this computer while it installs (UPower): said where it runs on its battery, or has a lid that must stay open. Where UPower is not there, nothing is
// known and nothing is said. Keeping the machine awake is the helper's.

#include <QDBusConnection>
#include <QObject>
#include <QVariantMap>
#include <qqmlregistration.h>

namespace Preon::Installer
{

class Power : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(bool onBattery READ isOnBattery NOTIFY changed)
    Q_PROPERTY(bool lidIsOpen READ isLidOpen NOTIFY changed)

public:
    explicit Power(const QDBusConnection &bus, QObject *parent = nullptr);

    bool isOnBattery() const;
    bool isLidOpen() const; // there is one, and it is

Q_SIGNALS:
    void changed();

private Q_SLOTS:
    void propertiesChanged(const QString &interface, const QVariantMap &values, const QStringList &invalidated);

private:
    void ask();
    void take(const QVariantMap &values);

    QDBusConnection m_bus;
    QVariantMap m_values; // of org.freedesktop.UPower
};

} // namespace Preon::Installer
