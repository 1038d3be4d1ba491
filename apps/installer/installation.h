// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The installation as its window sees it: what was chosen so far, and the work once it began. Holds the parts together and decides nothing that the helper
// decides.

#include "apps/common/restart.h"
#include "apps/installer/answering.h"
#include "apps/installer/disks.h"
#include "apps/installer/health.h"
#include "apps/installer/machine.h"
#include "apps/installer/power.h"
#include "apps/installer/setup.h"
#include "apps/installer/way.h"

namespace Preon::Installer
{

class Installation : public Setup
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(Preon::Installer::Machine *machine READ machine CONSTANT)
    Q_PROPERTY(Preon::Installer::Power *power READ power CONSTANT)
    Q_PROPERTY(Preon::Installer::Disks *disks READ disks CONSTANT)
    Q_PROPERTY(Preon::Ui::Restart *restart READ restart CONSTANT)
    Q_PROPERTY(Preon::Installer::Way *way READ way CONSTANT)
    Q_PROPERTY(Preon::Installer::Answering *answering READ answering CONSTANT)

public:
    explicit Installation(const QDBusConnection &bus, QObject *parent = nullptr);

    Machine *machine();
    Power *power();
    Disks *disks();
    Way *way();
    Ui::Restart *restart();
    Answering *answering();
    QString system() const override;

    // Carries out the plan that is shown.
    Q_INVOKABLE void begin();
    // Lets go of work that ended and goes back to choosing.
    Q_INVOKABLE void startOver();

private:
    void carryOver();

    Machine m_machine;
    Power m_power;
    Health m_health;
    Disks m_disks;
    Way m_way;
    Ui::Restart m_restart;
    Answering m_answering;
};

} // namespace Preon::Installer
