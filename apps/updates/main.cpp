// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/program.h"
#include "apps/updates/centre.h"
#include "apps/updates/elsewhere.h"
#include "apps/updates/watch.h"

#include <KLocalizedQmlContext>
#include <KLocalizedString>

#include <QApplication>
#include <QCommandLineParser>
#include <QLocale>
#include <QQmlApplicationEngine>

using namespace Qt::StringLiterals;

namespace
{

// Hours and dates stand in the middle of sentences. Where a session has its words in one language (LANGUAGE) and all else in another (LANG), they are written as the words are;
// who chose how times are written (LC_TIME) has their way.
void writeDatesAsWords()
{
    const QLocale words(KLocalizedString::languages().value(0, u"en"_s));
    const bool isChosen = !qEnvironmentVariableIsEmpty("LC_TIME") || !qEnvironmentVariableIsEmpty("LC_ALL");
    if (!isChosen && words.language() != QLocale(qEnvironmentVariable("LANG")).language())
        QLocale::setDefault(words);
}

} // namespace

int main(int argc, char **argv)
{
    Preon::Ui::prepare();
    QApplication app(argc, argv);
    Preon::Ui::introduce(u"updates"_s, kli18n("Updates"));

    writeDatesAsWords();

    QCommandLineParser parser;
    parser.setApplicationDescription(i18n("Shows what is new for the system of this computer, and updates it"));
    parser.addHelpOption();
    parser.addVersionOption();
    const QCommandLineOption sandbox(u"session-bus"_s, i18n("Use the helper on the session bus (preond --sandbox)"));
    parser.addOption(sandbox);
    const QCommandLineOption watching(u"watch"_s, i18n("Show no window, but a notification when there is something to say"));
    parser.addOption(watching);
    parser.process(app);

    const QDBusConnection bus = parser.isSet(sandbox) ? QDBusConnection::sessionBus() : QDBusConnection::systemBus();
    if (parser.isSet(watching)) {
        // One in a session is enough, and where there is no session there is nobody to tell.
        if (!QDBusConnection::sessionBus().registerService(u"org.preon.updates.watch"_s))
            return 0;
        QApplication::setQuitOnLastWindowClosed(false);
        const Preon::Updates::Watch watch(bus, parser.isSet(sandbox) ? std::chrono::seconds(0) : std::chrono::minutes(1));
        return QCoreApplication::exec();
    }
    Preon::Updates::Centre centre(bus, QDBusConnection::systemBus());
    Preon::Updates::Elsewhere elsewhere;
    QQmlApplicationEngine engine;
    KLocalization::setupLocalizedContext(&engine);
    engine.setInitialProperties({{u"centre"_s, QVariant::fromValue(&centre)}, {u"elsewhere"_s, QVariant::fromValue(&elsewhere)}});
    engine.loadFromModule("org.preon.updates", "Main");
    return engine.rootObjects().isEmpty() ? 1 : QCoreApplication::exec();
}
