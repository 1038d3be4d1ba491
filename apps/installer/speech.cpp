// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/speech.h"

#include <QProcessEnvironment>
#include <QStandardPaths>

#include <chrono>
#include <utility>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace
{
constexpr auto longLife = 20s;
constexpr int mostFalls = 3; // one after the other, none of which came after a long life
} // namespace

Speech::Speech(QObject *parent)
    : QObject(parent)
    , m_program(QStandardPaths::findExecutable(u"orca"_s))
{
    m_reader.setProcessChannelMode(QProcess::ForwardedChannels);
    connect(&m_reader, &QProcess::finished, this, [this](int code, QProcess::ExitStatus status) { finished(status == QProcess::CrashExit || code != 0); });
    connect(&m_reader, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            finished(false);
    });
    m_pause.setSingleShot(true);
    m_pause.setInterval(500ms);
    connect(&m_pause, &QTimer::timeout, this, [this] {
        if (m_wanted && m_reader.state() == QProcess::NotRunning)
            start();
    });
    // Whoever moves through the list of languages does not want each of them to begin speaking, but to hear its name.
    m_settled.setSingleShot(true);
    m_settled.setInterval(5s);
    connect(&m_settled, &QTimer::timeout, this, [this] {
        if (m_wanted && m_language != m_spoken)
            end();
    });
    m_patience.setSingleShot(true);
    m_patience.setInterval(5s);
    connect(&m_patience, &QTimer::timeout, &m_reader, &QProcess::kill);
}

Speech::~Speech()
{
    m_reader.disconnect(this);
    m_reader.terminate();
    if (!m_reader.waitForFinished(1000))
        m_reader.kill();
}

bool Speech::isAvailable() const
{
    return !m_program.isEmpty();
}

bool Speech::isOn() const
{
    return m_wanted;
}

QString Speech::language() const
{
    return m_language;
}

void Speech::setLanguage(const QString &locale)
{
    if (locale == m_language)
        return;
    m_language = locale;
    m_settled.start();
    Q_EMIT languageChanged();
}

void Speech::toggle()
{
    if (!isAvailable())
        return;
    m_wanted = !m_wanted;
    if (!m_wanted && m_reader.state() == QProcess::NotRunning)
        m_pause.stop();
    else if (!m_wanted)
        end();
    else if (m_reader.state() == QProcess::NotRunning && !m_pause.isActive())
        start();
    // else the one that is just ending is followed by another.
    Q_EMIT changed();
}

void Speech::start()
{
    auto environment = QProcessEnvironment::systemEnvironment();
    if (!m_language.isEmpty()) {
        // Of each language only the locale in UTF-8 is there.
        const QString locale = m_language.section(u'.', 0, 0);
        environment.insert(u"LANG"_s, locale + u".UTF-8"_s);
        environment.insert(u"LANGUAGE"_s, locale);
        environment.remove(u"LC_ALL"_s);
    }
    m_spoken = m_language;
    m_life.start();
    m_reader.setProcessEnvironment(environment);
    m_reader.start(m_program, {u"--replace"_s});
}

void Speech::end()
{
    m_isEnding = true;
    m_reader.terminate();
    m_patience.start();
}

void Speech::finished(bool fell)
{
    m_patience.stop();
    // Ended for another language, or switched on again while it was ending.
    if (std::exchange(m_isEnding, false) && m_wanted) {
        m_falls = 0;
        start();
        return;
    }
    // Who cannot see the screen would be alone with it. But one that falls as soon as it stands is let be, and the switch says that it is off.
    m_falls = m_life.isValid() && m_life.hasExpired(std::chrono::milliseconds(longLife).count()) ? 1 : m_falls + 1;
    if (fell && m_wanted && m_falls < mostFalls) {
        m_pause.start();
        return;
    }
    m_falls = 0;
    if (std::exchange(m_wanted, false))
        Q_EMIT changed();
}

} // namespace Preon::Installer
