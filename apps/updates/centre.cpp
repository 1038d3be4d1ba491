// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/updates/centre.h"

#include "apps/common/words.h"
#include "apps/updates/state.h"
#include "updates1_proxy.h"

#include <KLocalizedString>

#include <QClipboard>
#include <QGuiApplication>
#include <QJsonArray>
#include <QJsonDocument>
#include <QUrl>

#include <algorithm>
#include <utility>

namespace Preon::Updates
{

using namespace Qt::StringLiterals;

namespace
{

constexpr qint64 dayInSeconds = 86400;

QJsonObject parse(const QString &json)
{
    return QJsonDocument::fromJson(json.toUtf8()).object();
}

} // namespace

Centre::Centre(const QDBusConnection &bus, const QDBusConnection &systemBus, QObject *parent)
    : QObject(parent)
    , m_helper(bus)
    , m_work(&m_helper, u"update"_s, true)
    , m_restart(systemBus)
{
    connect(&m_helper, &Ui::Helper::stateChanged, this, [this] {
        if (m_helper.state() == Ui::Helper::Ready)
            refresh();
        Q_EMIT changed();
    });
    connect(&m_helper, &Ui::Helper::anewed, this, [this] { m_planId = m_plannedFor = QString(); });
    connect(&m_helper.updates(), &OrgPreonUpdates1Interface::Changed, this, &Centre::refresh);
    connect(&m_work, &Ui::Work::changed, this, &Centre::followJob);
    connect(&m_work, &Ui::Work::refused, this, [this](const Ui::Problem &problem) {
        // What is not as it was is looked at again before anybody says yes to it.
        if (problem.code == "changed"_L1)
            refuse(problem, {});
        else
            refuse(problem, [this] { update(); });
    });
    connect(&m_restart, &Ui::Restart::failed, this, [this](const QString &why) {
        refuse({.code = u"restart"_s,
                .what = i18n("This computer could not be restarted from here"),
                .why = {},
                .todo = i18n("Restart it as you usually do. %1 is used from then on.", titleOf(m_state, waiting())),
                .detail = why},
               [this] { m_restart.now(); });
    });
}

// What the helper says.

void Centre::refresh()
{
    describe();
}

void Centre::describe(std::function<void()> then)
{
    Ui::Helper::await(this, m_helper.updates().Describe(), [this, then = std::move(then)](const auto &answer) {
        m_unknown = answer ? Ui::Problem() : answer.error();
        if (answer)
            take(parse(answer->value()));
        else
            Q_EMIT changed();
        if (then)
            then();
    });
}

void Centre::take(const QJsonObject &state)
{
    m_state = state;
    m_checkProblem = Ui::Problem::fromJson(state["checkError"_L1]);
    Q_EMIT changed();
    if (job() || isBeginning())
        return;
    // Who opens this window wants to know; who switched checking off is not overruled.
    const bool isOld = state["checked"_L1].toInteger() < QDateTime::currentSecsSinceEpoch() - dayInSeconds;
    const bool wants = policy()[u"automatic"_s].toString() != "off"_L1;
    if (!std::exchange(m_hasLooked, true) && isOld && wants && isOnline() && !isMetered() && standing() != Blocked && standing() != Waiting)
        check();
    else
        plan();
}

void Centre::check()
{
    if (std::exchange(m_isChecking, true))
        return;
    m_checkProblem = {};
    Q_EMIT changed();
    Ui::Helper::await(this, m_helper.updates().Check(), [this](const auto &answer) {
        const Ui::Problem problem = answer ? Ui::Problem() : answer.error();
        describe([this, problem] {
            m_isChecking = false;
            // Its own record of it may have fewer words.
            if (problem.isSet())
                m_checkProblem = problem;
            Q_EMIT changed();
            plan();
        });
    });
}

// What is new, as it would be done: asked for before a person says yes, where looking costs nothing.
void Centre::plan()
{
    if (standing() != Available || isMetered() || !isOnline() || job() || isBeginning())
        return;
    const QString wish = QString::fromUtf8(QJsonDocument(candidate()).toJson());
    if (std::exchange(m_plannedFor, wish) == wish)
        return;
    m_planId.clear();
    m_plan = {};
    m_planProblem = {};
    Ui::Helper::await(this, m_helper.updates().Plan(wanted(), {}), [this, wish](const auto &answer) {
        if (wish != m_plannedFor)
            return;
        if (answer) {
            m_planId = answer->template argumentAt<0>();
            m_plan = parse(answer->template argumentAt<1>());
        } else {
            m_planProblem = answer.error();
        }
        Q_EMIT changed();
    });
}

// What a person asks for.

void Centre::update()
{
    if (job() || isBeginning() || wanted().isEmpty())
        return;
    if (!m_planId.isEmpty())
        return apply(m_planId);
    m_isPlanning = true;
    Q_EMIT changed();
    // Whoever comes here has said yes where every byte costs; to what was said and not to more.
    const bool costs = isMetered();
    const qint64 said = bytesToFetch();
    const QVariantMap options = costs ? QVariantMap{{u"metered"_s, true}} : QVariantMap();
    Ui::Helper::await(this, m_helper.updates().Plan(wanted(), options), [this, costs, said](const auto &answer) {
        m_isPlanning = false;
        if (!answer)
            return refuse(answer.error(), [this] { update(); });
        m_planId = answer->template argumentAt<0>();
        m_plan = parse(answer->template argumentAt<1>());
        if (!costs || bytesToFetch() <= said)
            return apply(m_planId);
        Q_EMIT changed();
        Q_EMIT moreThanSaid();
    });
}

void Centre::apply(QString id)
{
    // Ids are good for once; a plan that no longer fits is made anew.
    m_planId = m_plannedFor = QString();
    m_wasCutOff = false;
    m_work.begin(m_helper.updates().Apply(id), [this] { refresh(); });
}

void Centre::pause()
{
    if (job())
        job()->cancel();
}

void Centre::discard()
{
    ask([this] { return m_helper.updates().Discard(); });
}

void Centre::dismiss(bool again)
{
    m_work.letGo();
    Q_EMIT changed();
    if (m_helper.state() == Ui::Helper::Absent)
        return m_helper.reach();
    describe([this, again] {
        if (again)
            update();
    });
}

void Centre::startFrom(const QString &version)
{
    ask([this, version] { return m_helper.updates().StartFrom(version); });
}

void Centre::keep(const QString &version, bool keep)
{
    ask([this, version, keep] { return m_helper.updates().Keep(version, keep); });
}

void Centre::setFeature(const QString &id, bool enabled)
{
    ask([this, id, enabled] { return m_helper.updates().SetFeature(id, enabled); });
}

void Centre::setPolicy(const QVariantMap &policy)
{
    QVariantMap differing;
    const QVariantMap now = this->policy();
    for (const auto &[key, value] : policy.asKeyValueRange()) {
        if (value != now.value(key))
            differing[key] = key == "rate"_L1 ? QVariant(value.toULongLong()) : value;
    }
    ask([this, differing] { return m_helper.updates().SetPolicy(differing); }, [this] { Q_EMIT policySet(); });
}

void Centre::ask(std::function<QDBusPendingReply<>()> call, std::function<void()> then)
{
    Ui::Helper::await(this, call(), [this, call, then](const auto &answer) {
        if (!answer)
            return refuse(answer.error(), [this, call, then] { ask(call, then); });
        describe(then);
    });
}

void Centre::refuse(const Ui::Problem &problem, std::function<void()> again)
{
    m_again = std::move(again);
    Q_EMIT changed();
    Q_EMIT refused(problem);
}

void Centre::retry()
{
    if (m_again)
        std::exchange(m_again, {})();
}

// The work.

void Centre::followJob()
{
    if (job() != m_followed) {
        m_followed = job();
        if (m_followed) {
            connect(m_followed, &Ui::Job::stateChanged, this, &Centre::over);
            over();
        }
    }
    Q_EMIT changed();
}

// What became of it is shown once what it left is known, so that nothing old shows in between.
void Centre::over()
{
    if (!job() || job()->state() == Ui::Job::Running || job()->state() == Ui::Job::Unknown)
        return;
    describe([this, which = QPointer(job())] {
        if (!which || which != job())
            return;
        const bool wasPaused = which->state() == Ui::Job::Failed && which->problem().code == "cancelled"_L1;
        const bool goesOn = which->state() == Ui::Job::Interrupted && !partial().isEmpty();
        if (which->state() == Ui::Job::Done || wasPaused || goesOn) {
            m_wasCutOff = goesOn;
            m_work.letGo();
        }
        Q_EMIT changed();
        plan();
    });
}

// How things stand.

Centre::Standing Centre::standing() const
{
    if (problem().isSet())
        return Blocked;
    if (!waiting().isEmpty())
        return Waiting;
    if (m_isChecking)
        return Checking;
    // A newer one makes a half fetched one of no use.
    if (!partial().isEmpty() && (candidate().isEmpty() || candidate()["version"_L1] == partial()["version"_L1]))
        return Paused;
    if (!candidate().isEmpty())
        return Available;
    if (m_checkProblem.isSet())
        return Unreached;
    return m_state["checked"_L1].toInteger() <= 0 ? Never : Current;
}

QJsonObject Centre::candidate() const
{
    return m_state["candidate"_L1].toObject();
}

QJsonObject Centre::partial() const
{
    return m_state["partial"_L1].toObject();
}

QString Centre::wanted() const
{
    return (standing() == Paused ? partial() : candidate())["version"_L1].toString();
}

QString Centre::waiting() const
{
    return waitingIn(m_state);
}

Ui::Problem Centre::problem() const
{
    return isKnown() ? Ui::Problem::fromJson(m_state["problem"_L1]) : Ui::Problem();
}

Ui::Problem Centre::checkProblem() const
{
    return m_checkProblem;
}

Ui::Problem Centre::planProblem() const
{
    return standing() == Available ? m_planProblem : Ui::Problem();
}

QString Centre::system() const
{
    return m_state["system"_L1]["name"_L1].toString();
}

QString Centre::title() const
{
    return titleOf(m_state, m_state["system"_L1]["version"_L1].toString());
}

QString Centre::checked() const
{
    return checkedInWords(m_state["checked"_L1].toInteger(), QDateTime::currentDateTime());
}

int Centre::silentWeeks() const
{
    return silentWeeksIn(m_state);
}

QString Centre::nextTitle() const
{
    const QString version = standing() == Waiting ? waiting() : wanted();
    return version.isEmpty() ? QString() : titleOf(m_state, version);
}

QString Centre::notes() const
{
    return candidate()["notes"_L1].toString().trimmed();
}

QString Centre::changeLog() const
{
    const QString address = candidate()["changeLog"_L1].toString();
    return QUrl(address).scheme() == "https"_L1 ? address : QString();
}

qint64 Centre::bytesToFetch() const
{
    if (!m_planId.isEmpty())
        return m_plan["fetch"_L1].toInteger();
    if (standing() == Paused)
        return std::max<qint64>(0, partial()["fetch"_L1].toInteger() - partial()["fetched"_L1].toInteger());
    return candidate()["fetch"_L1].toInteger();
}

QString Centre::amount() const
{
    return Ui::sizeInWords(quint64(bytesToFetch()));
}

QString Centre::fetched() const
{
    return i18nc("amount of data", "%1 of %2", Ui::sizeInWords(quint64(partial()["fetched"_L1].toInteger())),
                 Ui::sizeInWords(quint64(partial()["fetch"_L1].toInteger())));
}

bool Centre::hasFailedHere() const
{
    return candidate()["failedHere"_L1].toBool();
}

bool Centre::isHeldBack() const
{
    return isHeldBackIn(m_state);
}

bool Centre::wasCutOff() const
{
    return m_wasCutOff;
}

QStringList Centre::consequences() const
{
    return consequencesInWords(m_state, m_plan);
}

QString Centre::details() const
{
    return m_plan["text"_L1].toString();
}

QVariantMap Centre::left() const
{
    return leftInWords(m_state, QDateTime::currentDateTime());
}

QVariantList Centre::versions() const
{
    return versionsInWords(m_state, QDateTime::currentDateTime());
}

QVariantList Centre::features() const
{
    return m_state["features"_L1].toArray().toVariantList();
}

QVariantMap Centre::policy() const
{
    return m_state["policy"_L1].toObject().toVariantMap();
}

bool Centre::isOnline() const
{
    return m_state["connection"_L1]["online"_L1].toBool(true);
}

bool Centre::isMetered() const
{
    return m_state["connection"_L1]["metered"_L1].toBool();
}

QVariantMap Centre::power() const
{
    return m_state["power"_L1].toObject().toVariantMap();
}

int Centre::others() const
{
    return m_state["others"_L1].toInt();
}

Ui::Helper *Centre::helper()
{
    return &m_helper;
}

Ui::Restart *Centre::restart()
{
    return &m_restart;
}

Ui::Job *Centre::job() const
{
    return m_work.job();
}

bool Centre::isKnown() const
{
    return !m_state.isEmpty() && m_work.hasLooked();
}

Ui::Problem Centre::unknown() const
{
    return isKnown() ? Ui::Problem() : m_unknown;
}

bool Centre::isBeginning() const
{
    return m_isPlanning || m_work.isBeginning();
}

void Centre::copy(const QString &text) const
{
    QGuiApplication::clipboard()->setText(text);
}

} // namespace Preon::Updates
