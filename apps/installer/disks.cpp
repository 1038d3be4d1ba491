// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/disks.h"

#include "apps/common/diskpicture.h"
#include "apps/common/helper.h"
#include "apps/common/words.h"
#include "apps/installer/health.h"
#include "installer1_proxy.h"

#include <KLocalizedString>

#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;

namespace
{

QString tokenOf(const QJsonObject &disk)
{
    return disk["token"_L1].toString();
}

// Not by the helper: what a disk says of itself (Health::Kind).
constexpr QLatin1StringView healthKey = "health"_L1;

Ui::Problem healthProblem(int kind)
{
    const auto problem = [](const QString &why) {
        return Ui::Problem{.code = u"io"_s, .what = i18n("This disk is failing"), .why = why, .todo = i18n("Choose another disk.")};
    };
    switch (kind) {
    case Health::Failing:
        return problem(i18n("by its own health check (SMART) it will not work for much longer. Save what matters to you on it."));
    case Health::WornOut:
        return problem(i18n("by its own health check (SMART) it is worn out. Save what matters to you on it."));
    case Health::Unreliable:
        return problem(i18n("by its own health check (SMART) it makes too many errors. Save what matters to you on it."));
    case Health::ReadOnly:
        return problem(i18n("by its own health check (SMART) it can only be read any more. Save what matters to you on it."));
    case Health::Forgetful:
        return problem(i18n("by its own health check (SMART) it can lose what was written last when the power goes. Save what matters to you on it."));
    default:
        return {};
    }
}

// Also where no way of installing is open: what stands in the way of using it whole is the reason then.
Ui::Problem refusalOf(const QJsonObject &disk)
{
    const auto refusal = Ui::Problem::fromJson(disk["refusal"_L1]), ill = healthProblem(disk[healthKey].toInt());
    if (refusal.isSet())
        return refusal;
    if (ill.isSet())
        return ill;
    const QJsonObject modes = disk["modes"_L1].toObject();
    const bool isClosed = std::ranges::none_of(modes, [](const auto &mode) { return mode.isNull(); });
    return isClosed ? Ui::Problem::fromJson(modes["erase"_L1]) : Ui::Problem();
}

bool isRefused(const QJsonObject &disk)
{
    return refusalOf(disk).isSet();
}

// The same device with another token: the helper was replaced since.
bool isSameDevice(const QJsonObject &a, const QJsonObject &b)
{
    return a["device"_L1] == b["device"_L1] && a["name"_L1] == b["name"_L1] && a["size"_L1] == b["size"_L1];
}

// Not every disk tells its maker and model.
QString nameOf(const QJsonObject &disk)
{
    const QString name = disk["name"_L1].toString();
    if (!name.isEmpty())
        return name;
    return disk["transport"_L1].toString() == "virtio"_L1 ? i18n("Virtual disk") : i18n("Disk");
}

QString titleOf(const QJsonObject &disk)
{
    return i18nc("disk, its size", "%1, %2", nameOf(disk), Ui::sizeInWords(disk["size"_L1].toDouble()));
}

// "Particle 1": a system of our kind has the label NAME_VERSION on its /usr; a slot that is not in use has "_empty". Empty for other partitions.
QString systemOn(const QJsonObject &partition)
{
    const QString type = partition["type"_L1].toString(), label = partition["label"_L1].toString();
    const qsizetype version = label.lastIndexOf(u'_');
    return type.startsWith("usr"_L1) && !type.contains("verity"_L1) && version > 0 ? label.left(version) + u' ' + label.sliced(version + 1) : QString();
}

QString contentOf(const QJsonObject &disk)
{
    QStringList words, startup;
    for (const auto &each : disk["partitions"_L1].toArray()) {
        const QJsonObject partition = each.toObject();
        const QString system = systemOn(partition), name = system.isEmpty() ? Ui::nameOfPartition(partition) : system;
        if (!name.isEmpty())
            (partition["type"_L1].toString() == "esp"_L1 ? startup : words).append(name);
    }
    // What a disk starts with says something of it only where nothing else does.
    if (words.isEmpty())
        words = startup;
    // What has no name is described.
    for (const auto &each : words.isEmpty() ? disk["content"_L1].toArray() : QJsonArray())
        words.append(Ui::translated(each.toString()));
    if (words.isEmpty())
        return i18nc("a disk", "Empty");
    words.removeDuplicates();
    QString text = words.join(i18nc("between things on a disk", ", "));
    text[0] = text[0].toUpper();
    return text;
}

QString busOf(const QJsonObject &disk)
{
    const QString bus = disk["transport"_L1].toString();
    if (bus == "usb"_L1)
        return i18n("USB");
    return bus == "mmc"_L1 ? i18n("Memory card") : bus == "nvme"_L1 ? u"NVMe"_s : bus == "sata"_L1 || bus == "ata"_L1 ? u"SATA"_s : QString();
}

QString iconOf(const QJsonObject &disk)
{
    const QString bus = disk["transport"_L1].toString();
    if (bus == "usb"_L1 || disk["removable"_L1].toBool())
        return u"drive-removable-media-usb"_s;
    return bus == "mmc"_L1 ? u"media-flash-sd-mmc"_s : u"drive-harddisk"_s;
}

} // namespace

