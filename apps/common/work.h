// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The work of one kind that a window shows: what it began itself, or what was under way or ended unseen when it was opened, whoever began it. There is one at a time. What the
// work is doing the Job says.

#include "apps/common/helper.h"
#include "apps/common/job.h"

#include <QObject>
#include <QPointer>

#include <functional>

namespace Preon::Ui
{

class Work : public QObject
{
    Q_OBJECT

public:
    // kind: as org.preon.Job1 has it. Others begin work too: follows says whether that is taken up at once.
    Work(Helper *helper, const QString &kind, bool follows, QObject *parent = nullptr);

    Job *job() const; // null until it began
    bool isBeginning() const; // asked for, not answered
    bool hasLooked() const; // so that no job means that there is none

    // Asks for it, and calls refusedTo with the reason where that is not done.
    void begin(const QDBusPendingReply<QDBusObjectPath> &call, std::function<void()> refusedTo);
    // Lets go of work that ended.
    void letGo();

Q_SIGNALS:
    void changed();
    void refused(const Preon::Ui::Problem &problem);

private:
    void look();
    void attach(QList<QDBusObjectPath> paths);
    void settle();

    Helper *const m_helper;
    const QString m_kind;
    Job *m_job = nullptr;
    QString m_dismissed; // path of the work that was let go of last
    bool m_isBeginning = false, m_hasLooked = false;
};

} // namespace Preon::Ui
