// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/machine.h"

#include "apps/common/helper.h"
#include "apps/common/words.h"
#include "installer1_proxy.h"

#include <KLocalizedString>

#include <QJsonDocument>

#include <utility>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;

namespace
{

// What the helper says about the TPM is exact and for whoever mends it; these are the cases that a person can do something about.
QString chipProblem(const QString &reason)
{
    if (reason.contains("it is switched off"_L1))
        return i18n("This computer has no security chip (TPM), or it is switched off. In the firmware’s settings it is often called “Security Device”, “PTT” "
                    "or “fTPM”.");
    if (reason.contains("refuses all tries"_L1))
        return i18n("Its security chip (TPM) is locked for a while, because of too many wrong tries. Leave this computer switched on and check again in an "
                    "hour or two.");
    if (reason.contains("does not tell it what was started"_L1))
        return i18n("This computer’s firmware does not tell its security chip (TPM) what was started, so it could not know the untouched system. Newer "
                    "firmware may help.");
    return Ui::translated(reason);
}

} // namespace

Machine::Machine(Ui::Helper *helper, QObject *parent)
    : QObject(parent)
    , m_helper(helper)
{
    connect(helper, &Ui::Helper::anewed, this, &Machine::refresh);
    refresh();
}

void Machine::refresh()
{
    Ui::Helper::await(this, m_helper->installer().DescribeMachine(), [this](const auto &answer) {
        if (answer)
            m_machine = QJsonDocument::fromJson(answer->value().toUtf8()).object();
        m_problem = answer ? Ui::Problem() : answer.error();
        Q_EMIT changed();
        Q_EMIT protectionChanged();
        Q_EMIT preparingChanged();
    });
}

bool Machine::isKnown() const
{
    return !m_machine.isEmpty();
}

QString Machine::system() const
{
    const QString name = m_machine["system"_L1]["name"_L1].toString();
    return name.isEmpty() ? i18n("the system") : name;
}

QString Machine::version() const
{
    return m_machine["system"_L1]["version"_L1].toString();
}

Ui::Problem Machine::refusal() const
{
    if (m_problem.isSet())
        return m_problem;
    if (m_machine["firmware"_L1].toString() != "bios"_L1)
        return Ui::Problem::fromJson(m_machine["startProblem"_L1]);
    return {.code = u"unsupported"_s,
            .what = i18n("This computer was started in the old way (BIOS)"),
            .why = i18n("%1 is started by UEFI, which nearly every computer since 2012 has. Started in the old way, its protection would not work.", system()),
            .todo = i18n("Restart and open the firmware’s settings (often with F2, F10, Del or Esc). Switch “CSM” or “Legacy boot” off, or choose the entry of "
                         "your stick that begins with “UEFI”.")};
}

QVariantList Machine::protections() const
{
    const QString noChip = chipProblem(m_machine["tpm"_L1].toString());
    const bool hasChip = noChip.isEmpty();
    const auto choice = [](const QString &id, const QString &title, const QString &line, const QString &icon, const QString &why) {
        return QVariantMap{{u"id"_s, id}, {u"title"_s, title}, {u"line"_s, line}, {u"icon"_s, icon}, {u"why"_s, why}};
    };
    const bool isWeak = startsOthers();
    const QVariantMap chip
        = choice(u"tpm"_s, i18n("Unlocked by this computer"),
                 isWeak ? i18n("Its security chip (TPM) gives the key. Nothing is typed, but whoever has the whole computer could get at your files.")
                        : i18n("Its security chip (TPM) gives the key to the untouched system only. There is nothing to type."),
                 isWeak ? u"security-medium"_s : u"security-high"_s, noChip);
    const QVariantMap pin = choice(u"tpm-pin"_s, i18n("Unlocked by this computer and a PIN"),
                                   isWeak ? i18n("Best here: this computer starts other systems too, which could get the key from the security chip (TPM) "
                                                 "alone. The PIN is chosen at the first "
                                                 "start, and asked for at each.")
                                          : i18n("A PIN as well, chosen at the first start and asked for at each one: a stolen computer stays shut."),
                                   isWeak ? u"security-high"_s : u"dialog-password"_s, noChip);
    const QVariantMap passphrase
        = choice(u"passphrase"_s, i18n("A passphrase at each start"),
                 hasChip ? i18n("Without the security chip: the disk can be read in another computer, by whoever knows the passphrase.")
                         : i18n("You choose it when the system starts for the first time. Without it nobody can read the disk, not even you."),
                 u"dialog-password"_s, {});
    // Twice the same reason would be once too often.
    if (!hasChip)
        return {passphrase, chip};
    return isWeak ? QVariantList{pin, chip, passphrase} : QVariantList{chip, pin, passphrase};
}

