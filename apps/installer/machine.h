// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What this machine is, as far as an installation cares (DescribeMachine): the system that would be installed, whether the machine can start it, how it can
// protect people's files, and what its Secure Boot is worth.

#include "apps/common/problem.h"

#include <QJsonObject>
#include <QObject>
#include <QVariantList>
#include <qqmlregistration.h>

namespace Preon::Ui
{
class Helper;
}

namespace Preon::Installer
{

class Machine : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(bool isKnown READ isKnown NOTIFY changed)
    Q_PROPERTY(QString system READ system NOTIFY changed)
    Q_PROPERTY(QString version READ version NOTIFY changed)
    Q_PROPERTY(Preon::Ui::Problem refusal READ refusal NOTIFY changed)
    Q_PROPERTY(QVariantList protections READ protections NOTIFY changed)
    Q_PROPERTY(QString protection READ protection WRITE setProtection NOTIFY protectionChanged)
    Q_PROPERTY(QString protectionTitle READ protectionTitle NOTIFY protectionChanged)
    Q_PROPERTY(QVariantMap secureBoot READ secureBoot NOTIFY changed)
    Q_PROPERTY(bool secureBootOn READ isSecureBootOn NOTIFY changed)
    Q_PROPERTY(bool couldPrepare READ couldPrepare NOTIFY changed)
    Q_PROPERTY(bool preparing READ isPreparing WRITE setPreparing NOTIFY preparingChanged)

public:
    explicit Machine(Ui::Helper *helper, QObject *parent = nullptr);

    Q_INVOKABLE void refresh();

    bool isKnown() const;
    QString system() const; // its name; "the system" until known
    QString version() const;
    Ui::Problem refusal() const; // why nothing can be installed on this machine as it was started
    QVariantList protections() const; // of {"id", "title", "line", "icon", "why" (empty: it can)}, the best that it can first
    QString protection() const; // the id of the chosen one; of the best one, where none that it can was chosen
    QString protectionTitle() const;
    void setProtection(const QString &id);
    QVariantMap secureBoot() const; // {"title", "line", "icon"}; empty: not known
    bool isSecureBootOn() const;

    // Secure Boot is off, its keys are others', and its owner could be asked to allow our kernel's key, so that it can be switched on later.
    bool couldPrepare() const;
    // Whether they are to be asked. Only where somebody chose it: it puts a screen in English before each start until that is answered, and is worth nothing before Secure Boot
    // was switched on in the firmware's settings. Who does not know that they want that is better off without.
    bool isPreparing() const;
    void setPreparing(bool preparing);

Q_SIGNALS:
    void changed();
    void protectionChanged();
    void preparingChanged();

private:
    bool startsOthers() const;

    Ui::Helper *const m_helper;
    QJsonObject m_machine;
    QString m_protection;
    bool m_isPreparing = false;
    Ui::Problem m_problem;
};

} // namespace Preon::Installer
