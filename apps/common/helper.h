// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The helper (org.preon.Helper1), as a window sees it: whether it can be reached, which session this is, and its work. It is asked asynchronously, always. The
// helper comes and goes (it is started by D-Bus, and may be replaced): anewed() tells whoever holds tokens or ids of it that they are void and must be asked
// for again.

#include "apps/common/problem.h"

#include <QDBusConnection>
#include <QDBusObjectPath>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QObject>
#include <qqmlregistration.h>

#include <expected>
#include <memory>

class OrgPreonFirstStart1Interface;
class OrgPreonHelper1Interface;
class OrgPreonInstaller1Interface;
class OrgPreonUpdates1Interface;

namespace Preon::Ui
{

class Helper : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(State state READ state NOTIFY stateChanged)
    Q_PROPERTY(Preon::Ui::Problem problem READ problem NOTIFY stateChanged)
    Q_PROPERTY(QString session READ session NOTIFY stateChanged)
    Q_PROPERTY(QString version READ version NOTIFY stateChanged)

public:
    enum State { Connecting, Ready, Absent };
    Q_ENUM(State)

    explicit Helper(const QDBusConnection &bus, QObject *parent = nullptr);
    ~Helper() override;

    State state() const;
    Problem problem() const; // why it is Absent
    QString session() const; // "live", "installed", "sandbox"; empty until Ready
    QString version() const;

    // Tries to reach it (again).
    Q_INVOKABLE void reach();

    QDBusConnection bus() const;
    OrgPreonHelper1Interface &core() const;
    OrgPreonInstaller1Interface &installer() const;
    OrgPreonFirstStart1Interface &firstStart() const;
    OrgPreonUpdates1Interface &updates() const;

    static QString service();
    static QString path();

    // Calls then(std::expected<Reply, Problem>) once the answer is there, unless the context is gone by then.
    template<typename... Types, typename Then>
    static void await(QObject *context, const QDBusPendingReply<Types...> &call, Then then)
    {
        auto *watcher = new QDBusPendingCallWatcher(call, context);
        QObject::connect(watcher, &QDBusPendingCallWatcher::finished, context, [then = std::move(then)](QDBusPendingCallWatcher *done) {
            done->deleteLater();
            const QDBusPendingReply<Types...> reply = *done;
            using Answer = std::expected<QDBusPendingReply<Types...>, Problem>;
            then(reply.isError() ? Answer(std::unexpect, Problem::fromBus(reply.error())) : Answer(reply));
        });
    }

Q_SIGNALS:
    void stateChanged();
    void anewed();
    void jobAdded(const QDBusObjectPath &job);
    void jobRemoved(const QDBusObjectPath &job);

private:
    void setState(State state, const Problem &problem = {});

    QDBusConnection m_bus;
    std::unique_ptr<OrgPreonHelper1Interface> m_core;
    std::unique_ptr<OrgPreonInstaller1Interface> m_installer;
    std::unique_ptr<OrgPreonFirstStart1Interface> m_firstStart;
    std::unique_ptr<OrgPreonUpdates1Interface> m_updates;
    State m_state = Connecting;
    Problem m_problem;
    bool m_isStale = false; // what was learnt from it is void
    QString m_session, m_version;
};

} // namespace Preon::Ui
