// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/errors.h"

#include "core/base/errorjson.h"

#include <cctype>

namespace Preon::Helper
{

sdbus::Error toDBus(const Error &error)
{
    std::string name = "org.preon.Error.";
    bool capital = true;
    for (const char c : errorName(error.code)) {
        if (c != '-')
            name += capital ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
        capital = c == '-';
    }
    return {sdbus::Error::Name(name), toJson(error).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)};
}

} // namespace Preon::Helper
