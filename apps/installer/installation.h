// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The installation as its window sees it: what was chosen so far, and the work once it began. Holds the parts together and decides nothing that the helper
// decides.

#include "apps/common/choices.h"
#include "apps/common/helper.h"
#include "apps/common/job.h"
#include "apps/installer/answering.h"
#include "apps/installer/disks.h"
#include "apps/installer/health.h"
#include "apps/installer/machine.h"
#include "apps/installer/network.h"
#include "apps/installer/power.h"
#include "apps/installer/way.h"

#include <QObject>
#include <qqmlregistration.h>

namespace Preon::Installer
{

class Installation : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(Preon::Ui::Helper *helper READ helper CONSTANT)
    Q_PROPERTY(Preon::Installer::Machine *machine READ machine CONSTANT)
    Q_PROPERTY(Preon::Ui::Choices *languages READ languages CONSTANT)
    Q_PROPERTY(Preon::Ui::Choices *keyboards READ keyboards CONSTANT)
    Q_PROPERTY(Preon::Ui::Choices *timeZones READ timeZones CONSTANT)
    Q_PROPERTY(Preon::Installer::Network *network READ network CONSTANT)
    Q_PROPERTY(Preon::Installer::Power *power READ power CONSTANT)
    Q_PROPERTY(Preon::Installer::Disks *disks READ disks CONSTANT)
    Q_PROPERTY(Preon::Installer::Way *way READ way CONSTANT)
    Q_PROPERTY(Preon::Installer::Answering *answering READ answering CONSTANT)
    Q_PROPERTY(Preon::Ui::Job *job READ job NOTIFY jobChanged)
    Q_PROPERTY(bool beginning READ isBeginning NOTIFY jobChanged)

public:
    explicit Installation(const QDBusConnection &bus, QObject *parent = nullptr);

    Ui::Helper *helper();
    Machine *machine();
    Ui::Choices *languages();
    Ui::Choices *keyboards();
    Ui::Choices *timeZones();
    Network *network();
    Power *power();
    Disks *disks();
    Way *way();
    Answering *answering();
    Ui::Job *job() const; // null until it began; also one that another window began
    bool isBeginning() const; // asked for, not answered

    // Carries out the plan that is shown.
    Q_INVOKABLE void begin();
    // Lets go of work that ended and goes back to choosing.
    Q_INVOKABLE void startOver();
    Q_INVOKABLE void restart();
    Q_INVOKABLE void powerOff();

    Q_INVOKABLE void copy(const QString &text) const; // to the clipboard

Q_SIGNALS:
    void jobChanged();
    void languageChanged(const QString &locale);
    void refused(const Preon::Ui::Problem &problem); // begin(), restart() or powerOff()

private:
    void lookForWork();
    void attach(const QDBusObjectPath &path);
    void useLanguage();
    void carryOver();
    void end(const QString &how);

    Ui::Helper m_helper;
    Machine m_machine;
    Ui::Choices m_languages, m_keyboards, m_timeZones;
    Network m_network;
    Power m_power;
    Health m_health;
    Disks m_disks;
    Way m_way;
    Answering m_answering;
    Ui::Job *m_job = nullptr;
    QString m_dismissed; // path of the work that was let go of last
    bool m_isBeginning = false;
};

} // namespace Preon::Installer
