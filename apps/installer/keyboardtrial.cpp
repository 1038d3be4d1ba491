// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/keyboardtrial.h"

#include <xkbcommon/xkbcommon.h>

#include <array>

namespace Preon::Installer
{

void KeyboardTrial::Free::operator()(xkb_keymap *keymap) const
{
    xkb_keymap_unref(keymap);
}

void KeyboardTrial::Free::operator()(xkb_state *state) const
{
    xkb_state_unref(state);
}

KeyboardTrial::KeyboardTrial(QObject *parent)
    : QObject(parent)
{
}

KeyboardTrial::~KeyboardTrial() = default;

QString KeyboardTrial::keyboard() const
{
    return m_keyboard;
}

void KeyboardTrial::setKeyboard(const QString &keyboard)
{
    if (keyboard == m_keyboard)
        return;
    m_keyboard = keyboard;
    const QByteArray layout = keyboard.section(u' ', 0, 0).toUtf8(), variant = keyboard.section(u' ', 1).toUtf8();
    const xkb_rule_names names{.rules = "evdev", .model = "pc105", .layout = layout.constData(), .variant = variant.constData(), .options = nullptr};
    if (xkb_context *context = xkb_context_new(XKB_CONTEXT_NO_FLAGS)) {
        m_keymap.reset(xkb_keymap_new_from_names(context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS));
        xkb_context_unref(context);
    }
    reset();
    Q_EMIT keyboardChanged();
}

bool KeyboardTrial::writesLatin(const QString &keyboard)
{
    KeyboardTrial trial;
    trial.setKeyboard(keyboard);
    for (quint32 code = 24; code < 34; ++code) {
        const QString text = trial.pressed(code);
        trial.released(code);
        if (text.size() == 1 && text.front() >= u'a' && text.front() <= u'z')
            return true;
    }
    return false;
}

void KeyboardTrial::reset()
{
    m_state.reset(m_keymap ? xkb_state_new(m_keymap.get()) : nullptr);
}

QString KeyboardTrial::pressed(quint32 code)
{
    if (!m_state)
        return {};
    std::array<char, 64> text{};
    const int length = xkb_state_key_get_utf8(m_state.get(), code, text.data(), text.size());
    xkb_state_update_key(m_state.get(), code, XKB_KEY_DOWN);
    const QString written = QString::fromUtf8(text.data(), length);
    return written.isEmpty() || !written.at(0).isPrint() ? QString() : written;
}

void KeyboardTrial::released(quint32 code)
{
    if (m_state)
        xkb_state_update_key(m_state.get(), code, XKB_KEY_UP);
}

} // namespace Preon::Installer
