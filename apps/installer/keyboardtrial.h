// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A field's way of trying a keyboard out before the session uses it: turns the keys pressed (their scan codes) into what the chosen layout writes, by libxkbcommon,
// whatever layout the session has now. Needs no permission and changes nothing.

#include <QObject>
#include <QString>
#include <qqmlregistration.h>

#include <memory>

struct xkb_keymap;
struct xkb_state;

namespace Preon::Installer
{

class KeyboardTrial : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QString keyboard READ keyboard WRITE setKeyboard NOTIFY keyboardChanged)

public:
    explicit KeyboardTrial(QObject *parent = nullptr);
    ~KeyboardTrial() override;

    QString keyboard() const; // "LAYOUT" or "LAYOUT VARIANT"
    void setKeyboard(const QString &keyboard);

    // Whether its first letters (Q on an American keyboard and its neighbours) write some of a to z.
    static bool writesLatin(const QString &keyboard);

    // The text that a key writes, empty for those that write none. Codes are X's, as QKeyEvent::nativeScanCode() has them.
    Q_INVOKABLE QString pressed(quint32 code);
    Q_INVOKABLE void released(quint32 code);
    // The window lost the keyboard: which keys are down is no longer known.
    Q_INVOKABLE void reset();

Q_SIGNALS:
    void keyboardChanged();

private:
    struct Free {
        void operator()(xkb_keymap *keymap) const;
        void operator()(xkb_state *state) const;
    };
    QString m_keyboard;
    std::unique_ptr<xkb_keymap, Free> m_keymap;
    std::unique_ptr<xkb_state, Free> m_state;
};

} // namespace Preon::Installer
