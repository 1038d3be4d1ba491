// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/installing.h"

#include "core/base/format.h"

#include <iostream>

#include <unistd.h>

namespace Preon::Ctl
{

Result<void> askForConsent(const std::filesystem::path &target, Install::Mode mode, const std::string &name)
{
    if (::isatty(STDIN_FILENO) != 1) {
        return fail(ErrorCode::BadArgument, name + " was not touched",
                    mode == Install::Mode::Erase ? "there is nobody to ask whether it may be erased" : "there is nobody to ask whether this is right",
                    "Say --yes to go ahead without being asked.");
    }
    const std::string file = target.filename().string();
    const std::string verb(mode == Install::Mode::Beside ? "install" : Install::modeName(mode));
    std::cerr << "\nType \"" << verb << "\" or \"" << file << "\" to go ahead, anything else to leave: " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != verb && answer != file && answer != target)
        return fail(ErrorCode::Cancelled, name + " was not touched");
    return {};
}

void sayWhatCame(const nlohmann::ordered_json &outcome, const std::string &system, bool isFile, Clock::duration took)
{
    for (const auto &note : outcome.value("notes", nlohmann::ordered_json::array()))
        std::cout << note.get<std::string>() << '\n';
    if (const std::string code = outcome.value("code", ""); !code.empty())
        std::cout << "At the next start a blue screen asks you: press any key, choose \"Enroll MOK\", \"Continue\" and \"Yes\", type " << code
                  << ", and choose \"Reboot\".\n";
    std::cout << system << " is installed and was checked: " << formatSize(outcome.value("written", std::uint64_t(0))) << " in "
              << formatDuration(std::chrono::duration_cast<std::chrono::seconds>(took)) << ".\n"
              << (isFile ? "" : "Restart the machine to start from the disk; it completes itself then.\n");
}

void printWithResult(nlohmann::ordered_json plan, nlohmann::ordered_json outcome, Clock::duration took)
{
    plan["result"] = std::move(outcome);
    plan["result"]["seconds"] = std::chrono::duration_cast<std::chrono::seconds>(took).count();
    std::cout << plan.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

} // namespace Preon::Ctl
