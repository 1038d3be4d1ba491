// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The disks that something can be installed on, live (ListDisks): they come and go, and the chosen one stays chosen for as long as it is there. Those that are
// refused are shown too, with the reason; so are those that say that they are failing (health.h).

#include "apps/common/problem.h"

#include <QAbstractListModel>
#include <QJsonObject>
#include <QList>
#include <qqmlregistration.h>

namespace Preon::Ui
{
class Helper;
}

namespace Preon::Installer
{

class Health;

class Disks : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(State state READ state NOTIFY changed)
    Q_PROPERTY(Preon::Ui::Problem problem READ problem NOTIFY changed)
    Q_PROPERTY(QString chosen READ chosen WRITE choose NOTIFY chosenChanged)
    Q_PROPERTY(QString chosenName READ chosenName NOTIFY chosenChanged)
    Q_PROPERTY(bool chosenRemovable READ isChosenRemovable NOTIFY chosenChanged)
    Q_PROPERTY(bool windows READ holdsWindows NOTIFY chosenChanged)
    Q_PROPERTY(bool bitLocker READ holdsBitLocker NOTIFY chosenChanged)
    Q_PROPERTY(int count READ count NOTIFY changed)

public:
    enum State { Looking, Listed, Failed };
    Q_ENUM(State)
    enum Role { TokenRole = Qt::UserRole, NameRole, SizeRole, ContentRole, IconRole, BusRole, DeviceRole, RefusalRole };

    Disks(Ui::Helper *helper, Health *health, QObject *parent = nullptr);

    Q_INVOKABLE void refresh();

    State state() const;
    Ui::Problem problem() const;
    QString chosen() const; // a token; empty: none
    void choose(const QString &token);
    QString chosenName() const; // "Samsung 990 PRO, 1 TB"
    bool isChosenRemovable() const;
    bool holdsWindows() const; // the chosen one: probably, it has a file system of that kind
    bool holdsBitLocker() const; // a volume on the chosen one that only Windows can open
    QList<QJsonObject> usable() const; // as ListDisks has them, without those that are refused
    QJsonObject chosenDisk() const; // as ListDisks has it; empty: none
    int count() const;

    int rowCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

Q_SIGNALS:
    void changed();
    void chosenChanged();
    void chosenLost(const QString &name, bool isThere); // it was unplugged, or it is there and cannot be used any more

private:
    void merge();
    void take(const QList<QJsonObject> &disks);

    Ui::Helper *const m_helper;
    Health *const m_health;
    QList<QJsonObject> m_listed; // by the helper
    QList<QJsonObject> m_disks; // with what they say of their health, those that can be used first
    State m_state = Looking;
    Ui::Problem m_problem;
    QJsonObject m_chosen;
    bool m_hasAnswer = false;
    int m_asked = 0; // only the last answer counts
};

} // namespace Preon::Installer
