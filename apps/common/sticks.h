// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Memory sticks and cards that a small file can be taken away on, where no file manager would mount them: UDisks lists, mounts and unmounts, live. What is built in, read-only or
// what this system itself lies on is not in the list. Where UDisks is not there, the list is empty.

#include <QObject>
#include <QTimer>
#include <QVariantList>
#include <qqmlregistration.h>

namespace Preon::Ui
{

class Sticks : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QVariantList list READ list NOTIFY changed)
    Q_PROPERTY(bool busy READ isBusy NOTIFY changed)

public:
    explicit Sticks(QObject *parent = nullptr);

    // UDisks is not asked before that.
    Q_INVOKABLE void watch();
    QVariantList list() const; // of {"id", "name"}
    bool isBusy() const;

    // A new file of that name; with a number, where there is one already. Ends with saved() or failed(); after saved() the stick may be taken out.
    void save(const QString &id, const QString &name, const QByteArray &content);

Q_SIGNALS:
    void changed();
    void saved(const QString &stick);
    void failed(const QString &why);

private Q_SLOTS:
    void askSoon();

private:
    struct Stick {
        QString id, name;
        QString folder; // where it is mounted already; empty: it is not
        bool operator==(const Stick &) const = default;
    };
    void ask();
    void write(const Stick &stick, const QString &folder, const QString &name, const QByteArray &content);
    void end(const Stick &stick, const QString &why);

    QList<Stick> m_sticks;
    QTimer m_soon;
    bool m_isBusy = false;
};

} // namespace Preon::Ui
