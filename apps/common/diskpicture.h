// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What the disk bar shows: a disk now, and as a plan will leave it, in the few pieces that a person has words for. Pure functions from the helper's JSON
// (ListDisks and Plan of org.preon.Installer1.xml) to segments; the small helpers of an operating system are drawn together with their neighbours, what is exact
// stands under "Details".

#include <QJsonObject>
#include <QList>
#include <QString>
#include <QVariantList>

#include <cstdint>

namespace Preon::Ui
{

struct Segment {
    enum Kind { Stays, New, Erased, Free };

    QString name; // as a person knows it
    std::uint64_t bytes = 0;
    Kind kind = Stays;
    bool operator==(const Segment &) const = default;
};

// What a partition of ListDisks is called, where anything says so: by its file system's label, or because it is Windows' and locked.
QString nameOfPartition(const QJsonObject &partition);

// As it is; with a plan, what the plan removes is Erased.
QList<Segment> diskNow(const QJsonObject &disk, const QJsonObject &plan = {});

// As the plan leaves it once the system has started for the first time.
QList<Segment> diskAfter(const QJsonObject &disk, const QJsonObject &plan);

// For DiskBar.qml: {"name", "bytes", "size", "kind": "stays" | "new" | "erased" | "free"}.
QVariantList toVariant(const QList<Segment> &segments);

} // namespace Preon::Ui
