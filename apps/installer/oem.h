// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What the maker of a computer adds to its welcome (docs/handbook/first-start.md, "For makers of computers"): name, logo, an accent colour, where to get help, and terms that
// its owner has to accept. Read from preon/oem in the system's data folders; nothing of it is run, and what cannot be read is left out.

#include <QColor>
#include <QObject>
#include <QTemporaryFile>
#include <QUrl>
#include <qqmlregistration.h>

namespace Preon::Installer
{

class Oem : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(QString name READ name NOTIFY changed)
    Q_PROPERTY(QUrl logo READ logo NOTIFY changed)
    Q_PROPERTY(QUrl support READ support NOTIFY changed)
    Q_PROPERTY(QString legal READ legal NOTIFY changed)
    Q_PROPERTY(bool accepted READ isAccepted WRITE setAccepted NOTIFY acceptedChanged)

public:
    explicit Oem(QObject *parent = nullptr);

    // The answers file that lies beside oem.conf; empty: there is none.
    static QString answers();

    // In the language that is spoken, where the maker wrote it in that.
    void read(const QString &locale);

    QString name() const;
    QUrl logo() const; // of a file that is there; empty: none
    QUrl support() const; // http(s), mailto or tel only
    QString legal() const; // plain text; empty: nothing is to be accepted
    QColor accent() const;

    bool isAccepted() const; // the terms
    void setAccepted(bool accepted);

    // Lets all that takes its colours from KDE's scheme use that accent. Before the first window.
    void colour();

Q_SIGNALS:
    void changed();
    void acceptedChanged();

private:
    QString m_name, m_legal;
    QUrl m_logo, m_support;
    QColor m_accent;
    bool m_isAccepted = false;
    QTemporaryFile m_scheme;
};

} // namespace Preon::Installer
