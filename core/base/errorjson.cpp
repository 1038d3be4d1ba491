// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/errorjson.h"

#include <algorithm>
#include <array>

namespace Preon
{

namespace
{
constexpr std::array allCodes{ErrorCode::BadArgument, ErrorCode::BadFormat,      ErrorCode::Busy,      ErrorCode::Cancelled,
                              ErrorCode::Changed,     ErrorCode::Corrupt,        ErrorCode::Exists,    ErrorCode::Insecure,
                              ErrorCode::Io,          ErrorCode::NoSpace,        ErrorCode::NotFound,  ErrorCode::NoTpm,
                              ErrorCode::Permission,  ErrorCode::PolicyMismatch, ErrorCode::Stale,     ErrorCode::Timeout,
                              ErrorCode::TpmLockout,  ErrorCode::ToolFailed,     ErrorCode::Untrusted, ErrorCode::Unsupported};
}

nlohmann::ordered_json toJson(const Error &error)
{
    return {{"code", errorName(error.code)}, {"what", error.what}, {"why", error.why}, {"todo", error.todo}};
}

Error errorFromJson(const nlohmann::ordered_json &json)
{
    const auto text = [&json](const char *key) {
        const auto field = json.find(key);
        return field != json.end() && field->is_string() ? field->get<std::string>() : std::string();
    };
    const auto code = std::ranges::find(allCodes, text("code"), errorName);
    return {code == allCodes.end() ? ErrorCode::Io : *code, text("what"), text("why"), text("todo")};
}

} // namespace Preon
