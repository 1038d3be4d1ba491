// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/console.h"

#include "core/base/process.h"

#include <algorithm>
#include <chrono>

namespace Preon::Install
{

static Result<void> loadKeymap(const Host &host, std::string_view name)
{
    constexpr std::size_t longest = 130; // a layout, a dash and a variant
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    const std::string what = "The console's keyboard stays as it is";
    if (name.empty() || name.size() > longest || name.front() == '-' || !std::ranges::all_of(name, fits))
        return fail(ErrorCode::BadArgument, what, "that is no name of a keymap");
    const std::filesystem::path file = host.path("/usr/share/keymaps/xkb") / (std::string(name) + ".map");
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error))
        return fail(ErrorCode::NotFound, what, "there is no keymap \"" + std::string(name) + "\" in this system");
    ProcessOptions options;
    options.timeout = std::chrono::seconds(20);
    if (const auto loaded = runTool({"loadkeys", "--quiet", "--unicode", file.string()}, options); !loaded)
        return std::unexpected(loaded.error().during(what));
    return {};
}

void useKeymap(const Host &host, std::string_view name, Progress &progress)
{
    const auto loaded = loadKeymap(host, name);
    progress.log(loaded ? "The keyboard of the console is " + std::string(name) + "." : loaded.error().text());
}

} // namespace Preon::Install
