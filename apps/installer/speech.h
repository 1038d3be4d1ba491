// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The screen reader (Orca) of a session that has no desktop: switched on and off as a desktop would do it, and spoken in the language that is chosen. Where there is a
// desktop, that is the desktop's business and this is not used. A reader that crashes is begun anew.

#include <QElapsedTimer>
#include <QObject>
#include <QProcess>
#include <QTimer>
#include <qqmlregistration.h>

namespace Preon::Installer
{

class Speech : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(bool available READ isAvailable CONSTANT)
    Q_PROPERTY(bool on READ isOn NOTIFY changed)
    Q_PROPERTY(QString language READ language WRITE setLanguage NOTIFY languageChanged)

public:
    explicit Speech(QObject *parent = nullptr);
    ~Speech() override;

    bool isAvailable() const; // Orca is installed
    bool isOn() const;
    // A locale, "de_DE.UTF-8". A reader that speaks already begins anew in it, once the choice has stood for a moment.
    QString language() const;
    void setLanguage(const QString &locale);

    Q_INVOKABLE void toggle();

Q_SIGNALS:
    void changed();
    void languageChanged();

private:
    void start();
    void end();
    void finished(bool fell); // crashed, or ended with a complaint

    QString m_program, m_language, m_spoken;
    QProcess m_reader;
    QTimer m_settled, m_patience, m_pause;
    QElapsedTimer m_life; // since the reader was begun
    int m_falls = 0;
    bool m_wanted = false, m_isEnding = false;
};

} // namespace Preon::Installer
