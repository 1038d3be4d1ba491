// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Long work of the helper (org.preon.Job1) as a page shows it. Attaches to work that runs, ended or was cut off, whoever began it; follows it until it is
// destroyed, and across a restart of the helper. Never stops the work by itself.

#include "apps/common/problem.h"

#include <QDBusMessage>
#include <QDBusObjectPath>
#include <QJsonObject>
#include <QObject>
#include <QStringList>
#include <QVariantMap>
#include <qqmlregistration.h>

#include <memory>

class OrgPreonJob1Interface;

namespace Preon::Ui
{

class Helper;

class Job : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(QString kind READ kind NOTIFY changed)
    Q_PROPERTY(QString target READ target NOTIFY changed)
    Q_PROPERTY(State state READ state NOTIFY stateChanged)
    Q_PROPERTY(Preon::Ui::Problem problem READ problem NOTIFY stateChanged)
    Q_PROPERTY(bool cancellable READ isCancellable NOTIFY changed)
    Q_PROPERTY(bool cancelling READ isCancelling NOTIFY changed)
    Q_PROPERTY(double fraction READ fraction NOTIFY changed)
    Q_PROPERTY(QString phase READ phase NOTIFY phasesChanged)
    Q_PROPERTY(QVariantList phases READ phases NOTIFY phasesChanged)
    Q_PROPERTY(QString timeLeft READ timeLeft NOTIFY changed)
    Q_PROPERTY(QString amount READ amount NOTIFY changed)
    Q_PROPERTY(QString rate READ rate NOTIFY changed)
    Q_PROPERTY(QJsonObject plan READ plan NOTIFY changed)
    Q_PROPERTY(QJsonObject result READ result NOTIFY changed)
    Q_PROPERTY(QStringList notes READ notes NOTIFY changed)
    Q_PROPERTY(QStringList log READ log NOTIFY logChanged)

public:
    enum State { Unknown, Running, Done, Failed, Interrupted };
    Q_ENUM(State)

    Job(Helper *helper, const QDBusObjectPath &path, QObject *parent);
    ~Job() override;

    QDBusObjectPath path() const;
    QString kind() const; // "install"
    QString target() const;
    State state() const;
    Problem problem() const; // of work that failed or was cut off
    bool isCancellable() const;
    bool isCancelling() const; // asked for, not there yet
    double fraction() const; // of all the work, 0 … 1; -1: not known
    QString phase() const; // in the person's language
    QVariantList phases() const; // of {"name", "state": "done" | "current" | "ahead"}
    QString timeLeft() const;
    QString amount() const; // "1.2 GB of 4 GB"
    QString rate() const; // "120 MB/s"
    QStringList log() const;
    QJsonObject plan() const;
    QJsonObject result() const; // how it ended, as the helper has it; empty until it is Done
    QStringList notes() const; // of the result, in the person's language where that is known

    Q_INVOKABLE void cancel();
    Q_INVOKABLE void forget();
    // Writes log and problem to a new file in the person's documents; returns where, or an empty text if that could not be done.
    Q_INVOKABLE QString saveLog() const;

Q_SIGNALS:
    void changed();
    void stateChanged();
    void phasesChanged();
    void logChanged();
    void refused(const Preon::Ui::Problem &problem); // cancel() was not possible

private Q_SLOTS:
    void propertiesChanged(const QString &interface, const QVariantMap &values, const QStringList &invalidated);
    void addLogLine(const QString &line);

private:
    void attach();
    void take(const QVariantMap &values);
    void describe();
    void setState(State state, const Problem &problem = {});

    Helper *const m_helper;
    const QDBusObjectPath m_path;
    std::unique_ptr<OrgPreonJob1Interface> m_proxy;
    QVariantMap m_values; // the properties as they were told last
    State m_state = Unknown;
    Problem m_problem;
    bool m_isCancelling = false;
    QJsonObject m_plan, m_result;
    QStringList m_log;
};

} // namespace Preon::Ui
