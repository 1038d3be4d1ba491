// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/secrets.h"

#include "core/base/process.h"
#include "core/boot/bootstate.h"
#include "core/boot/liveroot.h"
#include "core/install/firstboot.h"
#include "core/install/homevolume.h"

#include <iostream>
#include <memory>

namespace Preon::Ctl
{

namespace
{
constexpr std::chrono::seconds patience{90};
const std::filesystem::path sysusr = "/sysusr", sysroot = "/sysroot";

// The initrd's units put what we write here into the journal and on the console.
class JournalProgress : public SilentProgress
{
public:
    void phase(std::string_view name, std::uint64_t) override
    {
        log(name);
    }
    void log(std::string_view line) override
    {
        std::cerr << line << '\n' << std::flush;
    }
};

// udev made its links before it could know; now it shall look again.
Result<void> retrigger(const Host &host, const std::filesystem::path &disk)
{
    std::vector<std::string> command{"udevadm", "trigger", "--settle", "--action=change", "--subsystem-match=block"};
    const std::string name = disk.filename().string();
    command.push_back("--name-match=" + disk.string());
    std::error_code error;
    for (std::filesystem::directory_iterator entries(host.sysfs / "class/block" / name, error), end; !error && entries != end; entries.increment(error)) {
        if (entries->path().filename().string().starts_with(name))
            command.push_back("--name-match=" + (host.dev / entries->path().filename()).string());
    }
    ProcessOptions options;
    options.timeout = std::chrono::seconds(60);
    if (auto triggered = runTool(command, options); !triggered)
        return std::unexpected(triggered.error());
    return {};
}

Result<void> findDisk(const Host &host)
{
    JournalProgress progress;
    PREON_TRY(const Boot::State state, Boot::waitForBootDisk(host, patience, progress));
    PREON_CHECK(Boot::writeState(host, state));
    progress.log("Boot disk " + state.disk.string() + ", way \"" + std::string(Boot::modeName(state.mode)) + "\": " + state.reason);
    return retrigger(host, state.disk);
}

Result<void> complete(const Host &host)
{
    JournalProgress progress;
    PREON_CHECK(Install::completeRoot(host, sysusr, progress));
    PREON_TRY(const Boot::State state, Boot::readState(host));
    return retrigger(host, state.disk);
}

Result<void> keys(const Host &host)
{
    JournalProgress progress;
    PREON_CHECK(Install::completeVolumes(host, sysusr, sysroot, progress));
    PREON_TRY(const Boot::State state, Boot::readState(host));
    return retrigger(host, state.disk);
}

Result<void> home(const Host &host)
{
    JournalProgress progress;
    const std::filesystem::path partition = host.dev / "disk/by-preon/home";
    PREON_TRY(const Secret key, readKeyFile(sysroot / Install::keyFolder / Install::homeKey));
    const auto volume = Install::unlockHome(partition, key);
    if (!volume)
        return std::unexpected(volume.error().during("The home volume stays shut; nothing on it was changed"));
    return Install::openHome(partition, *volume, progress);
}
}

void addBootInitrd(CLI::App &boot, Invocation &invocation)
{
    const std::string group = "Used by the initrd";
    const auto add = [&](const char *name, const char *description, Result<void> (*step)(const Host &)) {
        boot.add_subcommand(name, description)->group(group)->callback([&invocation, step] { invocation.finish(step(invocation.host)); });
    };
    add("disk", "Find the disk that this system was started from and decide how to go on", findDisk);
    add("live-root", "Make a root file system in memory", [](const Host &host) -> Result<void> {
        JournalProgress progress;
        return Boot::makeLiveRoot(host, progress);
    });
    add("complete", "Make what is missing on the boot disk, up to the root", complete);
    add("keys", "Make swap and home, with keys that lie on the root", keys);
    add("home", "Open the home volume with the key that lies on the root", home);
    add("setup", "As complete, for a medium that is set up at a person's request", complete);

    auto device = std::make_shared<std::string>();
    auto *udev = boot.add_subcommand("udev", "Tell udev what a block device is to this system")->group(group);
    udev->add_option("DEVNODE", *device, "The device")->required();
    udev->callback([device, &invocation] {
        const auto lines = Boot::udevProperties(invocation.host, *device);
        if (lines)
            std::cout << *lines;
        else
            invocation.finish(std::unexpected(lines.error()));
    });
}

} // namespace Preon::Ctl
