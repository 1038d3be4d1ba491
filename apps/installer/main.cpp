// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/program.h"
#include "apps/installer/firststart.h"
#include "apps/installer/installation.h"
#include "apps/installer/oem.h"
#include "apps/installer/places.h"

#include <KLazyLocalizedString>
#include <KLocalizedQmlContext>
#include <KLocalizedString>

#include <QApplication>
#include <QCommandLineParser>
#include <QMouseEvent>
#include <QQmlApplicationEngine>

#include <cstdio>
#include <optional>

using namespace Qt::StringLiterals;

namespace
{

// The whole window speaks the language that is chosen on its first page, at once.
void follow(Preon::Installer::Setup &setup, QQmlApplicationEngine &engine)
{
    const auto use = [&engine](const QString &locale) {
        QLocale::setDefault(QLocale(locale));
        KLocalizedString::setLanguages({locale, locale.section(u'_', 0, 0)});
        QGuiApplication::setLayoutDirection(QLocale(locale).textDirection());
        QEvent change(QEvent::LanguageChange);
        QCoreApplication::sendEvent(qApp, &change);
        engine.retranslate();
    };
    QObject::connect(&setup, &Preon::Installer::Setup::languageChanged, &engine, use);
    // An answers file may have chosen another one already.
    if (const QString now = setup.languages()->current(); now != Preon::Installer::languageOfSession())
        use(now);
}

// Where there is no desktop the pointer would stand in mid-page from the beginning. It shows once there is a hand on it.
class HiddenPointer : public QObject
{
public:
    HiddenPointer()
    {
        QGuiApplication::setOverrideCursor(Qt::BlankCursor);
        qApp->installEventFilter(this);
    }

    bool eventFilter(QObject *watched, QEvent *event) override
    {
        const auto type = event->type();
        if (type == QEvent::MouseMove && !m_from)
            m_from = static_cast<QMouseEvent *>(event)->globalPosition();
        else if (type == QEvent::MouseButtonPress || (type == QEvent::MouseMove && static_cast<QMouseEvent *>(event)->globalPosition() != m_from)) {
            qApp->removeEventFilter(this);
            QGuiApplication::restoreOverrideCursor();
        }
        return QObject::eventFilter(watched, event);
    }

private:
    std::optional<QPointF> m_from; // where it was put
};

int show(QQmlApplicationEngine &engine, Preon::Installer::Setup &setup, const QString &window, const QVariantMap &properties)
{
    KLocalization::setupLocalizedContext(&engine);
    follow(setup, engine);
    engine.setInitialProperties(properties);
    engine.loadFromModule("org.preon.installer", window);
    return engine.rootObjects().isEmpty() ? 1 : QCoreApplication::exec();
}

// A window that is there keeps some of its sizes, so it makes way for another one. That is asked for on its first page, where nothing was typed yet.
void makeAnew(QQmlApplicationEngine &engine, const QString &window)
{
    const QList<QObject *> before = engine.rootObjects();
    engine.loadFromModule("org.preon.installer", window);
    for (QObject *root : before)
        root->deleteLater();
}

} // namespace

int main(int argc, char **argv)
{
    Preon::Ui::prepare();
    QApplication app(argc, argv);
    Preon::Ui::introduce(u"installer"_s, kli18n("Installer"));
    QCommandLineParser parser;
    parser.setApplicationDescription(i18n("Installs the system that this session was started from"));
    parser.addHelpOption();
    parser.addVersionOption();
    const QCommandLineOption sandbox(u"session-bus"_s, i18n("Use the helper on the session bus (preond --sandbox)"));
    const QCommandLineOption kiosk(u"kiosk"_s, i18n("Fill the screen"));
    const QCommandLineOption network(u"network"_s, i18n("Ask for the network also where virtual disks are installed on"));
    const QCommandLineOption answers(u"answers"_s, i18n("Take the choices from an answers file"), i18n("file"));
    const QCommandLineOption firstStart(u"first-start"_s, i18n("Greet the owner of a system that was installed, and make their account"));
    parser.addOptions({sandbox, kiosk, network, answers, firstStart});
    parser.process(app);

    const QDBusConnection bus = parser.isSet(sandbox) ? QDBusConnection::sessionBus() : QDBusConnection::systemBus();
    std::optional<HiddenPointer> hidden;
    if (parser.isSet(kiosk))
        hidden.emplace();
    QVariantMap properties{{u"kiosk"_s, parser.isSet(kiosk)}};
    if (parser.isSet(firstStart)) {
        QGuiApplication::setApplicationDisplayName(i18n("Welcome"));
        Preon::Installer::FirstStart start(bus);
        if (parser.isSet(answers)) {
            if (!start.read(parser.value(answers)))
                std::fputs(qUtf8Printable(start.answersProblem().text()), stderr);
        } else if (const QString maker = Preon::Installer::Oem::answers(); !maker.isEmpty() && !start.read(maker)) {
            // The computer's owner can do nothing about it: they are asked.
            std::fputs(qUtf8Printable(start.answersProblem().text()), stderr);
            start.takeOver();
        }
        properties[u"start"_s] = QVariant::fromValue(&start);
        const QString window = u"FirstStartWindow"_s;
        QQmlApplicationEngine engine;
        QObject::connect(
            &start, &Preon::Installer::FirstStart::largeTextChanged, &engine, [&engine, window] { makeAnew(engine, window); }, Qt::QueuedConnection);
        return show(engine, start, window, properties);
    }
    Preon::Installer::Installation installation(bus);
    if (parser.isSet(answers) && !installation.answering()->read(parser.value(answers)))
        std::fputs(qUtf8Printable(installation.answering()->problem().text()), stderr);
    properties[u"installation"_s] = QVariant::fromValue(&installation);
    properties[u"asksNetwork"_s] = parser.isSet(network);
    QQmlApplicationEngine engine;
    return show(engine, installation, u"Main"_s, properties);
}
