// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The first start of an installed system as its window sees it (org.preon.FirstStart1): what the machine does not know yet, the first person's account, the recovery key,
// and the work once it began. What was typed stays until the work has ended well, so that nothing is typed twice.

#include "apps/common/recoverykey.h"
#include "apps/installer/account.h"
#include "apps/installer/answers.h"
#include "apps/installer/oem.h"
#include "apps/installer/setup.h"

#include <QJsonObject>

namespace Preon::Installer
{

class FirstStart : public Setup
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(Preon::Installer::Account *account READ account CONSTANT)
    Q_PROPERTY(Preon::Ui::RecoveryKey *recoveryKey READ recoveryKey CONSTANT)
    Q_PROPERTY(Preon::Installer::Oem *oem READ oem CONSTANT)
    Q_PROPERTY(bool isKnown READ isKnown NOTIFY changed)
    Q_PROPERTY(Preon::Ui::Problem problem READ problem NOTIFY changed)
    Q_PROPERTY(bool over READ isOver NOTIFY changed)
    Q_PROPERTY(QStringList asked READ asked NOTIFY changed)
    Q_PROPERTY(bool asksAgain READ asksAgain WRITE setAsksAgain NOTIFY changed)
    Q_PROPERTY(QString hostname READ hostname WRITE setHostname NOTIFY hostnameChanged)
    Q_PROPERTY(QString hostnameProblem READ hostnameProblem NOTIFY hostnameChanged)
    Q_PROPERTY(QString kind READ kind WRITE setKind NOTIFY changed)
    Q_PROPERTY(Preon::Ui::Problem encryptedProblem READ encryptedProblem NOTIFY changed)
    Q_PROPERTY(Preon::Ui::Problem ordinaryProblem READ ordinaryProblem NOTIFY changed)
    Q_PROPERTY(QString homeSize READ homeSize NOTIFY changed)
    Q_PROPERTY(QString lock READ lock NOTIFY changed)
    Q_PROPERTY(Preon::Ui::Problem recoveryKeyProblem READ recoveryKeyProblem NOTIFY changed)
    Q_PROPERTY(QVariantList homes READ homes NOTIFY homesChanged)
    Q_PROPERTY(QString returning READ returning WRITE setReturning NOTIFY changed)
    Q_PROPERTY(bool isNew READ isNew WRITE setNew NOTIFY changed)
    Q_PROPERTY(bool opening READ isOpening NOTIFY openingChanged)
    Q_PROPERTY(Preon::Ui::Problem openingProblem READ openingProblem NOTIFY openingChanged)
    Q_PROPERTY(bool layoutDiffers READ layoutDiffers NOTIFY keyboardChanged)
    Q_PROPERTY(bool typesAmericanAtStart READ typesAmericanAtStart NOTIFY keyboardChanged)
    Q_PROPERTY(QString typedOn READ typedOn NOTIFY keyboardChanged)
    Q_PROPERTY(bool planned READ isPlanned NOTIFY planChanged)
    Q_PROPERTY(QJsonObject plan READ plan NOTIFY planChanged)
    Q_PROPERTY(QString homeInPlan READ homeInPlan NOTIFY planChanged)
    Q_PROPERTY(Preon::Ui::Problem answersProblem READ answersProblem NOTIFY changed)
    Q_PROPERTY(bool largeText READ isLargeText WRITE setLargeText NOTIFY largeTextChanged)

public:
    explicit FirstStart(const QDBusConnection &bus, QObject *parent = nullptr);

    Account *account();
    Ui::RecoveryKey *recoveryKey();
    Oem *oem();
    QString system() const override;

    Q_INVOKABLE void refresh();
    bool isKnown() const;
    Ui::Problem problem() const; // why this machine could not be described
    bool isOver() const;

    // Of "language", "keyboard", "time-zone", "hostname", "network", "legal", "home", "account", "files", "password", "recovery-key" those that a person is asked.
    QStringList asked() const;
    bool asksAgain() const; // also what is known
    void setAsksAgain(bool asks);

    QString hostname() const; // suggested until somebody says another one
    void setHostname(const QString &name);
    QString hostnameProblem() const;

    QString kind() const; // "encrypted", "ordinary", "kept" (of a person who returns); empty: neither, or the person has to choose
    void setKind(const QString &kind);
    Ui::Problem encryptedProblem() const;
    Ui::Problem ordinaryProblem() const;
    QString homeSize() const; // "64 GB"
    QString lock() const;
    Ui::Problem recoveryKeyProblem() const;
    // Homes of people who lived here before the system was made anew: { userName, isEncrypted, size (in words; empty: a folder) }.
    QVariantList homes() const;
    QString returning() const; // whose of them was chosen; empty: nobody's
    void setReturning(const QString &userName);
    bool isNew() const; // somebody who wants an account of their own instead
    void setNew(bool isNew);
    // Asks whether that password opens the chosen home. Where it does, the account is its person's, and homeOpened() is said.
    Q_INVOKABLE void openHome(const QString &password);
    bool isOpening() const;
    Ui::Problem openingProblem() const;
    Q_INVOKABLE void forgetOpening(); // the problem, once something else is typed

    bool layoutDiffers(); // what opens the computer is typed, and then on another keyboard than the one chosen here
    bool typesAmericanAtStart() const; // no keyboard was known then
    QString typedOn(); // the keyboard that fields of this window write as; empty: the session's own

    // A new key into recoveryKey(), unless one is there.
    Q_INVOKABLE void makeRecoveryKey();

    Q_INVOKABLE void makePlan();
    bool isPlanned() const;
    QJsonObject plan() const;
    QString homeInPlan() const; // its size in words; empty: it takes what the disk has

    Q_INVOKABLE void begin();
    Q_INVOKABLE void startOver();

    // False, and a problem, where that is no answers file (docs/answers.md).
    bool read(const QString &path);
    Ui::Problem answersProblem() const;
    Q_INVOKABLE void takeOver();

    bool isLargeText() const; // of this program; a window that is there keeps some of its sizes
    void setLargeText(bool large);

Q_SIGNALS:
    void changed();
    void keyboardChanged();
    void largeTextChanged();
    void hostnameChanged();
    void planChanged();
    void homesChanged(); // not with each change of others: a page has cards of them
    void openingChanged();
    void homeOpened();
    void recoveryKeyRefused(const Preon::Ui::Problem &problem);

private:
    void take(const QJsonObject &machine);
    QVariantMap options();
    QString suggestedHostname() const;
    bool asks(const QString &setting) const;
    void followJob();

    QJsonObject m_machine;
    Ui::Problem m_problem, m_answersProblem;
    Answers m_answers;
    Account m_account;
    Ui::RecoveryKey m_recoveryKey;
    Oem m_oem;
    QString m_hostname, m_kind, m_returning;
    QString m_tried; // the password, until the answer comes
    bool m_isNew = false, m_isOpened = false, m_isOpening = false;
    Ui::Problem m_openingProblem;
    qreal m_usualText = 0; // points; 0: it is the usual size
    Ui::Job *m_followed = nullptr;
    bool m_asksAgain = false, m_isMakingKey = false;
    QString m_planId;
    QJsonObject m_plan;
    int m_plansAsked = 0; // only the last answer counts
};

} // namespace Preon::Installer