Disks::Disks(Ui::Helper *helper, Health *health, QObject *parent)
    : QAbstractListModel(parent)
    , m_helper(helper)
    , m_health(health)
{
    connect(health, &Health::changed, this, &Disks::merge);
    connect(helper, &Ui::Helper::anewed, this, &Disks::refresh);
    connect(&helper->installer(), &OrgPreonInstaller1Interface::DisksChanged, this, &Disks::refresh);
    refresh();
}

void Disks::refresh()
{
    const int asked = ++m_asked;
    Ui::Helper::await(this, m_helper->installer().ListDisks(), [this, asked](const auto &answer) {
        if (asked != m_asked)
            return;
        m_problem = answer ? Ui::Problem() : answer.error();
        m_listed.clear();
        if (answer) {
            for (const auto &each : QJsonDocument::fromJson(answer->value().toUtf8()).array())
                m_listed.append(each.toObject());
        }
        m_hasAnswer = true;
        merge();
    });
}

// Only what both sides have been asked about is shown: a disk must not be chosen, by an answers file least of all, before it could say that it is failing.
void Disks::merge()
{
    if (!m_hasAnswer || !m_health->isSettled())
        return;
    m_state = m_problem.isSet() ? Failed : Listed;
    QList<QJsonObject> disks = m_listed;
    for (QJsonObject &disk : disks) {
        if (const Health::Kind kind = m_health->of(disk["device"_L1].toString()); kind != Health::Unknown)
            disk[healthKey] = kind;
    }
    // Those that can be used come first, otherwise in the helper's order.
    std::ranges::stable_partition(disks, std::not_fn(isRefused));
    take(disks);
}

void Disks::take(const QList<QJsonObject> &disks)
{
    const QJsonObject old = m_chosen;
    beginResetModel();
    m_disks = disks;
    auto same = std::ranges::find(m_disks, tokenOf(old), tokenOf);
    if (same == m_disks.end())
        same = std::ranges::find_if(m_disks, [&](const QJsonObject &each) { return isSameDevice(each, old); });
    m_chosen = same == m_disks.end() || isRefused(*same) ? QJsonObject() : *same;
    endResetModel();
    Q_EMIT changed();
    if (m_chosen != old)
        Q_EMIT chosenChanged();
    if (!old.isEmpty() && m_chosen.isEmpty())
        Q_EMIT chosenLost(titleOf(old), same != m_disks.end());
    // Where there is only one way, nobody has to point at it.
    if (old.isEmpty() && std::ranges::count_if(m_disks, std::not_fn(isRefused)) == 1)
        choose(tokenOf(m_disks.first()));
}

Disks::State Disks::state() const
{
    return m_state;
}

Ui::Problem Disks::problem() const
{
    return m_problem;
}

QString Disks::chosen() const
{
    return tokenOf(m_chosen);
}

void Disks::choose(const QString &token)
{
    const auto found = std::ranges::find(m_disks, token, tokenOf);
    if (found == m_disks.end() || isRefused(*found) || *found == m_chosen)
        return;
    m_chosen = *found;
    Q_EMIT chosenChanged();
}

QString Disks::chosenName() const
{
    return m_chosen.isEmpty() ? QString() : titleOf(m_chosen);
}

bool Disks::isChosenRemovable() const
{
    return m_chosen["removable"_L1].toBool();
}

bool Disks::holdsWindows() const
{
    return std::ranges::any_of(m_chosen["partitions"_L1].toArray(), [](const auto &each) { return each["content"_L1].toString() == "ntfs"_L1; })
        || holdsBitLocker();
}

bool Disks::holdsBitLocker() const
{
    return std::ranges::any_of(m_chosen["partitions"_L1].toArray(), [](const auto &each) { return each["content"_L1].toString() == "BitLocker"_L1; });
}

QList<QJsonObject> Disks::usable() const
{
    QList<QJsonObject> disks = m_disks;
    disks.removeIf(isRefused);
    return disks;
}

QJsonObject Disks::chosenDisk() const
{
    return m_chosen;
}

int Disks::count() const
{
    return int(m_disks.size());
}

int Disks::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : count();
}

QVariant Disks::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const QJsonObject &disk = m_disks[index.row()];
    switch (role) {
    case TokenRole:
        return tokenOf(disk);
    case NameRole:
        return nameOf(disk);
    case SizeRole:
        return Ui::sizeInWords(disk["size"_L1].toDouble());
    case ContentRole:
        return contentOf(disk);
    case IconRole:
        return iconOf(disk);
    case BusRole:
        return busOf(disk);
    case DeviceRole:
        return disk["device"_L1].toString();
    case RefusalRole:
        return QVariant::fromValue(refusalOf(disk).plain(disk["device"_L1].toString(), disk["name"_L1].toString()));
    default:
        return {};
    }
}

QHash<int, QByteArray> Disks::roleNames() const
{
    return {{TokenRole, "token"},   {NameRole, "name"},   {SizeRole, "size"},     {ContentRole, "content"},
            {IconRole, "iconName"}, {BusRole, "busName"}, {DeviceRole, "device"}, {RefusalRole, "refusal"}};
}

} // namespace Preon::Installer
