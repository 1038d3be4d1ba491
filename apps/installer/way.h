// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// How the chosen disk is to be used: what each of the three ways would do to it, or why it cannot be gone, and the plan of the chosen way with its pictures
// before and after. Plans are the helper's; here they are only shown.

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

class Disks;

class Way : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(QVariantList modes READ modes NOTIFY changed)
    Q_PROPERTY(QString mode READ mode WRITE setMode NOTIFY changed)
    Q_PROPERTY(State state READ state NOTIFY changed)
    Q_PROPERTY(Preon::Ui::Problem problem READ problem NOTIFY changed)
    Q_PROPERTY(QVariantList now READ now NOTIFY changed)
    Q_PROPERTY(QVariantList after READ after NOTIFY changed)
    Q_PROPERTY(QStringList lost READ lost NOTIFY changed)
    Q_PROPERTY(QStringList kept READ kept NOTIFY changed)
    Q_PROPERTY(QStringList notes READ notes NOTIFY changed)
    Q_PROPERTY(QString network READ network NOTIFY changed)
    Q_PROPERTY(QString details READ details NOTIFY changed)

public:
    enum State { Nothing, Planning, Planned, Refused };
    Q_ENUM(State)

    Way(Ui::Helper *helper, Disks *disks, QObject *parent = nullptr);

    // Ways that could be gone on this disk or nearly: {"mode", "refusal"}. Reinstalling is left out where there is nothing to reinstall, and told why not where homes could not be kept.
    QVariantList modes() const;
    QString mode() const; // "erase", "beside", "reinstall"; empty: none chosen
    void setMode(const QString &mode);
    State state() const;
    Ui::Problem problem() const;
    QString planId() const;
    QJsonObject plan() const;

    QVariantList now() const; // segments for DiskBar
    QVariantList after() const;
    QStringList lost() const; // as a person knows it, with sizes
    QStringList kept() const;
    QStringList notes() const;
    QString network() const; // the Wi-Fi network that the new system will know; empty: none
    QString details() const; // each partition afterwards, exactly

    // What else is part of each plan: the options of Installer1.Plan. A plan that was made with others is made anew.
    void setWishes(const QVariantMap &wishes);
    // Asks for the plan anew (the disk changed, or the helper was replaced).
    Q_INVOKABLE void refresh();

Q_SIGNALS:
    void changed();

private:
    QStringList texts(QLatin1StringView key) const;

    Ui::Helper *const m_helper;
    Disks *const m_disks;
    QString m_device; // that the mode was chosen for
    QString m_mode, m_planId;
    QVariantMap m_wishes;
    QJsonObject m_plan;
    State m_state = Nothing;
    Ui::Problem m_problem;
    int m_asked = 0;
};

} // namespace Preon::Installer
