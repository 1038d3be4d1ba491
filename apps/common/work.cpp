// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/work.h"

#include "helper1_proxy.h"

#include <utility>

namespace Preon::Ui
{

Work::Work(Helper *helper, const QString &kind, bool follows, QObject *parent)
    : QObject(parent)
    , m_helper(helper)
    , m_kind(kind)
{
    connect(m_helper, &Helper::stateChanged, this, [this] {
        if (m_helper->state() == Helper::Ready)
            look();
    });
    if (follows)
        connect(m_helper, &Helper::jobAdded, this, &Work::look);
}

// Work that runs, or that nobody has seen the end of, is shown before anything else.
void Work::look()
{
    if (m_job || m_isBeginning)
        return;
    Helper::await(this, m_helper->core().ListJobs(), [this](const auto &answer) {
        if (!answer || m_job || m_isBeginning)
            return settle();
        attach(answer->value());
    });
}

void Work::settle()
{
    if (!std::exchange(m_hasLooked, true))
        Q_EMIT changed();
}

// The first of them that is of this kind.
void Work::attach(QList<QDBusObjectPath> paths)
{
    if (paths.isEmpty())
        return settle();
    const QDBusObjectPath path = paths.takeFirst();
    // The helper could not be told while it was away.
    if (path.path() == m_dismissed) {
        Job(m_helper, path, nullptr).forget();
        return attach(std::move(paths));
    }
    auto *job = new Job(m_helper, path, this);
    // Which kind of work it is is known with the first answer only.
    connect(job, &Job::stateChanged, this, [this, paths = std::move(paths), job = QPointer(job)] {
        if (!job || m_job == job)
            return;
        if (!m_job && job->kind() == m_kind) {
            m_job = job;
            m_isBeginning = false;
            m_hasLooked = true;
            Q_EMIT changed();
            return;
        }
        job->disconnect(this);
        job->deleteLater();
        if (!m_job)
            attach(paths);
    });
}

void Work::begin(const QDBusPendingReply<QDBusObjectPath> &call, std::function<void()> refusedTo)
{
    m_isBeginning = true;
    m_dismissed.clear();
    Q_EMIT changed();
    Helper::await(this, call, [this, refusedTo = std::move(refusedTo)](const auto &answer) {
        if (answer)
            return attach({answer->value()});
        m_isBeginning = false;
        Q_EMIT changed();
        Q_EMIT refused(answer.error());
        refusedTo();
    });
}

void Work::letGo()
{
    if (!m_job)
        return;
    m_dismissed = m_job->path().path();
    m_job->forget();
    m_job->deleteLater();
    m_job = nullptr;
}

Job *Work::job() const
{
    return m_job;
}

bool Work::isBeginning() const
{
    return m_isBeginning;
}

bool Work::hasLooked() const
{
    return m_hasLooked;
}

} // namespace Preon::Ui
