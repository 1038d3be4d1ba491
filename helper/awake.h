// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Keeps the computer from going to sleep or being switched off by its lid or by somebody's click while a disk is worked on: one of logind's locks (org.freedesktop.login1,
// "Inhibit"). Where there is no logind nothing is kept. A person who insists can still switch off: every step of the work allows for that.

#include "core/base/fd.h"

#include <sdbus-c++/sdbus-c++.h>

#include <memory>

namespace Preon::Helper
{

class Awake
{
public:
    explicit Awake(sdbus::IConnection &connection);

    enum class Wish {
        Nothing,
        NotByItself, // it does not fall asleep because nobody touches it; whoever shuts its lid or switches it off has their way
        All,
    };
    // Asked for once, however often it is said; the lock comes a little later, and goes with a word or with this object.
    void keep(Wish wish);

private:
    void take();
    std::unique_ptr<sdbus::IProxy> m_logind;
    Wish m_wanted = Wish::Nothing;
    sdbus::UnixFd m_lock;
};

} // namespace Preon::Helper
