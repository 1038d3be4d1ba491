// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

#include "core/base/version.h"

#include <iostream>
#include <memory>
#include <string>

namespace Preon::Ctl
{

namespace
{
std::string shown(const std::string &version)
{
    return version.empty() ? "''" : version;
}
}

void addVersion(CLI::App &app, Invocation &invocation)
{
    struct Options {
        std::string a, b;
        std::string oper;
        bool json = false;
    };
    auto *version = app.add_subcommand("version", "Compare version strings")->require_subcommand(1);
    auto *compare = version->add_subcommand("compare", "Say which of two versions is newer");
    compare->footer("Order follows the UAPI Group's version format specification: 1.2 < 1.10, 1.0~rc1 < 1.0, 1.0 < 1.0-1 < 1.0^git < 1.0.1.\n"
                    "Without an operator the exit status is 0 when both are equal, 11 when the first is newer, 12 when the second is.\n"
                    "With one (<, <=, ==, !=, >=, > or lt, le, eq, ne, ge, gt) it is 0 when the statement holds and 1 when it does not.\n\n"
                    "  preonctl version compare 1.2 1.10\n  preonctl version compare 1.2 lt 1.10 && echo older");
    auto options = std::make_shared<Options>();
    compare->add_option("A", options->a, "A version")->required();
    compare->add_option("OP_OR_B", options->oper, "An operator, or the other version")->required();
    compare->add_option("B", options->b, "The other version, after an operator");
    compare->add_flag("--json", options->json, "Print an object");
    compare->callback([options, &invocation, compare] {
        const bool withOperator = compare->count("B") > 0;
        const std::string &other = withOperator ? options->b : options->oper;
        const int order = compareVersions(options->a, other);
        if (options->json)
            std::cout << "{\"order\":" << (order > 0) - (order < 0) << "}\n";
        if (!withOperator) {
            if (!options->json)
                std::cout << shown(options->a) << (order < 0 ? " < " : order > 0 ? " > " : " == ") << shown(other) << '\n';
            invocation.status = order == 0 ? 0 : order > 0 ? 11 : 12;
            return;
        }
        const std::string &name = options->oper;
        bool holds = false;
        if (name == "<" || name == "lt")
            holds = order < 0;
        else if (name == "<=" || name == "le")
            holds = order <= 0;
        else if (name == "==" || name == "eq")
            holds = order == 0;
        else if (name == "!=" || name == "ne")
            holds = order != 0;
        else if (name == ">=" || name == "ge")
            holds = order >= 0;
        else if (name == ">" || name == "gt")
            holds = order > 0;
        else {
            invocation.finish(fail(ErrorCode::BadArgument, "\"" + name + "\" is no operator", {}, "Use one of < <= == != >= > or lt le eq ne ge gt."));
            return;
        }
        invocation.status = holds ? 0 : 1;
    });
}

} // namespace Preon::Ctl
