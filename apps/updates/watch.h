// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Beside a person's session, without a window (preon-updates --watch): waits for what the helper says of updates and tells it in a notification, once. Keeps the helper neither awake nor
// waiting: it asks when the session begins, and when the helper says that something is different.

#include "apps/updates/notice.h"

#include <KConfig>

#include <QDBusConnection>
#include <QObject>
#include <QTimer>

#include <chrono>
#include <memory>

class OrgPreonUpdates1Interface;

namespace Preon::Updates
{

class Watch : public QObject
{
    Q_OBJECT

public:
    // first: when it looks for the first time, so that a session that begins is not slowed down.
    Watch(const QDBusConnection &bus, std::chrono::milliseconds first, QObject *parent = nullptr);
    ~Watch() override;

private:
    void look();
    bool tell(const Notice &notice); // whether it was not told before

    std::unique_ptr<OrgPreonUpdates1Interface> m_updates;
    QTimer m_soon;
    KConfig m_told; // by kind, what of it was told last
};

} // namespace Preon::Updates
