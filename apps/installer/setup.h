// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What the windows of this program have in common, the one that installs and the one that greets the owner of an installed system: where a person is and what they
// speak, the network, and the work once it began.

#include "apps/common/choices.h"
#include "apps/common/helper.h"
#include "apps/common/work.h"
#include "apps/installer/network.h"

#include <QObject>
#include <qqmlregistration.h>

#include <functional>

namespace Preon::Installer
{

class Setup : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(Preon::Ui::Helper *helper READ helper CONSTANT)
    Q_PROPERTY(Preon::Ui::Choices *languages READ languages CONSTANT)
    Q_PROPERTY(Preon::Ui::Choices *keyboards READ keyboards CONSTANT)
    Q_PROPERTY(Preon::Ui::Choices *timeZones READ timeZones CONSTANT)
    Q_PROPERTY(Preon::Installer::Network *network READ network CONSTANT)
    Q_PROPERTY(QString system READ system NOTIFY systemChanged)
    Q_PROPERTY(Preon::Ui::Job *job READ job NOTIFY jobChanged)
    Q_PROPERTY(bool beginning READ isBeginning NOTIFY jobChanged)
    Q_PROPERTY(bool lookedForWork READ hasLookedForWork NOTIFY jobChanged)

public:
    Ui::Helper *helper();
    Ui::Choices *languages();
    Ui::Choices *keyboards();
    Ui::Choices *timeZones();
    Network *network();
    virtual QString system() const = 0; // its name; "the system" until known
    Ui::Job *job() const; // null until it began; also one that another window began
    bool isBeginning() const; // asked for, not answered
    bool hasLookedForWork() const; // so that no job means that there is none

    Q_INVOKABLE void copy(const QString &text) const; // to the clipboard

Q_SIGNALS:
    void systemChanged();
    void jobChanged();
    void languageChanged(const QString &locale);
    void refused(const Preon::Ui::Problem &problem); // what was asked for last

protected:
    // kind: of the job (org.preon.Job1) that is this window's.
    Setup(const QDBusConnection &bus, const QString &kind, QObject *parent);

    // Asks for it, and calls refusedTo with the reason where that is not done.
    void begin(const QDBusPendingReply<QDBusObjectPath> &call, std::function<void()> refusedTo);
    // Lets go of work that ended.
    void letGo();

private:
    void useLanguage();

    Ui::Helper m_helper;
    Ui::Choices m_languages, m_keyboards, m_timeZones;
    Network m_network;
    Ui::Work m_work;
};

} // namespace Preon::Installer
