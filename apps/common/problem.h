// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What went wrong, in words for a person: the Error of core as it crosses D-Bus (org.preon.Error.NAME, docs/errors.md), or the bus's own failure put into the same
// shape. A Problem without a code is none.

#include <QDBusError>
#include <QJsonValue>
#include <QString>
#include <qqmlregistration.h>

namespace Preon::Ui
{

struct Problem {
    Q_GADGET
    QML_VALUE_TYPE(problem)
    Q_PROPERTY(bool isSet READ isSet)
    Q_PROPERTY(QString code MEMBER code)
    Q_PROPERTY(QString what MEMBER what)
    Q_PROPERTY(QString why MEMBER why)
    Q_PROPERTY(QString todo MEMBER todo)

public:
    QString code; // as in docs/errors.md, or "helper" where the helper itself could not be asked
    QString what, why, todo;
    QString detail = {}; // for who mends it, not for the page

    bool isSet() const
    {
        return !code.isEmpty();
    }
    bool operator==(const Problem &) const = default;

    // All of it, for "Copy details".
    Q_INVOKABLE QString text() const;

    // For a page about one disk: the disk is "this disk" and numbers are not exact; as it was told it is in detail.
    Problem plain(const QString &device, const QString &model = {}) const;

    // null and "" are no problem; what is no object of the interface's shape is one of its own.
    static Problem fromJson(const QJsonValue &json);
    static Problem fromText(const QString &json);
    static Problem fromBus(const QDBusError &error);
};

} // namespace Preon::Ui
