// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/firststart.h"

#include "core/base/process.h"

#include <algorithm>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace Preon::Home
{

namespace
{

Result<void> writeNote(const Host &host, const nlohmann::ordered_json &note)
{
    const std::filesystem::path path = host.path(firstStartNote);
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
        return failErrno(error.value(), path.parent_path().string() + " could not be made");
    return replaceFile(path, asBytes(note.dump() + '\n'), 0600);
}

// Each file takes the place of the old one as a whole.
Result<void> moveInto(const std::filesystem::path &from, const std::filesystem::path &etc)
{
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator each(from, error), end; !error && each != end; each.increment(error)) {
        const std::filesystem::path to = etc / each->path().lexically_relative(from);
        if (each->is_directory() && !each->is_symlink()) {
            std::filesystem::create_directories(to, error);
            continue;
        }
        if (::rename(each->path().c_str(), to.c_str()) < 0)
            return failErrno(to.string() + " could not be written");
        PREON_CHECK(flushFolder(to.parent_path()));
    }
    if (error)
        return failErrno(error.value(), etc.string() + " could not be written");
    return {};
}

// Of passwd(5).
bool hasUser(const Host &host, const std::string &name)
{
    const std::string text = '\n' + readTextFile(host.path("/etc/passwd")).value_or(std::string());
    return text.contains('\n' + name + ':');
}

} // namespace

Result<Fd> lockFirstStart(const Host &host)
{
    const std::filesystem::path path = host.run / "preon/first-start.lock";
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
        return failErrno(error.value(), path.parent_path().string() + " could not be made");
    PREON_TRY(Fd lock, openFile(path, O_RDWR | O_CREAT, 0600));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) < 0)
        return fail(ErrorCode::Busy, "The first account is being made already");
    return lock;
}

Result<void> applySettings(const FirstStartPlan &plan, const Host &host, Progress &progress)
{
    if (plan.settings.isEmpty())
        return {};
    const std::filesystem::path etc = host.path("/etc"), scratch = etc / ".preon-first-start";
    std::error_code error;
    std::filesystem::remove_all(scratch, error);
    if (!error)
        std::filesystem::create_directories(scratch, error);
    if (error)
        return failErrno(error.value(), scratch.string() + " could not be made");
    auto done = Install::writeSettings(plan.settings, host.root, scratch, progress);
    if (done && std::filesystem::exists(scratch / "etc", error))
        done = moveInto(scratch / "etc", etc);
    std::filesystem::remove_all(scratch, error);
    return done;
}

Result<void> noteBegun(const FirstStartPlan &plan, const Host &host, Progress &progress)
{
    for (const std::string &path : plan.leftovers) {
        std::error_code error;
        progress.log("Removing " + path + ", which an earlier start did not make to its end.");
        std::filesystem::remove(host.path(path), error);
        if (error)
            return failErrno(error.value(), path + " could not be removed");
    }
    // Some file systems give the room back only then.
    if (const auto home = openFile(host.path("/home"), O_RDONLY | O_DIRECTORY); home && !plan.leftovers.empty())
        static_cast<void>(::syncfs(home->get()));
    return writeNote(host, {{"state", "begun"}, {"account", plan.userName}, {"kind", accountKindName(plan.kind)}});
}

Result<void> makeOrdinaryAccount(const FirstStartPlan &plan, const Secret &passwordHash, const Host &host, const Progress &progress)
{
    const std::filesystem::path home = host.path(plan.home);
    ProcessOptions options;
    options.progress = &progress;
    std::error_code error;
    std::filesystem::create_directories(home.parent_path(), error);
    if (error)
        return failErrno(error.value(), home.parent_path().string() + " could not be made");
    // Where root is another folder the files there are meant, not this machine's.
    const auto command = [&](std::vector<std::string> words) {
        if (host.root != "/")
            words.insert(words.begin() + 1, {"--prefix", host.root.string()});
        return words;
    };
    if (!hasUser(host, plan.userName)) {
        std::vector<std::string> words{"useradd", "--create-home", "--home-dir", plan.home, "--comment", plan.realName, "--shell", "/bin/bash", "--user-group"};
        if (!plan.groups.empty()) {
            std::string groups;
            for (const std::string &group : plan.groups)
                groups += (groups.empty() ? "" : ",") + group;
            words.insert(words.end(), {"--groups", groups});
        }
        words.insert(words.end(), {"--", plan.userName});
        PREON_CHECK(runTool(command(std::move(words)), options));
    }
    const std::string begin = plan.userName + ':';
    options.input.assign(asBytes(begin).begin(), asBytes(begin).end());
    options.input.insert(options.input.end(), passwordHash.bytes().begin(), passwordHash.bytes().end());
    options.input.push_back(std::byte{'\n'});
    const auto set = runTool(command({"chpasswd", "--encrypted"}), options);
    std::ranges::fill(options.input, std::byte{0});
    PREON_CHECK(set);
    ::sync();
    return {};
}

Result<void> noteDone(const Host &host)
{
    return writeNote(host, {{"state", "done"}});
}

} // namespace Preon::Home
