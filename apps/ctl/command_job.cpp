// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/helperclient.h"
#include "apps/ctl/passwordagent.h"
#include "apps/ctl/progress.h"

#include "core/base/format.h"

#include <format>
#include <iostream>
#include <memory>

namespace Preon::Ctl
{

namespace
{

struct JobOptions {
    std::string id;
    bool json = false;
};

std::string idOf(const std::string &path)
{
    return path.substr(path.rfind('/') + 1);
}

// The one that was named; without a name the newest that goes on.
Result<std::string> find(HelperClient &helper, const std::string &id, bool running)
{
    PREON_TRY(const std::vector<std::string> all, helper.jobs());
    for (const std::string &path : all) {
        if (!id.empty() && idOf(path) == id)
            return path;
        PREON_TRY(const HelperClient::Job job, helper.job(path));
        if (id.empty() && (!running || job.state == "running"))
            return path;
    }
    return fail(ErrorCode::NotFound, id.empty() ? "No work goes on" : "There is no work called " + id, {}, "See \"preonctl job list\".");
}

Result<void> list(const JobOptions &options)
{
    PREON_TRY(HelperClient helper, HelperClient::open());
    PREON_TRY(const std::vector<std::string> all, helper.jobs());
    nlohmann::ordered_json array = nlohmann::ordered_json::array();
    for (const std::string &path : all) {
        PREON_TRY(const HelperClient::Job job, helper.job(path));
        array.push_back({{"id", idOf(path)},
                         {"kind", job.kind},
                         {"target", job.target},
                         {"state", job.state},
                         {"phase", job.phase},
                         {"done", job.done},
                         {"total", job.total},
                         {"began", job.began}});
        if (!options.json)
            std::cout << std::format("{}  {:<11}  {} {}{}\n", idOf(path), job.state, job.kind, job.target,
                                     job.state == "running" ? ": " + progressLine(job.phase, job.done, job.total, {}) : "");
    }
    if (options.json)
        std::cout << array.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    else if (all.empty())
        std::cout << "No work goes on, and none ended that anybody has yet to see.\n";
    return {};
}

Result<void> watch(const JobOptions &options)
{
    PREON_TRY(HelperClient helper, HelperClient::open());
    PREON_TRY(const std::string path, find(helper, options.id, true));
    auto result = [&] {
        TerminalProgress progress(TerminalProgress::OnSignal::End);
        return helper.follow(path, progress);
    }();
    if (!result)
        return std::unexpected(result.error());
    std::cout << result->dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    return {};
}

Result<void> act(const JobOptions &options, bool running, Result<void> (HelperClient::*what)(const std::string &))
{
    PREON_TRY(HelperClient helper, HelperClient::open());
    const PasswordAgent agent;
    PREON_TRY(const std::string path, find(helper, options.id, running));
    return (helper.*what)(path);
}

} // namespace

void addJob(CLI::App &app, Invocation &invocation)
{
    auto *job = app.add_subcommand("job", "Long work of Preon's helper: see, watch, stop");
    job->require_subcommand(1);
    job->footer("Work outlives the window or the terminal that began it.\n\n"
                "  preonctl job list\n"
                "  preonctl job watch          the newest that goes on, until it ends; Ctrl-C stops watching, not the work\n"
                "  preonctl job stop ID        at its next safe point\n"
                "  preonctl job forget ID      lets go of what has ended");
    const auto add = [&](const char *name, const char *what, bool named, std::function<Result<void>(const JobOptions &)> run) {
        auto *command = job->add_subcommand(name, what);
        auto options = std::make_shared<JobOptions>();
        if (named)
            command->add_option("ID", options->id, "As in the list; otherwise the newest");
        else
            command->add_flag("--json", options->json, "Print a list of objects");
        command->callback([options, run, &invocation] {
            invocation.json = options->json;
            invocation.finish(run(*options));
        });
    };
    add("list", "What goes on, and what has ended and was not let go of", false, list);
    add("watch", "Show how far it is, until it has ended; then its result", true, watch);
    add("stop", "Stop it at its next safe point", true, [](const JobOptions &options) { return act(options, true, &HelperClient::stop); });
    add("forget", "Let go of ended work", true, [](const JobOptions &options) { return act(options, false, &HelperClient::forget); });
}

} // namespace Preon::Ctl
