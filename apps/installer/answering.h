// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What an answers file (answers.h) does to the window: it chooses what a person would choose, as soon as that can be chosen, and says where it does not fit this
// computer. It never does more than a person could, and stops for good once a person takes over.

#include "apps/common/problem.h"
#include "apps/installer/answers.h"

#include <QObject>
#include <qqmlregistration.h>

namespace Preon::Ui
{
class Choices;
}

namespace Preon::Installer
{

class Disks;
class Machine;
class Way;

// The file, or what is wrong with it in words for a person.
std::expected<Answers, Ui::Problem> readAnswers(const QString &path);

// Chooses what the answers say of language, keyboard and time zone; a problem where one of them is not known here.
Ui::Problem choosePlaces(const Answers &answers, Ui::Choices &languages, Ui::Choices &keyboards, Ui::Choices &timeZones);

class Answering : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(bool active READ isActive NOTIFY changed)
    Q_PROPERTY(Preon::Ui::Problem problem READ problem NOTIFY changed)
    Q_PROPERTY(bool confirmed READ isConfirmed NOTIFY changed)
    Q_PROPERTY(QString afterwards READ afterwards NOTIFY changed)

public:
    // What there is to choose in.
    struct Parts {
        Ui::Choices *languages, *keyboards, *timeZones;
        Machine *machine;
        Disks *disks;
        Way *way;
    };
    explicit Answering(const Parts &parts, QObject *parent = nullptr);

    // False, and a problem, where that is no answers file.
    bool read(const QString &path);

    bool isActive() const; // there are answers, and nobody took over
    Ui::Problem problem() const;
    bool isConfirmed() const; // what is taken from the disk, if anything, may be taken
    QString afterwards() const; // "restart", "poweroff"; empty: stay. Only of what the answers began themselves.
    QString hostname() const; // empty: not said

    // Whether that page's question is answered, and the answer taken.
    Q_INVOKABLE bool covers(const QString &page) const;
    Q_INVOKABLE void takeOver();
    Q_INVOKABLE void begun();
    // Writes what is chosen now to a new file in the person's documents; returns where, or an empty text if that could not be done. Nothing in it allows to erase.
    Q_INVOKABLE QString save() const;

Q_SIGNALS:
    void changed();

private:
    void follow();
    bool chooseDisk();
    bool chooseMode();
    bool checkProtection();
    bool checkConfirmation();
    bool refuse(const AnswersError &error);
    bool refuse(const QString &what, const QString &why);

    const Parts m_parts;
    Answers m_answers;
    Ui::Problem m_problem, m_unfit; // of the file itself; of it here and now
    bool m_isActive = false, m_hasBegun = false, m_isConfirmed = false;
};

} // namespace Preon::Installer
