// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/answering.h"

#include "apps/common/choices.h"
#include "apps/common/words.h"
#include "apps/installer/disks.h"
#include "apps/installer/machine.h"
#include "apps/installer/way.h"

#include <KLocalizedString>

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QStandardPaths>

#include <utility>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;

namespace
{

OfferedDisk offeredDisk(const QJsonObject &disk)
{
    return {.serial = disk["serial"_L1].toString().toStdString(),
            .model = disk["name"_L1].toString().toStdString(),
            .name = disk["device"_L1].toString().toStdString(),
            .size = std::uint64_t(disk["size"_L1].toDouble())};
}

Ui::Problem problemOf(const AnswersError &error)
{
    return {.code = QString::fromStdString(error.code),
            .what = Ui::translated(QString::fromStdString(error.what)),
            .why = Ui::translated(QString::fromStdString(error.why)),
            .todo = Ui::translated(QString::fromStdString(error.todo))};
}

bool isAnswered(const Ui::Choices &choices, const std::string &answer)
{
    return !answer.empty() && choices.current() == QString::fromStdString(answer);
}

} // namespace

std::expected<Answers, Ui::Problem> readAnswers(const QString &path)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return std::unexpected(Ui::Problem{.code = u"not-found"_s,
                                           .what = i18n("The answers file could not be read"),
                                           .why = i18nc("file: what is wrong with it", "%1: %2", path, file.errorString()),
                                           .todo = i18n("Check where it is, or choose here.")});
    const auto answers = parseAnswers(file.read(longestAnswers + 1).toStdString());
    if (answers)
        return *answers;
    Ui::Problem problem = problemOf(answers.error());
    problem.detail = path;
    return std::unexpected(problem);
}

// A language brings its own keyboard and time zone, so it comes first.
Ui::Problem choosePlaces(const Answers &answers, Ui::Choices &languages, Ui::Choices &keyboards, Ui::Choices &timeZones)
{
    struct Place {
        Ui::Choices &choices;
        QLatin1StringView key;
        const std::string &answer;
    };
    for (const Place &place : {Place{languages, "language"_L1, answers.language}, Place{keyboards, "keyboard"_L1, answers.keyboard},
                               Place{timeZones, "timeZone"_L1, answers.timeZone}}) {
        if (place.answer.empty())
            continue;
        place.choices.setCurrent(QString::fromStdString(place.answer));
        if (!isAnswered(place.choices, place.answer))
            return {.code = u"not-found"_s,
                    .what = i18n("The answers file asks for something that is not known here"),
                    .why = i18nc("key of a file, its value", "“%1” is “%2”", place.key, QString::fromStdString(place.answer)),
                    .todo = i18n("Choose it here, or write another one.")};
    }
    return {};
}

Answering::Answering(const Parts &parts, QObject *parent)
    : QObject(parent)
    , m_parts(parts)
{
    connect(parts.machine, &Machine::changed, this, &Answering::follow);
    connect(parts.disks, &Disks::changed, this, &Answering::follow);
    connect(parts.way, &Way::changed, this, &Answering::follow);
}

bool Answering::read(const QString &path)
{
    const auto answers = readAnswers(path);
    if (answers)
        m_answers = *answers;
    m_problem = answers ? choosePlaces(m_answers, *m_parts.languages, *m_parts.keyboards, *m_parts.timeZones) : answers.error();
    m_isActive = true;
    Q_EMIT changed();
    follow();
    return !m_problem.isSet();
}

void Answering::follow()
{
    if (!m_isActive || m_problem.isSet())
        return;
    const Ui::Problem before = std::exchange(m_unfit, {});
    const bool wasConfirmed = std::exchange(m_isConfirmed, false);
    (void)(checkProtection() && chooseDisk() && chooseMode() && checkConfirmation());
    if (before != m_unfit || wasConfirmed != m_isConfirmed)
        Q_EMIT changed();
}

bool Answering::refuse(const AnswersError &error)
{
    m_unfit = problemOf(error);
    return false;
}

bool Answering::refuse(const QString &what, const QString &why)
{
    m_unfit = {.code = u"unsupported"_s, .what = what, .why = why, .todo = i18n("Choose here, or change the file.")};
    return false;
}

bool Answering::checkProtection()
{
    if (!m_answers.secureBoot.empty())
        m_parts.machine->setPreparing(m_answers.secureBoot == "prepare");
    if (m_answers.protection.empty() || !m_parts.machine->isKnown())
        return true;
    const QString wanted = QString::fromStdString(m_answers.protection);
    m_parts.machine->setProtection(wanted);
    if (m_parts.machine->protection() == wanted)
        return true;
    return refuse(i18n("This computer cannot protect files as the answers file wants it"), m_parts.machine->protections().last().toMap()[u"why"_s].toString());
}

bool Answering::chooseDisk()
{
    if (m_parts.disks->state() != Disks::Listed)
        return false;
    if (!m_answers.disk)
        return !m_parts.disks->chosen().isEmpty();
    const QList<QJsonObject> usable = m_parts.disks->usable();
    std::vector<OfferedDisk> offered;
    for (const QJsonObject &disk : usable)
        offered.push_back(offeredDisk(disk));
    const auto found = findDisk(*m_answers.disk, offered);
    if (!found)
        return refuse(found.error());
    m_parts.disks->choose(usable[qsizetype(*found)]["token"_L1].toString());
    return true;
}

