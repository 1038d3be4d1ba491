// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/firststart.h"

#include "apps/common/wipe.h"
#include "apps/common/words.h"
#include "apps/installer/answering.h"
#include "apps/installer/keyboardtrial.h"
#include "firststart1_proxy.h"

#include <KLocalizedString>

#include <QApplication>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>

#include <utility>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;

namespace
{

// What this computer looks like, by its firmware (SMBIOS, "System Enclosure or Chassis").
QString kindOfComputer()
{
    QFile file(u"/sys/class/dmi/id/chassis_type"_s);
    const int type = file.open(QIODevice::ReadOnly) ? file.readAll().trimmed().toInt() : 0;
    switch (type) {
    case 8:
    case 9:
    case 10:
    case 14:
    case 31:
    case 32:
        return u"laptop"_s;
    case 30:
        return u"tablet"_s;
    default:
        return u"pc"_s;
    }
}

} // namespace

FirstStart::FirstStart(const QDBusConnection &bus, QObject *parent)
    : Setup(bus, u"first-start"_s, parent)
{
    m_oem.read(languages()->current());
    m_oem.colour();
    connect(this, &Setup::languageChanged, &m_oem, &Oem::read);
    connect(&m_oem, &Oem::changed, this, &FirstStart::changed);
    connect(keyboards(), &Ui::Choices::currentChanged, this, &FirstStart::keyboardChanged);
    connect(this, &FirstStart::changed, this, &FirstStart::keyboardChanged);
    connect(&m_account, &Account::nameChanged, this, &FirstStart::hostnameChanged);
    connect(this, &Setup::jobChanged, this, &FirstStart::followJob);
    connect(helper(), &Ui::Helper::anewed, this, [this] {
        m_planId.clear();
        Q_EMIT planChanged();
        refresh();
    });
    refresh();
}

void FirstStart::refresh()
{
    Ui::Helper::await(this, helper()->firstStart().Describe(), [this](const auto &answer) {
        m_problem = answer ? Ui::Problem() : answer.error();
        if (answer)
            take(QJsonDocument::fromJson(answer->value().toUtf8()).object());
        Q_EMIT changed();
        Q_EMIT hostnameChanged();
        Q_EMIT systemChanged();
    });
}

// What is known is spoken and written from the first page on.
void FirstStart::take(const QJsonObject &machine)
{
    const bool isFirst = m_machine.isEmpty();
    const QVariantList before = homes();
    m_machine = machine;
    if (homes() != before)
        Q_EMIT homesChanged();
    if (!isFirst)
        return;
    const QJsonValue known = machine["known"_L1];
    const auto choose = [](Ui::Choices *choices, const QString &value) {
        if (!value.isEmpty())
            choices->setCurrent(value);
    };
    if (m_answers.language.empty())
        choose(languages(), known["language"_L1].toString().section(u'.', 0, 0));
    if (m_answers.keyboard.empty())
        choose(keyboards(), known["keyboard"_L1].toString());
    if (m_answers.timeZone.empty())
        choose(timeZones(), known["time-zone"_L1].toString());
}

bool FirstStart::isKnown() const
{
    return !m_machine.isEmpty();
}

Ui::Problem FirstStart::problem() const
{
    return m_problem;
}

bool FirstStart::isOver() const
{
    return m_machine["over"_L1].toBool();
}

QString FirstStart::system() const
{
    const QString name = m_machine["system"_L1]["name"_L1].toString();
    return name.isEmpty() ? i18n("the system") : name;
}

bool FirstStart::asks(const QString &setting) const
{
    if (m_asksAgain)
        return true;
    const bool isAnswered = (setting == "language"_L1 && !m_answers.language.empty()) || (setting == "keyboard"_L1 && !m_answers.keyboard.empty())
        || (setting == "time-zone"_L1 && !m_answers.timeZone.empty()) || (setting == "hostname"_L1 && !m_answers.hostname.empty());
    return !isAnswered && m_machine["known"_L1][setting].toString().isEmpty();
}

