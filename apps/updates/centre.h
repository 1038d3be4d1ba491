// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The update centre as its window sees it: where this computer stands with its versions, what is new, the work once it began. Asks the helper and decides nothing that the
// helper decides; nothing is fetched before a person has seen how much.

#include "apps/common/helper.h"
#include "apps/common/restart.h"
#include "apps/common/work.h"

#include <QJsonObject>
#include <QObject>
#include <QVariantMap>
#include <qqmlregistration.h>

#include <functional>

namespace Preon::Updates
{

class Centre : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(Preon::Ui::Helper *helper READ helper CONSTANT)
    Q_PROPERTY(Preon::Ui::Restart *restart READ restart CONSTANT)
    Q_PROPERTY(Preon::Ui::Job *job READ job NOTIFY changed)
    Q_PROPERTY(bool known READ isKnown NOTIFY changed)
    Q_PROPERTY(Preon::Ui::Problem unknown READ unknown NOTIFY changed)
    Q_PROPERTY(bool beginning READ isBeginning NOTIFY changed)
    Q_PROPERTY(Standing standing READ standing NOTIFY changed)
    Q_PROPERTY(Preon::Ui::Problem problem READ problem NOTIFY changed)
    Q_PROPERTY(Preon::Ui::Problem checkProblem READ checkProblem NOTIFY changed)
    Q_PROPERTY(Preon::Ui::Problem planProblem READ planProblem NOTIFY changed)
    Q_PROPERTY(QString system READ system NOTIFY changed)
    Q_PROPERTY(QString title READ title NOTIFY changed)
    Q_PROPERTY(QString checked READ checked NOTIFY changed)
    Q_PROPERTY(int silentWeeks READ silentWeeks NOTIFY changed)
    Q_PROPERTY(QString nextTitle READ nextTitle NOTIFY changed)
    Q_PROPERTY(QString notes READ notes NOTIFY changed)
    Q_PROPERTY(QString changeLog READ changeLog NOTIFY changed)
    Q_PROPERTY(QString amount READ amount NOTIFY changed)
    Q_PROPERTY(QString fetched READ fetched NOTIFY changed)
    Q_PROPERTY(bool failedHere READ hasFailedHere NOTIFY changed)
    Q_PROPERTY(bool heldBack READ isHeldBack NOTIFY changed)
    Q_PROPERTY(bool cutOff READ wasCutOff NOTIFY changed)
    Q_PROPERTY(QStringList consequences READ consequences NOTIFY changed)
    Q_PROPERTY(QString details READ details NOTIFY changed)
    Q_PROPERTY(QString waiting READ waiting NOTIFY changed)
    Q_PROPERTY(QVariantMap left READ left NOTIFY changed)
    Q_PROPERTY(QVariantList versions READ versions NOTIFY changed)
    Q_PROPERTY(QVariantList features READ features NOTIFY changed)
    Q_PROPERTY(QVariantMap policy READ policy NOTIFY changed)
    Q_PROPERTY(bool online READ isOnline NOTIFY changed)
    Q_PROPERTY(bool metered READ isMetered NOTIFY changed)
    Q_PROPERTY(QVariantMap power READ power NOTIFY changed)
    Q_PROPERTY(int others READ others NOTIFY changed)

public:
    enum Standing {
        Blocked, // nothing can be updated here: problem
        Never, // checked for
        Checking,
        Current, // nothing newer is there
        Available,
        Paused, // a download, by a person or because it was cut off
        Unreached, // the last check came to nothing: checkProblem
        Waiting // for a restart
    };
    Q_ENUM(Standing)

    Centre(const QDBusConnection &bus, const QDBusConnection &systemBus, QObject *parent = nullptr);

    Ui::Helper *helper();
    Ui::Restart *restart();
    Ui::Job *job() const; // null until it began; also one that another window or a timer began
    bool isKnown() const; // what is described here
    Ui::Problem unknown() const; // why it is not known
    bool isBeginning() const; // asked for, not answered
    Standing standing() const;
    Ui::Problem problem() const;
    Ui::Problem checkProblem() const;
    Ui::Problem planProblem() const; // why the new version cannot be had now
    QString system() const; // its name
    QString title() const; // with the version that runs
    QString checked() const; // when the server was asked last, in words
    int silentWeeks() const; // that nothing came from the maker, and too many; 0: all is well
    QString nextTitle() const; // what is new, half fetched or waits for a restart
    QString notes() const;
    QString changeLog() const; // an https address, or empty
    QString amount() const; // to fetch, "142 MB"
    QString fetched() const; // of a paused download, "48 MB of 142 MB"
    bool hasFailedHere() const; // what is new
    bool isHeldBack() const; // it is handed out in steps, and this computer's turn is still to come
    bool wasCutOff() const; // what is Paused
    QStringList consequences() const;
    QString details() const;
    QString waiting() const; // the version that the next start brings, and that does not run; empty: none
    QVariantMap left() const; // as leftInWords()
    QVariantList versions() const; // as versionsInWords()
    QVariantList features() const;
    QVariantMap policy() const;
    bool isOnline() const;
    bool isMetered() const;
    QVariantMap power() const; // {"onBattery", "percent"}
    int others() const;

    Q_INVOKABLE void refresh();
    Q_INVOKABLE void check();
    Q_INVOKABLE void update(); // to what is new, or goes on with what was paused
    Q_INVOKABLE void pause();
    Q_INVOKABLE void discard();
    Q_INVOKABLE void dismiss(bool again); // work that failed; again: and begins anew
    Q_INVOKABLE void startFrom(const QString &version); // empty: the newest
    Q_INVOKABLE void keep(const QString &version, bool keep);
    Q_INVOKABLE void setFeature(const QString &id, bool enabled);
    Q_INVOKABLE void setPolicy(const QVariantMap &policy); // of it what differs
    Q_INVOKABLE void retry(); // what was refused last
    Q_INVOKABLE void copy(const QString &text) const; // to the clipboard

Q_SIGNALS:
    void changed();
    void refused(const Preon::Ui::Problem &problem);
    void policySet();
    void moreThanSaid(); // would have to be fetched, where that costs: to be asked again

private:
    void describe(std::function<void()> then = {});
    void take(const QJsonObject &state);
    void plan();
    void apply(QString id);
    void followJob();
    void over(); // the work, and what it left is known
    void ask(std::function<QDBusPendingReply<>()> call, std::function<void()> then = {});
    void refuse(const Ui::Problem &problem, std::function<void()> again);
    QJsonObject candidate() const;
    QJsonObject partial() const;
    qint64 bytesToFetch() const;
    QString wanted() const; // the version that update() is about

    Ui::Helper m_helper;
    Ui::Work m_work;
    Ui::Restart m_restart;
    QJsonObject m_state;
    Ui::Problem m_unknown, m_checkProblem, m_planProblem;
    bool m_isChecking = false, m_isPlanning = false, m_hasLooked = false, m_wasCutOff = false;
    QString m_planId, m_plannedFor;
    QJsonObject m_plan;
    std::function<void()> m_again;
    Ui::Job *m_followed = nullptr;
};

} // namespace Preon::Updates