QString Machine::protection() const
{
    const QVariantList all = protections();
    for (const QVariant &each : all) {
        const QVariantMap choice = each.toMap();
        if (choice[u"id"_s].toString() == m_protection && choice[u"why"_s].toString().isEmpty())
            return m_protection;
    }
    return all.first().toMap()[u"id"_s].toString();
}

QString Machine::protectionTitle() const
{
    const QString chosen = protection();
    for (const QVariant &each : protections()) {
        if (each.toMap()[u"id"_s].toString() == chosen)
            return each.toMap()[u"title"_s].toString();
    }
    return {};
}

void Machine::setProtection(const QString &id)
{
    if (std::exchange(m_protection, id) != id)
        Q_EMIT protectionChanged();
}

// Somebody who has this computer can start a system of their own on it, and a TPM alone would give that the key (docs/boot.md, "What a TPM alone does not do"). In setup mode too:
// our keys are enrolled by themselves in virtual machines, and that at the start of the stick; elsewhere somebody has to choose it.
bool Machine::startsOthers() const
{
    const QJsonValue start = m_machine["start"_L1];
    return m_machine["firmware"_L1].toString() == "uefi"_L1
        && (!isSecureBootOn() || start["loader"_L1].toString() == "shim"_L1 || start["trustsOthers"_L1].toBool());
}

bool Machine::isSecureBootOn() const
{
    return m_machine["secureBoot"_L1].toString() == "on"_L1;
}

QVariantMap Machine::secureBoot() const
{
    const QString state = m_machine["secureBoot"_L1].toString();
    const QJsonValue start = m_machine["start"_L1];
    const bool byShim = start["loader"_L1].toString() == "shim"_L1;
    const auto said = [](const QString &title, const QString &line, const QString &icon = u"dialog-information"_s) {
        return QVariantMap{{u"title"_s, title}, {u"line"_s, line}, {u"icon"_s, icon}};
    };
    if (isSecureBootOn() && byShim)
        return said(i18n("Secure Boot is on, with Microsoft’s keys"),
                    start["asks"_L1].toBool()
                        ? i18n("This computer starts what Microsoft vouches for. At the next restart a blue screen asks whether it may start %1.", system())
                        : i18n("This computer starts what Microsoft vouches for, and %1, which its owner has allowed.", system()),
                    u"security-medium"_s);
    if (isSecureBootOn() && startsOthers())
        return said(i18n("Secure Boot is on"), i18n("This computer starts %1, and other systems that its keys vouch for.", system()), u"security-medium"_s);
    if (isSecureBootOn())
        return said(i18n("Secure Boot is on"), i18n("This computer starts only what %1’s keys vouch for.", system()), u"security-high"_s);
    if (state == "setup"_L1)
        return said(i18n("Secure Boot waits for keys"),
                    i18n("Until it has some, this computer starts anything. It takes %1’s when you choose “Enroll Secure Boot keys: auto” in the menu in which "
                         "the stick starts.",
                         system()));
    const QString encrypted = i18n("Your files are encrypted all the same. With it, this computer would also refuse to start a system that was altered.");
    if (state == "off"_L1)
        return said(i18n("Secure Boot is off"),
                    byShim && !couldPrepare() ? i18n("It can be switched on in the firmware’s settings: %1 is allowed there already.", system()) : encrypted);
    return m_machine["firmware"_L1].toString() == "uefi"_L1 ? said(i18n("This computer has no Secure Boot"), encrypted) : QVariantMap();
}

bool Machine::couldPrepare() const
{
    return m_machine["secureBoot"_L1].toString() == "off"_L1 && m_machine["start"_L1]["couldAsk"_L1].toBool();
}

bool Machine::isPreparing() const
{
    return m_isPreparing && couldPrepare();
}

void Machine::setPreparing(bool preparing)
{
    if (std::exchange(m_isPreparing, preparing) != preparing)
        Q_EMIT preparingChanged();
}

} // namespace Preon::Installer