bool Answering::chooseMode()
{
    if (m_answers.mode.empty())
        return true;
    const QString wanted = QString::fromStdString(m_answers.mode);
    for (const QVariant &each : m_parts.way->modes()) {
        const QVariantMap mode = each.toMap();
        if (mode[u"mode"_s].toString() != wanted)
            continue;
        const auto refusal = mode[u"refusal"_s].value<Ui::Problem>();
        if (refusal.isSet())
            return refuse(refusal.what, refusal.why);
        m_parts.way->setMode(wanted);
        return true;
    }
    return refuse(i18n("What the answers file wants of this disk is not possible"),
                  wanted == "reinstall"_L1 ? i18n("There is nothing on it that could be installed anew")
                                           : i18n("There is nothing beside which it could be installed"));
}

bool Answering::checkConfirmation()
{
    if (m_parts.way->state() != Way::Planned)
        return false;
    // A person who has to choose something sees the summary anyway.
    if (m_answers.mode.empty() || !m_answers.disk)
        return true;
    if (confirmation(m_answers.mode, "").empty() || (m_answers.mode == "erase" && m_parts.way->lost().isEmpty())) {
        m_isConfirmed = true;
        return true;
    }
    const auto confirmed = Installer::isConfirmed(m_answers, offeredDisk(m_parts.disks->chosenDisk()));
    if (!confirmed)
        return refuse(confirmed.error());
    m_isConfirmed = *confirmed;
    return true;
}

bool Answering::covers(const QString &page) const
{
    if (!m_isActive || problem().isSet())
        return false;
    if (page == "WelcomePage"_L1)
        return isAnswered(*m_parts.languages, m_answers.language);
    if (page == "KeyboardPage"_L1)
        return isAnswered(*m_parts.keyboards, m_answers.keyboard);
    if (page == "TimeZonePage"_L1)
        return isAnswered(*m_parts.timeZones, m_answers.timeZone);
    if (page == "NetworkPage"_L1)
        return true; // nothing depends on it
    if (page == "DiskPage"_L1)
        return m_answers.disk && !m_parts.disks->chosen().isEmpty();
    if (page == "WayPage"_L1)
        return m_parts.way->mode().toStdString() == m_answers.mode && m_parts.way->state() == Way::Planned;
    // Not said, it is what is best here.
    return page == "ProtectionPage"_L1 && m_parts.machine->isKnown();
}

void Answering::takeOver()
{
    m_isActive = false;
    m_problem = {};
    m_unfit = {};
    Q_EMIT changed();
}

void Answering::begun()
{
    m_hasBegun = m_isActive;
    takeOver();
}

QString Answering::save() const
{
    const QJsonObject chosen = m_parts.disks->chosenDisk();
    const OfferedDisk disk = offeredDisk(chosen);
    Answers answers{.language = m_parts.languages->current().toStdString(),
                    .keyboard = m_parts.keyboards->current().toStdString(),
                    .timeZone = m_parts.timeZones->current().toStdString(),
                    .hostname = m_answers.hostname,
                    .protection = m_parts.machine->protection().toStdString(),
                    .secureBoot = m_parts.machine->isPreparing() ? "prepare" : "",
                    .disk = {},
                    .mode = m_parts.way->mode().toStdString(),
                    .confirm = {},
                    .afterwards = m_answers.afterwards,
                    .realName = m_answers.realName,
                    .userName = m_answers.userName,
                    .account = m_answers.account,
                    .network = m_answers.network,
                    .recoveryKey = m_answers.recoveryKey};
    if (!chosen.isEmpty())
        answers.disk = WantedDisk{.pick = WantedDisk::Pick::Named,
                                  .serial = disk.serial,
                                  .model = disk.model,
                                  .name = disk.serial.empty() && disk.model.empty() ? disk.name : std::string()};
    QString folder = QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation);
    if (!QDir(folder).exists())
        folder = QDir::homePath();
    const QString name = folder + QDateTime::currentDateTime().toString(u"/'preon-answers'-yyyyMMdd-HHmmss'.json'"_s);
    QFile file(name);
    const QByteArray text = QByteArray::fromStdString(writeAnswers(answers));
    if (!file.open(QIODevice::WriteOnly | QIODevice::NewOnly) || file.write(text) != text.size() || !file.flush())
        return {};
    return name;
}

bool Answering::isActive() const
{
    return m_isActive;
}

Ui::Problem Answering::problem() const
{
    return m_problem.isSet() ? m_problem : m_unfit;
}

bool Answering::isConfirmed() const
{
    return m_isActive && m_isConfirmed && !problem().isSet();
}

QString Answering::afterwards() const
{
    return m_hasBegun && m_answers.afterwards != "stay" ? QString::fromStdString(m_answers.afterwards) : QString();
}

QString Answering::hostname() const
{
    return QString::fromStdString(m_answers.hostname);
}

} // namespace Preon::Installer
