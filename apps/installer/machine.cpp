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
        return {};
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
    const QVariantMap chip
        = choice(u"tpm"_s, i18n("Unlocked by this computer"),
                 i18n("Its security chip (TPM) gives the key to the untouched system only. There is nothing to type."), u"security-high"_s, noChip);
    const QVariantMap pin
        = choice(u"tpm-pin"_s, i18n("Unlocked by this computer and a PIN"),
                 i18n("A PIN as well, chosen at the first start and asked for at each one: a stolen computer stays shut."), u"dialog-password"_s, noChip);
    const QVariantMap passphrase
        = choice(u"passphrase"_s, i18n("A passphrase at each start"),
                 hasChip ? i18n("Without the security chip: the disk can be read in another computer, by whoever knows the passphrase.")
                         : i18n("You choose it when the system starts for the first time. Without it nobody can read the disk, not even you."),
                 u"dialog-password"_s, {});
    // Twice the same reason would be once too often.
    return hasChip ? QVariantList{chip, pin, passphrase} : QVariantList{passphrase, chip};
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

QVariantMap Machine::secureBoot() const
{
    const QString state = m_machine["secureBoot"_L1].toString();
    const auto said = [](const QString &title, const QString &line, const QString &icon) {
        return QVariantMap{{u"title"_s, title}, {u"line"_s, line}, {u"icon"_s, icon}};
    };
    if (state == "on"_L1)
        return said(i18n("Secure Boot is on"), i18n("This computer starts only what is signed."), u"security-high"_s);
    if (state == "setup"_L1)
        return said(i18n("Secure Boot waits for keys"),
                    i18n("%1 enrols its own at the first restart. From then on this computer starts only what they sign.", system()), u"dialog-information"_s);
    if (state == "off"_L1)
        return said(i18n("Secure Boot is off"),
                    i18n("Your files are encrypted all the same. With it, this computer would also refuse to start a system that was altered."),
                    u"dialog-information"_s);
    return {};
}

} // namespace Preon::Installer
