// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/base/progress.h"

// What is told to whoever reads the log.
class Log : public Preon::SilentProgress
{
public:
    void log(std::string_view line) override
    {
        text += std::string(line) + "\n";
    }
    std::string text;
};
