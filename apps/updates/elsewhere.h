// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What is updated elsewhere: the firmware of this computer and the apps of its people. Each has programs of its own; the first of those that is installed can be opened from
// here, by its desktop file.

#include <QObject>
#include <QVariantList>
#include <qqmlregistration.h>

namespace Preon::Updates
{

class Elsewhere : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(QVariantList places READ places CONSTANT)

public:
    explicit Elsewhere(QObject *parent = nullptr);

    QVariantList places() const; // of {"id", "title", "line", "icon", "opens": bool}

    Q_INVOKABLE bool open(const QString &id) const;

private:
    QVariantList m_places;
    QHash<QString, QStringList> m_commands; // by id
};

} // namespace Preon::Updates