QStringList FirstStart::asked() const
{
    QStringList list;
    for (const QString &setting : {u"language"_s, u"keyboard"_s, u"time-zone"_s, u"hostname"_s}) {
        if (asks(setting))
            list.append(setting);
    }
    if (!m_machine["network"_L1].toBool() && m_answers.network != "skip")
        list.append(u"network"_s);
    if (!m_oem.legal().isEmpty())
        list.append(u"legal"_s);
    if (!homes().isEmpty())
        list.append(u"home"_s);
    // Who returns has a name, a place for files and a password.
    if (m_returning.isEmpty()) {
        if (m_answers.realName.empty() || m_answers.userName.empty() || m_asksAgain)
            list.append(u"account"_s);
        if (encryptedProblem().isSet() && m_answers.account != "ordinary")
            list.append(u"files"_s);
        list.append(u"password"_s);
    }
    if (!m_machine["hasRecoveryKey"_L1].toBool() && !recoveryKeyProblem().isSet() && m_answers.recoveryKey != "skip")
        list.append(u"recovery-key"_s);
    return list;
}

bool FirstStart::asksAgain() const
{
    return m_asksAgain;
}

void FirstStart::setAsksAgain(bool asks)
{
    if (std::exchange(m_asksAgain, asks) != asks)
        Q_EMIT changed();
}

QString FirstStart::suggestedHostname() const
{
    const QString known = m_machine["known"_L1]["hostname"_L1].toString();
    if (!known.isEmpty())
        return known;
    static const QRegularExpression others(u"[^a-z0-9]+"_s);
    QString owner = m_account.userName().isEmpty() ? system().toLower() : m_account.userName();
    owner.replace(others, u"-"_s);
    while (owner.startsWith(u'-'))
        owner.removeFirst();
    while (owner.endsWith(u'-'))
        owner.chop(1);
    return owner.isEmpty() ? kindOfComputer() : owner + u'-' + kindOfComputer();
}

QString FirstStart::hostname() const
{
    return m_hostname.isNull() ? suggestedHostname() : m_hostname;
}

void FirstStart::setHostname(const QString &name)
{
    if (name == hostname())
        return;
    m_hostname = name.isNull() ? u""_s : name;
    Q_EMIT hostnameChanged();
}

QString FirstStart::hostnameProblem() const
{
    if (hostname().isEmpty())
        return i18n("Give it a name.");
    return isHostname(hostname().toStdString()) ? QString() : i18n("Only letters from a to z, digits and hyphens, at most 64, and no hyphen at either end.");
}

QVariantList FirstStart::homes() const
{
    QVariantList list;
    // Without systemd-homed nobody opens them.
    if (m_machine["accounts"_L1]["kept"_L1].isObject())
        return list;
    const QJsonArray all = m_machine["homes"_L1].toArray();
    for (const QJsonValue &home : all) {
        const double bytes = home["size"_L1].toDouble();
        list.append(QVariantMap{{u"userName"_s, home["userName"_L1].toString()},
                                {u"isEncrypted"_s, home["storage"_L1].toString() == "luks"_L1},
                                {u"size"_s, bytes > 0 ? Ui::sizeInWords(std::uint64_t(bytes)) : QString()}});
    }
    return list;
}

QString FirstStart::returning() const
{
    return m_returning;
}

// Whoever is somebody else now is asked anew; what a person without a home here typed stays.
void FirstStart::setReturning(const QString &userName)
{
    if (m_returning == userName && !(m_isNew && !userName.isEmpty()))
        return;
    if (std::exchange(m_isOpened, false)) {
        m_account.wipe();
        m_account.setUserName({});
        m_account.setRealName({});
    }
    m_returning = userName;
    m_isNew = m_isNew && userName.isEmpty();
    forgetOpening();
    Q_EMIT changed();
}

bool FirstStart::isNew() const
{
    return m_isNew;
}

void FirstStart::setNew(bool isNew)
{
    if (isNew)
        setReturning({});
    if (std::exchange(m_isNew, isNew) != isNew)
        Q_EMIT changed();
}

