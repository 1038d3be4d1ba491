// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A recovery key while it is handed over: shown in groups, printed, saved, and counted only once one of its groups was typed back. The key itself is made and used by
// the helper; here it is never logged and wiped when it has gone.

#include "apps/common/sticks.h"

#include <QImage>
#include <QObject>
#include <QStringList>
#include <QTimer>
#include <qqmlregistration.h>

namespace Preon::Ui
{

class RecoveryKey : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(bool isSet READ isSet NOTIFY changed)
    Q_PROPERTY(QStringList groups READ groups NOTIFY changed)
    Q_PROPERTY(int asked READ asked NOTIFY changed)
    Q_PROPERTY(bool tested READ isTested NOTIFY changed)
    Q_PROPERTY(bool inClipboard READ isInClipboard NOTIFY clipboardChanged)
    Q_PROPERTY(bool canPrint READ canPrint NOTIFY printersChanged)

public:
    explicit RecoveryKey(QObject *parent = nullptr);
    ~RecoveryKey() override;

    void set(const QString &key); // "xxxxxxxx-xxxxxxxx-…"
    Q_INVOKABLE void clear();

    bool isSet() const;
    QString text() const;
    QStringList groups() const;
    int asked() const; // the number of the group to type, from 1; another one each time it is asked for
    bool isTested() const;
    Q_INVOKABLE void ask();
    // Whether that is the group asked for. Spaces around it and capitals are no mistake.
    Q_INVOKABLE bool check(const QString &typed);

    // The QR code that holds the key's text, dark on light, for screens and paper.
    QImage code(int pixels) const;

    // Gone from there after a minute, and when this object goes.
    Q_INVOKABLE void copy();
    bool isInClipboard() const;

    bool canPrint() const; // a printer is there
    Q_INVOKABLE void lookForPrinters();
    // title: what it opens. False: nothing was printed.
    Q_INVOKABLE bool print(const QString &title);
    // Asks where. Returns where it is now, or an empty text; saveFailed() says why where that was nobody's wish.
    Q_INVOKABLE QString save(const QString &title);
    // On a stick, without asking; sticks says how that went.
    Q_INVOKABLE void saveOn(Preon::Ui::Sticks *sticks, const QString &stick, const QString &title);
    // As it stands in the file and on paper.
    QString page(const QString &title) const;

Q_SIGNALS:
    void changed();
    void clipboardChanged();
    void printersChanged();
    void saveFailed(const QString &why);

private:
    void takeBack();

    QString m_key;
    int m_asked = 0;
    bool m_isTested = false, m_isInClipboard = false, m_canPrint = false;
    QTimer m_clipboard;
};

} // namespace Preon::Ui
