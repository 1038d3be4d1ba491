// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/diskpicture.h"

#include "apps/common/words.h"

#include <KLocalizedString>

#include <QHash>
#include <QJsonArray>
#include <QVariantMap>

#include <algorithm>

namespace Preon::Ui
{

using namespace Qt::StringLiterals;

namespace
{

// Smaller than these nobody misses a piece: alignment, and the few MB that systems keep for themselves.
constexpr std::uint64_t smallestGap = 64'000'000;
constexpr double smallestShare = 0.004;

std::uint64_t bytes(const QJsonValue &value)
{
    return std::uint64_t(std::max(0.0, value.toDouble()));
}

QString identity(const QJsonValue &partition)
{
    return QString::number(partition["number"_L1].toInt()) + u'@' + QString::number(bytes(partition["start"_L1]));
}

// The parts of a system's /usr have its name and version as their label: "Particle_1". Those for the next version are empty until it comes.
QString nameOfVersion(QString label)
{
    if (label.isEmpty() || label == "_empty"_L1)
        return i18nc("a partition", "Room for updates");
    const qsizetype line = label.lastIndexOf(u'_');
    return line > 0 ? label.replace(line, 1, u' ') : label;
}

struct Names {
    explicit Names(const QJsonObject &disk)
    {
        const QJsonArray partitions = disk["partitions"_L1].toArray();
        for (const auto &each : partitions)
            m_names[identity(each)] = nameOfPartition(each.toObject());
    }
    QString of(const QJsonValue &partition) const
    {
        const QString known = m_names.value(identity(partition));
        const QString type = partition["type"_L1].toString();
        if (type.startsWith("usr"_L1))
            return nameOfVersion(partition["label"_L1].toString());
        if (type == "esp"_L1)
            return i18nc("a partition", "Startup files");
        if (!known.isEmpty())
            return known;
        if (type == "home"_L1)
            return i18nc("what a partition holds", "Your files");
        const QString label = partition["label"_L1].toString();
        return label.isEmpty() ? i18nc("a partition that nobody knows", "Other data") : label;
    }

private:
    QHash<QString, QString> m_names;
};

struct Piece {
    std::uint64_t start = 0, size = 0;
    QString name;
    Segment::Kind kind = Segment::Stays;
};

void add(QList<Segment> &segments, const QString &name, std::uint64_t size, Segment::Kind kind)
{
    if (!segments.isEmpty() && segments.last().name == name && segments.last().kind == kind)
        segments.last().bytes += size;
    else
        segments.append({name, size, kind});
}

// In the order of the disk, with the free space between them.
QList<Segment> laidOut(QList<Piece> pieces, std::uint64_t diskSize)
{
    const auto least = std::max(smallestGap, std::uint64_t(double(diskSize) * smallestShare));
    std::ranges::sort(pieces, {}, &Piece::start);
    QList<Segment> segments;
    std::uint64_t end = 0;
    const auto gap = [&](std::uint64_t upTo) {
        if (upTo > end && upTo - end >= least)
            add(segments, i18nc("space on a disk", "Free"), upTo - end, Segment::Free);
    };
    for (const Piece &piece : std::as_const(pieces)) {
        gap(piece.start);
        add(segments, piece.name, piece.size, piece.kind);
        end = std::max(end, piece.start + piece.size);
    }
    gap(diskSize);
    return segments;
}

// The small pieces that our system has elsewhere (what starts it) are told with its large one.
QList<Segment> gathered(const QList<Segment> &segments, std::uint64_t diskSize)
{
    QList<Segment> result;
    for (const Segment &segment : segments) {
        const auto same = std::ranges::find_if(result, [&](const Segment &each) { return each.kind == Segment::New && each.name == segment.name; });
        if (segment.kind == Segment::New && same != result.end() && double(segment.bytes) < 0.05 * double(diskSize))
            same->bytes += segment.bytes;
        else
            result.append(segment);
    }
    return result;
}

// Neighbours that are tiny and of one kind become one piece, so that the bar does not crumble.
QList<Segment> withoutCrumbs(const QList<Segment> &segments, std::uint64_t diskSize)
{
    const auto least = std::max(smallestGap, std::uint64_t(double(diskSize) * smallestShare));
    QList<Segment> result;
    for (qsizetype i = 0; i < segments.size(); ++i) {
        const Segment &segment = segments[i];
        const bool isCrumb = segment.bytes < least && segment.kind != Segment::New;
        if (isCrumb && !result.isEmpty() && result.last().kind == segment.kind) {
            result.last().bytes += segment.bytes;
        } else if (isCrumb && i + 1 < segments.size() && segments[i + 1].kind == segment.kind && segments[i + 1].bytes >= least) {
            result.append({segments[i + 1].name, segments[i + 1].bytes + segment.bytes, segment.kind});
            ++i;
        } else {
            result.append(segment);
        }
    }
    return result;
}

std::uint64_t sizeOf(const QJsonObject &disk, const QJsonObject &plan)
{
    const auto planned = bytes(plan["target"_L1]["size"_L1]);
    return planned ? planned : bytes(disk["size"_L1]);
}

QList<Segment> wholeDisk(const QJsonObject &disk, const QJsonObject &plan)
{
    const bool erases = plan["mode"_L1].toString() == "erase"_L1;
    const QJsonArray content = disk["content"_L1].toArray();
    const bool isEmpty = content.isEmpty() || content.first().toString() == "empty"_L1;
    return {{isEmpty ? i18nc("a disk", "Empty") : translated(content.first().toString()), sizeOf(disk, plan),
             isEmpty      ? Segment::Free
                 : erases ? Segment::Erased
                          : Segment::Stays}};
}

} // namespace

QString nameOfPartition(const QJsonObject &partition)
{
    // What is locked tells no label; only Windows makes such volumes.
    return partition["content"_L1].toString() == "BitLocker"_L1 ? i18nc("a partition", "Windows, locked with BitLocker")
                                                                : translated(partition["name"_L1].toString());
}

QList<Segment> diskNow(const QJsonObject &disk, const QJsonObject &plan)
{
    const Names names(disk);
    const QJsonArray partitions = disk["partitions"_L1].toArray();
    if (partitions.isEmpty())
        return wholeDisk(disk, plan);
    const bool erases = plan["mode"_L1].toString() == "erase"_L1;
    QStringList removed;
    for (const auto &each : plan["removed"_L1].toArray())
        removed.append(identity(each));
    QList<Piece> pieces;
    for (const auto &each : partitions)
        pieces.append(
            {bytes(each["start"_L1]), bytes(each["size"_L1]), names.of(each), erases || removed.contains(identity(each)) ? Segment::Erased : Segment::Stays});
    const auto size = sizeOf(disk, plan);
    return withoutCrumbs(laidOut(std::move(pieces), size), size);
}

QList<Segment> diskAfter(const QJsonObject &disk, const QJsonObject &plan)
{
    const Names names(disk);
    const QString mode = plan["mode"_L1].toString();
    const QString system = plan["source"_L1]["title"_L1].toString();
    QStringList before;
    if (mode != "erase"_L1) {
        for (const auto &each : plan["before"_L1]["partitions"_L1].toArray())
            before.append(identity(each));
    }
    for (const auto &each : plan["removed"_L1].toArray())
        before.removeAll(identity(each));
    const QJsonArray partitions = plan[plan.contains("firstBoot"_L1) ? "firstBoot"_L1 : "after"_L1]["partitions"_L1].toArray();
    QList<Piece> pieces;
    for (const auto &each : partitions) {
        const bool isKept = before.contains(identity(each));
        const QString name = isKept ? names.of(each) : each["type"_L1].toString() == "home"_L1 ? i18nc("what a partition holds", "Your files") : system;
        pieces.append({bytes(each["start"_L1]), bytes(each["size"_L1]), name, isKept ? Segment::Stays : Segment::New});
    }
    const auto size = sizeOf(disk, plan);
    return gathered(withoutCrumbs(laidOut(std::move(pieces), size), size), size);
}

QVariantList toVariant(const QList<Segment> &segments)
{
    static constexpr const char *kinds[] = {"stays", "new", "erased", "free"};
    QVariantList list;
    for (const Segment &segment : segments)
        list.append(QVariantMap{{u"name"_s, segment.name},
                                {u"bytes"_s, double(segment.bytes)},
                                {u"size"_s, sizeInWords(segment.bytes)},
                                {u"kind"_s, QString::fromLatin1(kinds[segment.kind])}});
    return list;
}

} // namespace Preon::Ui
