// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/program.h"

#include <KIconTheme>
#include <KLocalizedString>

#include <QGuiApplication>
#include <QIcon>
#include <QQuickStyle>
#include <QQuickWindow>

namespace Preon::Ui
{

using namespace Qt::StringLiterals;

namespace
{

// Pages of text and lists are drawn as soon and as well without a graphics card's driver, which is the largest thing that a window loads (60 MiB, a third of the time
// until it shows). Who sets Qt's variable has its way.
void drawWithoutDriver()
{
    if (qEnvironmentVariableIsEmpty("QT_QUICK_BACKEND"))
        QQuickWindow::setSceneGraphBackend(u"software"_s);
    else if (qEnvironmentVariable("QT_QUICK_BACKEND") != "software"_L1)
        return;
    if (qEnvironmentVariableIsEmpty("QT_XCB_GL_INTEGRATION"))
        qputenv("QT_XCB_GL_INTEGRATION", "none");
}

} // namespace

void prepare()
{
    drawWithoutDriver();
    KIconTheme::initTheme();
}

void introduce(const QString &name, const KLazyLocalizedString &title)
{
    QCoreApplication::setApplicationName(u"preon-"_s + name);
    QCoreApplication::setApplicationVersion(QStringLiteral(PREON_VERSION));
    const QString id = u"org.preon."_s + name;
    QGuiApplication::setDesktopFileName(id);
    KLocalizedString::setApplicationDomain("preon");
    QGuiApplication::setApplicationDisplayName(title.toString());
    QGuiApplication::setWindowIcon(QIcon::fromTheme(id, QIcon(u":/qt/qml/org/preon/%1/%2.svg"_s.arg(name, id))));
    if (qEnvironmentVariableIsEmpty("QT_QUICK_CONTROLS_STYLE"))
        QQuickStyle::setStyle(u"org.kde.desktop"_s);
}

} // namespace Preon::Ui
