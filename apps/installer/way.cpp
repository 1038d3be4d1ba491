// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/way.h"

#include "apps/common/diskpicture.h"
#include "apps/common/helper.h"
#include "apps/common/words.h"
#include "apps/installer/disks.h"
#include "installer1_proxy.h"

#include <KLocalizedString>

#include <QJsonArray>
#include <QJsonDocument>
#include <QLocale>

#include <utility>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;

Way::Way(Ui::Helper *helper, Disks *disks, QObject *parent)
    : QObject(parent)
    , m_helper(helper)
    , m_disks(disks)
{
    connect(disks, &Disks::chosenChanged, this, &Way::refresh);
}

QVariantList Way::modes() const
{
    const QJsonValue all = m_disks->chosenDisk()["modes"_L1];
    QVariantList list;
    for (const QString &mode : {u"reinstall"_s, u"beside"_s, u"erase"_s}) {
        const auto refusal = Ui::Problem::fromJson(all[mode]).plain(m_disks->chosenDisk()["device"_L1].toString(), m_disks->chosenDisk()["name"_L1].toString());
        const bool isMeant = mode == "reinstall"_L1 ? !refusal.isSet() || refusal.code == "permission"_L1
            : mode == "beside"_L1                   ? !refusal.isSet() || refusal.code == "no-space"_L1
                                                    : true;
        if (isMeant)
            list.append(QVariantMap{{u"mode"_s, mode}, {u"refusal"_s, QVariant::fromValue(refusal)}});
    }
    return list;
}

void Way::setMode(const QString &mode)
{
    if (mode == m_mode)
        return;
    m_mode = mode;
    refresh();
}

void Way::setWishes(const QVariantMap &wishes)
{
    if (std::exchange(m_wishes, wishes) != wishes && m_state != Nothing)
        refresh();
}

void Way::refresh()
{
    const int asked = ++m_asked;
    m_plan = {};
    m_planId.clear();
    m_problem = {};
    // What somebody wanted of one disk they need not want of another.
    const QString device = m_disks->chosenDisk()["device"_L1].toString();
    if (!device.isEmpty() && std::exchange(m_device, device) != device)
        m_mode.clear();
    // The way that destroys nothing is chosen for people; the one that does they choose themselves, unless it is the only one.
    bool isOffered = false;
    QStringList possible;
    for (const QVariant &each : modes()) {
        const QString mode = each.toMap()[u"mode"_s].toString();
        if (!each.toMap()[u"refusal"_s].value<Ui::Problem>().isSet()) {
            possible.append(mode);
            isOffered = isOffered || mode == m_mode;
        }
    }
    if (!isOffered)
        m_mode = possible.value(0);
    m_state = m_disks->chosen().isEmpty() || m_mode.isEmpty() ? Nothing : Planning;
    Q_EMIT changed();
    if (m_state == Nothing)
        return;
    QVariantMap options = m_wishes;
    options[u"allow-removable"_s] = m_disks->isChosenRemovable();
    Ui::Helper::await(this, m_helper->installer().Plan(m_disks->chosen(), m_mode, options), [this, asked](const auto &answer) {
        if (asked != m_asked)
            return;
        if (answer) {
            m_planId = answer->template argumentAt<0>();
            m_plan = QJsonDocument::fromJson(answer->template argumentAt<1>().toUtf8()).object();
        } else {
            m_problem = answer.error();
        }
        m_state = answer ? Planned : Refused;
        Q_EMIT changed();
    });
}

QString Way::mode() const
{
    return m_mode;
}

Way::State Way::state() const
{
    return m_state;
}

Ui::Problem Way::problem() const
{
    return m_problem;
}

QString Way::planId() const
{
    return m_planId;
}

QJsonObject Way::plan() const
{
    return m_plan;
}

QVariantList Way::now() const
{
    return Ui::toVariant(Ui::diskNow(m_disks->chosenDisk(), m_plan));
}

QVariantList Way::after() const
{
    return m_plan.isEmpty() ? QVariantList() : Ui::toVariant(Ui::diskAfter(m_disks->chosenDisk(), m_plan));
}

QStringList Way::texts(QLatin1StringView key) const
{
    QStringList list;
    for (const auto &each : m_plan[key].toArray())
        list.append(Ui::translated(each.toString()));
    return list;
}

QStringList Way::lost() const
{
    QStringList names;
    for (const Ui::Segment &each : Ui::diskNow(m_disks->chosenDisk(), m_plan)) {
        if (each.kind == Ui::Segment::Erased)
            names.append(i18nc("what is erased, its size", "%1, %2", each.name, Ui::sizeInWords(each.bytes)));
    }
    return names.isEmpty() ? texts("lost"_L1) : names;
}

QStringList Way::kept() const
{
    return texts("kept"_L1);
}

QStringList Way::notes() const
{
    return texts("notes"_L1);
}

QString Way::network() const
{
    return m_plan["network"_L1].toString();
}

QString Way::details() const
{
    QStringList lines = texts("lost"_L1);
    if (!lines.isEmpty())
        lines = QStringList{i18n("Erased:")} + lines + QStringList{QString(), i18n("Afterwards:")};
    const QLocale locale;
    for (const auto &each : m_plan[m_plan.contains("firstBoot"_L1) ? "firstBoot"_L1 : "after"_L1]["partitions"_L1].toArray())
        lines.append(i18nc("partition number, type, label, exact size", "%1  %2  %3  %4 bytes", each["number"_L1].toInt(), each["type"_L1].toString(),
                           each["label"_L1].toString(), locale.toString(qint64(each["size"_L1].toDouble()))));
    return lines.join(u'\n');
}

} // namespace Preon::Installer
