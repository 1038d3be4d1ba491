// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

#include "core/boot/efivars.h"
#include "core/boot/secureboot.h"
#include "core/install/source.h"

#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

namespace Preon::Ctl
{

namespace
{

// shim asks once: whoever missed it is asked again only when somebody leaves the request anew.
Result<std::string> askOwner(const Host &host)
{
    if (!Boot::hasEfiVariables(host))
        return fail(ErrorCode::Unsupported, "This machine's owner cannot be asked", "it was not started by UEFI");
    PREON_TRY(const Install::Source source, Install::openSource(host, "booted"));
    const Boot::BootFile *kernel = source.find(source.facts.installedKernelPath, Boot::Start::Own);
    const auto signers = kernel ? Boot::signersOf(kernel->content.bytes()) : std::vector<Sign::Certificate>();
    if (signers.empty())
        return fail(ErrorCode::Untrusted, "The kernel of the running system is not signed");
    const Boot::SecureBoot machine = Boot::readSecureBoot(host);
    if (Boot::isVouchedFor(signers, machine.trusted) || Boot::isVouchedFor(signers, machine.allowed))
        return fail(ErrorCode::Exists, "There is nothing to ask", "this machine's keys, or its owner, allow the kernel's key already");
    return Boot::requestPermission(host, signers.front());
}

} // namespace

void addBootOwner(CLI::App &boot, Invocation &invocation)
{
    auto *command = boot.add_subcommand("ask-owner", "Let the next start ask whether Secure Boot may start this system");
    command->footer("For computers with Microsoft's keys, on which the system starts by way of shim. The next start shows a blue screen for ten seconds; "
                    "whoever types the\n"
                    "code there allows the key that the kernel is signed with. It asks once: without an answer the request is gone.\n\n"
                    "  preonctl boot ask-owner && systemctl reboot");
    auto json = std::make_shared<bool>(false);
    command->add_flag("--json", *json, "Print an object with the code");
    command->callback([json, &invocation] {
        invocation.json = *json;
        const auto code = askOwner(invocation.host);
        if (!code)
            return invocation.finish(std::unexpected(code.error()));
        if (*json)
            std::cout << nlohmann::ordered_json{{"code", *code}}.dump(2) << '\n';
        else
            std::cout << "At the next start a blue screen asks you: press any key within ten seconds, choose \"Enroll MOK\", \"Continue\" and \"Yes\", type "
                      << *code << ", and choose \"Reboot\".\n";
    });
}

} // namespace Preon::Ctl
