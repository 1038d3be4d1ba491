// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Restarting this computer, now or at an hour, and switching it off: the session's own right, by logind; nothing that the helper would have to decide. Where logind is not
// there, or does not let this person, nothing can be done and why is said.

#include <QDBusConnection>
#include <QDBusPendingReply>
#include <QDateTime>
#include <QObject>
#include <qqmlregistration.h>

namespace Preon::Ui
{

class Restart : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(bool possible READ isPossible NOTIFY changed)
    Q_PROPERTY(QDateTime planned READ planned NOTIFY changed)

public:
    explicit Restart(const QDBusConnection &bus, QObject *parent = nullptr);

    bool isPossible() const; // perhaps with a password
    QDateTime planned() const; // by whoever; not valid: there is none

    Q_INVOKABLE void now();
    Q_INVOKABLE void powerOff();
    Q_INVOKABLE void at(const QDateTime &when);
    Q_INVOKABLE void takeBack(); // what is planned
    Q_INVOKABLE void ask(); // anew, whether it is possible and planned

Q_SIGNALS:
    void changed();
    void failed(const QString &why); // in logind's words

private:
    QDBusPendingCall call(const QString &method, const QVariantList &arguments = {});
    void askPlanned();
    void follow(const QDBusPendingReply<> &call);

    QDBusConnection m_bus;
    bool m_isPossible = false;
    QDateTime m_planned;
};

} // namespace Preon::Ui
