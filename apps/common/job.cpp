// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/job.h"

#include "apps/common/helper.h"
#include "apps/common/words.h"
#include "job1_proxy.h"

#include <KLocalizedString>

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QStandardPaths>

#include <algorithm>

namespace Preon::Ui
{

using namespace Qt::StringLiterals;

namespace
{

// Phases that are not measured in bytes take a moment all the same.
constexpr double momentInBytes = 16e6;
constexpr qsizetype logLimit = 5000;

double weight(const QJsonValue &phase)
{
    return std::max(phase["bytes"_L1].toDouble(), momentInBytes);
}

Job::State parseState(const QString &word)
{
    return word == "running"_L1    ? Job::Running
        : word == "done"_L1        ? Job::Done
        : word == "failed"_L1      ? Job::Failed
        : word == "interrupted"_L1 ? Job::Interrupted
                                   : Job::Unknown;
}

} // namespace

Job::Job(Helper *helper, const QDBusObjectPath &path, QObject *parent)
    : QObject(parent)
    , m_helper(helper)
    , m_path(path)
    , m_proxy(std::make_unique<OrgPreonJob1Interface>(Helper::service(), path.path(), helper->bus()))
{
    helper->bus().connect(Helper::service(), path.path(), u"org.freedesktop.DBus.Properties"_s, u"PropertiesChanged"_s, this,
                          SLOT(propertiesChanged(QString, QVariantMap, QStringList)));
    m_proxy->setInteractiveAuthorizationAllowed(true);
    connect(m_proxy.get(), &OrgPreonJob1Interface::Log, this, &Job::addLogLine);
    connect(helper, &Helper::anewed, this, &Job::attach);
    connect(helper, &Helper::stateChanged, this, [this] {
        if (m_helper->state() == Helper::Absent && m_state == Running)
            setState(Interrupted, m_helper->problem());
    });
    attach();
}

Job::~Job() = default;

void Job::attach()
{
    auto call = QDBusMessage::createMethodCall(Helper::service(), m_path.path(), u"org.freedesktop.DBus.Properties"_s, u"GetAll"_s);
    call << u"org.preon.Job1"_s;
    Helper::await(this, QDBusPendingReply<QVariantMap>(m_helper->bus().asyncCall(call)), [this](const auto &answer) {
        if (!answer)
            return setState(Interrupted, answer.error());
        take(answer->value());
        describe();
    });
}

void Job::propertiesChanged(const QString &interface, const QVariantMap &values, const QStringList &)
{
    if (interface == "org.preon.Job1"_L1)
        take(values);
}

void Job::take(const QVariantMap &values)
{
    const QString phaseBefore = m_values[u"Phase"_s].toString();
    m_values.insert(values);
    const State now = parseState(m_values[u"State"_s].toString());
    if (m_values[u"Phase"_s].toString() != phaseBefore)
        Q_EMIT phasesChanged();
    // How it ended is asked for before anybody is told that it did.
    if (now == Done || now == Failed || now == Interrupted)
        describe();
    else if (now != m_state)
        setState(now);
    Q_EMIT changed();
}

void Job::describe()
{
    Helper::await(this, m_proxy->Describe(), [this](const auto &answer) {
        // That it ended is known all the same.
        if (!answer)
            return setState(parseState(m_values[u"State"_s].toString()));
        m_plan = QJsonDocument::fromJson(answer->template argumentAt<0>().toUtf8()).object();
        m_result = QJsonDocument::fromJson(answer->template argumentAt<1>().toUtf8()).object();
        m_log = answer->template argumentAt<3>();
        const State now = parseState(m_values[u"State"_s].toString());
        setState(now, Problem::fromText(answer->template argumentAt<2>()).plain(m_plan["target"_L1]["path"_L1].toString()));
        Q_EMIT logChanged();
        Q_EMIT phasesChanged();
        Q_EMIT changed();
    });
}

void Job::setState(State state, const Problem &problem)
{
    if (state == m_state && problem == m_problem)
        return;
    m_state = state;
    m_problem = problem;
    if (state != Running)
        m_isCancelling = false;
    Q_EMIT stateChanged();
    Q_EMIT changed();
    Q_EMIT phasesChanged();
}

void Job::addLogLine(const QString &line)
{
    m_log.append(line);
    if (m_log.size() > logLimit)
        m_log.remove(0, m_log.size() - logLimit);
    Q_EMIT logChanged();
}

void Job::cancel()
{
    m_isCancelling = true;
    Q_EMIT changed();
    Helper::await(this, m_proxy->Cancel(), [this](const auto &answer) {
        if (answer)
            return;
        m_isCancelling = false;
        Q_EMIT changed();
        Q_EMIT refused(answer.error());
    });
}

void Job::forget()
{
    Helper::await(this, m_proxy->Forget(), [](const auto &) { });
}

QDBusObjectPath Job::path() const
{
    return m_path;
}

QString Job::kind() const
{
    return m_values[u"Kind"_s].toString();
}

QString Job::target() const
{
    return m_values[u"Target"_s].toString();
}

Job::State Job::state() const
{
    return m_state;
}

Problem Job::problem() const
{
    return m_problem;
}

bool Job::isCancellable() const
{
    return m_state == Running && !m_isCancelling && m_values[u"Cancellable"_s].toBool();
}

bool Job::isCancelling() const
{
    return m_isCancelling;
}

double Job::fraction() const
{
    if (m_state == Done)
        return 1;
    const QJsonArray phases = m_plan["phases"_L1].toArray();
    const QString current = m_values[u"Phase"_s].toString();
    double all = 0, before = -1;
    for (const auto &each : phases) {
        if (each["name"_L1].toString() == current)
            before = all + std::min(m_values[u"Done"_s].toDouble(), weight(each));
        all += weight(each);
    }
    return before < 0 || all <= 0 ? -1 : before / all;
}

QString Job::phase() const
{
    return phaseInWords(m_values[u"Phase"_s].toString());
}

QVariantList Job::phases() const
{
    const QJsonArray phases = m_plan["phases"_L1].toArray();
    const QString current = m_values[u"Phase"_s].toString();
    const bool isKnown = std::ranges::any_of(phases, [&](const auto &each) { return each["name"_L1].toString() == current; });
    QVariantList list;
    bool isBehind = isKnown || m_state == Done;
    for (const auto &each : phases) {
        const bool isCurrent = m_state != Done && each["name"_L1].toString() == current;
        if (isCurrent)
            isBehind = false;
        list.append(QVariantMap{{u"name"_s, phaseInWords(each["name"_L1].toString())},
                                {u"state"_s,
                                 isCurrent      ? u"current"_s
                                     : isBehind ? u"done"_s
                                                : u"ahead"_s}});
    }
    return list;
}

QString Job::timeLeft() const
{
    return m_state == Running ? timeLeftInWords(m_values.value(u"SecondsLeft"_s, -1).toLongLong()) : QString();
}

QString Job::amount() const
{
    const auto total = m_values[u"Total"_s].toULongLong();
    return total == 0 ? QString() : i18nc("amount of data", "%1 of %2", sizeInWords(m_values[u"Done"_s].toULongLong()), sizeInWords(total));
}

QString Job::rate() const
{
    const auto bytes = m_values[u"Rate"_s].toULongLong();
    return bytes == 0 ? QString() : i18nc("amount of data in a second", "%1/s", sizeInWords(bytes));
}

QStringList Job::log() const
{
    return m_log;
}

QJsonObject Job::plan() const
{
    return m_plan;
}

QJsonObject Job::result() const
{
    return m_state == Done ? m_result : QJsonObject();
}

QStringList Job::notes() const
{
    QStringList list;
    for (const auto &each : result()["notes"_L1].toArray())
        list.append(translated(each.toString()));
    return list;
}

QString Job::saveLog() const
{
    QString folder = QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation);
    if (!QDir(folder).exists())
        folder = QDir::homePath();
    const QString name = folder + u"/preon-"_s + kind() + QDateTime::currentDateTime().toString(u"-yyyyMMdd-HHmmss"_s) + u".log"_s;
    QFile file(name);
    const QByteArray text = (m_log.join(u'\n') + u'\n' + (m_problem.isSet() ? QString(u'\n' + m_problem.text()) : QString())).toUtf8();
    if (!file.open(QIODevice::WriteOnly | QIODevice::NewOnly) || file.write(text) != text.size() || !file.flush())
        return {};
    return name;
}

} // namespace Preon::Ui