void FirstStart::openHome(const QString &password)
{
    if (m_returning.isEmpty() || std::exchange(m_isOpening, true))
        return;
    m_openingProblem = {};
    m_tried = password;
    Q_EMIT openingChanged();
    Ui::Helper::await(this, helper()->firstStart().OpenHome(m_returning, m_tried), [this, name = m_returning](const auto &answer) {
        m_isOpening = false;
        const bool isStillMeant = name == m_returning, opens = answer && isStillMeant;
        if (opens) {
            const QJsonObject home = QJsonDocument::fromJson(answer->value().toUtf8()).object();
            m_account.setRealName(home["realName"_L1].toString());
            m_account.setUserName(name);
            m_account.setPassword(m_tried);
            m_isOpened = true;
        } else if (isStillMeant) {
            m_openingProblem = answer.error();
        }
        Ui::wipe(m_tried);
        Q_EMIT openingChanged();
        if (opens)
            Q_EMIT homeOpened();
    });
}

bool FirstStart::isOpening() const
{
    return m_isOpening;
}

Ui::Problem FirstStart::openingProblem() const
{
    return m_openingProblem;
}

void FirstStart::forgetOpening()
{
    if (!m_openingProblem.isSet())
        return;
    m_openingProblem = {};
    Q_EMIT openingChanged();
}

QString FirstStart::kind() const
{
    if (!m_returning.isEmpty())
        return u"kept"_s;
    if (!encryptedProblem().isSet())
        return m_answers.account == "ordinary" && !ordinaryProblem().isSet() ? u"ordinary"_s : u"encrypted"_s;
    // That files are not encrypted somebody has to want.
    return (m_kind == "ordinary"_L1 || m_answers.account == "ordinary") && !ordinaryProblem().isSet() ? u"ordinary"_s : QString();
}

void FirstStart::setKind(const QString &kind)
{
    if (std::exchange(m_kind, kind) != kind)
        Q_EMIT changed();
}

Ui::Problem FirstStart::encryptedProblem() const
{
    return Ui::Problem::fromJson(m_machine["accounts"_L1]["encrypted"_L1]);
}

Ui::Problem FirstStart::ordinaryProblem() const
{
    return Ui::Problem::fromJson(m_machine["accounts"_L1]["ordinary"_L1]);
}

QString FirstStart::homeSize() const
{
    const double bytes = m_machine["room"_L1]["suggested"_L1].toDouble();
    return bytes > 0 ? Ui::sizeInWords(std::uint64_t(bytes)) : QString();
}

QString FirstStart::lock() const
{
    return m_machine["lock"_L1].toString();
}

Ui::Problem FirstStart::recoveryKeyProblem() const
{
    return Ui::Problem::fromJson(m_machine["recoveryKey"_L1]);
}

// The prompt at the start has the keyboard that was known then, and an American one where none was.
bool FirstStart::layoutDiffers()
{
    const QString typed = typedOn();
    return (lock() == "passphrase"_L1 || lock() == "tpm-pin"_L1) && !typed.isEmpty() && !(typed == "us"_L1 && typesAmericanAtStart());
}

bool FirstStart::typesAmericanAtStart() const
{
    return m_machine["known"_L1]["keyboard"_L1].toString().isEmpty();
}

// The session has the keyboard that was known when it began. Where another one was chosen since, fields write as that; but who could not type a Latin letter on it needs the
// session's for that.
QString FirstStart::typedOn()
{
    const QString chosen = keyboards()->current();
    return chosen == m_machine["known"_L1]["keyboard"_L1].toString() || !KeyboardTrial::writesLatin(chosen) ? QString() : chosen;
}

void FirstStart::makeRecoveryKey()
{
    if (m_recoveryKey.isSet() || std::exchange(m_isMakingKey, true))
        return;
    Ui::Helper::await(this, helper()->firstStart().MakeRecoveryKey(), [this](const auto &answer) {
        m_isMakingKey = false;
        if (answer)
            m_recoveryKey.set(answer->value());
        else
            Q_EMIT recoveryKeyRefused(answer.error());
    });
}

