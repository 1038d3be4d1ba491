// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What disks say of their own health (SMART), as UDisks reads it. A disk that says that it is failing is told apart from one that says nothing: most say nothing of use, and where
// UDisks is not there nothing is known and nothing is said. No word of UDisks or of a disk is shown; what they say is one of a few kinds, each with words of ours.

#include <QDBusConnection>
#include <QHash>
#include <QObject>
#include <QTimer>
#include <QVariantMap>

namespace Preon::Installer
{

class Health : public QObject
{
    Q_OBJECT

public:
    enum Kind {
        Unknown, // nothing bad is known
        Failing, // it expects to fail soon
        WornOut, // hardly any spare memory is left
        Unreliable, // too many errors
        ReadOnly, // it has stopped taking what is written
        Forgetful, // what it should keep when the power goes is lost
    };

    explicit Health(const QDBusConnection &bus, QObject *parent = nullptr);

    // Whether it was asked and has answered, or will not.
    bool isSettled() const;
    Kind of(const QString &device) const; // "/dev/nvme0n1"

Q_SIGNALS:
    void changed();

private Q_SLOTS:
    void propertiesChanged(const QString &interface, const QVariantMap &values, const QStringList &invalidated);
    void askSoon();

private:
    void ask();
    void take(const QHash<QString, Kind> &kinds);

    QDBusConnection m_bus;
    QTimer m_soon;
    QHash<QString, Kind> m_kinds; // by device; no Unknown
    bool m_isSettled = false;
    int m_asked = 0; // only the last answer counts
};

} // namespace Preon::Installer
