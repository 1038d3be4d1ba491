// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/host.h"

#include "core/base/fd.h"
#include "core/base/format.h"

#include <string_view>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace Preon
{

namespace
{
Result<Uuid> readId(const std::filesystem::path &path)
{
    PREON_TRY(const std::string text, readTextFile(path));
    const auto id = Uuid::parse(trimmed(text));
    if (!id)
        return fail(ErrorCode::NotFound, path.string() + " holds no ID");
    return *id;
}
}

std::filesystem::path Host::path(const std::filesystem::path &absolute) const
{
    return root / absolute.relative_path();
}

Result<std::filesystem::path> Host::resolved(const std::filesystem::path &absolute) const
{
    PREON_TRY(const Fd folder, openFile(root, O_PATH | O_DIRECTORY));
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    const Fd fd(static_cast<int>(syscall(SYS_openat2, folder.get(), absolute.c_str(), &how, sizeof how)));
    if (!fd.isOpen())
        return failErrno(path(absolute).string() + " could not be opened");
    std::error_code error;
    std::filesystem::path found = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd.get()), error);
    if (error)
        return failErrno(error.value(), path(absolute).string() + " could not be resolved");
    return found;
}

Result<Uuid> Host::bootId() const
{
    return readId(proc / "sys/kernel/random/boot_id");
}

Result<Uuid> Host::machineId() const
{
    PREON_TRY(const std::filesystem::path file, resolved("/etc/machine-id"));
    return readId(file);
}

Result<std::string> Host::kernelCommandLine() const
{
    PREON_TRY(const std::string text, readTextFile(proc / "cmdline"));
    return std::string(trimmed(text));
}

Result<std::optional<std::string>> Host::kernelOption(std::string_view key) const
{
    PREON_TRY(const std::string line, kernelCommandLine());
    std::optional<std::string> value;
    std::string word;
    bool quoted = false;
    const auto finish = [&] {
        const std::string_view view = word;
        if (view == key)
            value = "";
        else if (view.starts_with(key) && view.size() > key.size() && view[key.size()] == '=')
            value = view.substr(key.size() + 1);
        word.clear();
    };
    for (const char c : line) {
        if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == ' ' || c == '\t' || c == '\n'))
            finish();
        else
            word += c;
    }
    finish();
    return value;
}

} // namespace Preon
