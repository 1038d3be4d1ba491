// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/updates/watch.h"

#include "apps/common/helper.h"
#include "updates1_proxy.h"

#include <KConfigGroup>
#include <KLocalizedString>
#include <KNotification>

#include <QCoreApplication>
#include <QJsonDocument>
#include <QProcess>
#include <QProcessEnvironment>

namespace Preon::Updates
{

using namespace Qt::StringLiterals;

namespace
{

// One change seldom comes alone.
constexpr std::chrono::seconds settles{2};
constexpr auto group = "Told";

void openWindow(const QString &token)
{
    QProcess window;
    window.setProgram(QCoreApplication::applicationFilePath());
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    if (!token.isEmpty())
        environment.insert(u"XDG_ACTIVATION_TOKEN"_s, token);
    window.setProcessEnvironment(environment);
    window.startDetached();
}

} // namespace

Watch::Watch(const QDBusConnection &bus, std::chrono::milliseconds first, QObject *parent)
    : QObject(parent)
    , m_updates(std::make_unique<OrgPreonUpdates1Interface>(Ui::Helper::service(), Ui::Helper::path(), bus))
    , m_told(u"preon-updatesrc"_s)
{
    m_soon.setSingleShot(true);
    connect(&m_soon, &QTimer::timeout, this, &Watch::look);
    connect(m_updates.get(), &OrgPreonUpdates1Interface::Changed, this, [this] { m_soon.start(settles); });
    m_soon.start(first);
}

Watch::~Watch() = default;

void Watch::look()
{
    Ui::Helper::await(this, m_updates->Describe(), [this](const auto &answer) {
        // A helper that does not answer has nothing to tell; windows say what is wrong with it.
        if (!answer)
            return;
        for (const Notice &notice : noticesOf(QJsonDocument::fromJson(answer->value().toUtf8()).object(), QDateTime::currentDateTime())) {
            if (tell(notice))
                break;
        }
    });
}

bool Watch::tell(const Notice &notice)
{
    KConfigGroup told(&m_told, QLatin1String(group));
    if (told.readEntry(notice.kind) == notice.about)
        return false;
    told.writeEntry(notice.kind, notice.about);
    m_told.sync();
    auto *shown = new KNotification(u"updates"_s, KNotification::CloseOnTimeout);
    shown->setComponentName(u"preon-updates"_s);
    shown->setIconName(u"org.preon.updates"_s);
    shown->setTitle(notice.title);
    // The text of a notification may have markup in it, and what a maker calls a system is none.
    shown->setText(notice.text.toHtmlEscaped());
    shown->setUrgency(notice.kind == "left"_L1 ? KNotification::HighUrgency : KNotification::DefaultUrgency);
    connect(shown->addDefaultAction(i18n("Updates")), &KNotificationAction::activated, shown, [shown] { openWindow(shown->xdgActivationToken()); });
    shown->sendEvent();
    return true;
}

} // namespace Preon::Updates