QVariantMap FirstStart::options()
{
    // Left out: stays as it is.
    QVariantMap options{
        {u"user-name"_s, m_returning.isEmpty() ? m_account.userName() : m_returning}, {u"account"_s, kind()}, {u"recovery-key"_s, m_recoveryKey.isTested()}};
    if (m_returning.isEmpty())
        options[u"real-name"_s] = m_account.realName().simplified();
    // What was known is not always among what can be chosen here.
    const auto add = [&](const QString &key, const QString &value, const std::string &answer) {
        if (!value.isEmpty() && (asks(key) || !answer.empty()))
            options[key] = value;
    };
    add(u"language"_s, languages()->current() + u".UTF-8"_s, m_answers.language);
    add(u"keyboard"_s, keyboards()->current(), m_answers.keyboard);
    add(u"time-zone"_s, timeZones()->current(), m_answers.timeZone);
    add(u"hostname"_s, hostname(), m_answers.hostname);
    return options;
}

void FirstStart::makePlan()
{
    const int asked = ++m_plansAsked;
    m_planId.clear();
    Q_EMIT planChanged();
    Ui::Helper::await(this, helper()->firstStart().Plan(options()), [this, asked](const auto &answer) {
        if (asked != m_plansAsked)
            return;
        if (!answer) {
            Q_EMIT refused(answer.error());
            return;
        }
        m_planId = answer->template argumentAt<0>();
        m_plan = QJsonDocument::fromJson(answer->template argumentAt<1>().toUtf8()).object();
        Q_EMIT planChanged();
    });
}

bool FirstStart::isPlanned() const
{
    return !m_planId.isEmpty();
}

QJsonObject FirstStart::plan() const
{
    return m_plan;
}

QString FirstStart::homeInPlan() const
{
    const double bytes = m_plan["account"_L1]["size"_L1].toDouble();
    return bytes > 0 ? Ui::sizeInWords(std::uint64_t(bytes)) : QString();
}

void FirstStart::begin()
{
    if (job() || isBeginning() || m_planId.isEmpty())
        return;
    const QString id = std::exchange(m_planId, {});
    Setup::begin(helper()->firstStart().Apply(id, m_account.password(), m_recoveryKey.isTested() ? m_recoveryKey.text() : QString(),
                                              m_returning.isEmpty() ? m_account.pictureData() : QByteArray()),
                 [] { });
}

void FirstStart::startOver()
{
    if (!job())
        return;
    letGo();
    refresh();
    Q_EMIT jobChanged();
}

// Secrets are needed until the work has ended well.
void FirstStart::followJob()
{
    if (std::exchange(m_followed, job()) == job() || !job())
        return;
    const auto look = [this, job = job()] {
        if (job != this->job() || job->state() != Ui::Job::Done)
            return;
        m_account.wipe();
        m_recoveryKey.clear();
    };
    connect(job(), &Ui::Job::stateChanged, this, look);
    look();
}

bool FirstStart::read(const QString &path)
{
    const auto answers = readAnswers(path);
    if (answers)
        m_answers = *answers;
    m_answersProblem = answers ? choosePlaces(m_answers, *languages(), *keyboards(), *timeZones()) : answers.error();
    if (m_answersProblem.isSet()) {
        m_answers = {};
        Q_EMIT changed();
        return false;
    }
    m_account.setRealName(QString::fromStdString(m_answers.realName));
    if (!m_answers.userName.empty())
        m_account.setUserName(QString::fromStdString(m_answers.userName));
    if (!m_answers.hostname.empty())
        setHostname(QString::fromStdString(m_answers.hostname));
    Q_EMIT changed();
    return true;
}

Ui::Problem FirstStart::answersProblem() const
{
    return m_answersProblem;
}

void FirstStart::takeOver()
{
    m_answersProblem = {};
    Q_EMIT changed();
}

bool FirstStart::isLargeText() const
{
    return m_usualText > 0;
}

void FirstStart::setLargeText(bool large)
{
    if (large == isLargeText())
        return;
    QFont font = QGuiApplication::font();
    const qreal usual = std::exchange(m_usualText, large ? font.pointSizeF() : 0);
    font.setPointSizeF(large ? font.pointSizeF() * 1.5 : usual);
    QApplication::setFont(font);
    Q_EMIT largeTextChanged();
}

Account *FirstStart::account()
{
    return &m_account;
}

Ui::RecoveryKey *FirstStart::recoveryKey()
{
    return &m_recoveryKey;
}

Oem *FirstStart::oem()
{
    return &m_oem;
}

} // namespace Preon::Installer
