// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/secrets.h"

#include "core/base/process.h"
#include "core/boot/bootstate.h"
#include "core/boot/fat.h"
#include "core/boot/liveroot.h"
#include "core/install/firstboot.h"
#include "core/install/homevolume.h"

#include <algorithm>
#include <iostream>
#include <memory>

#include <openssl/crypto.h>
#include <termios.h>
#include <unistd.h>

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
    PREON_TRY(const Disk::Device device, Disk::Device::open(state.disk, Disk::Access::Read));
    PREON_TRY(const Disk::Table table, Disk::readTable(device));
    PREON_TRY(const Bytes rootHash, Boot::bootRootHash(host));
    PREON_CHECK(Boot::writeState(host, state));
    PREON_CHECK(Boot::writeRoles(host, state, table, rootHash));
    progress.log("Boot disk " + state.disk.string() + ", way \"" + std::string(Boot::modeName(state.mode)) + "\": " + state.reason);
    return retrigger(host, state.disk);
}

// From whoever answers systemd's password agents. keyName: under which the kernel keeps it for two and a half minutes, so that what opens the volume next need not ask
// again; empty: not at all.
Result<Secret> askOnConsole(const std::string &question, const std::string &keyName)
{
    std::vector<std::string> command{"systemd-ask-password", "--no-tty", "--timeout=0", "--emoji=no", "-n"};
    if (!keyName.empty())
        command.push_back("--keyname=" + keyName);
    command.push_back(question);
    ProcessOptions options;
    options.timeout = std::chrono::hours(24 * 365);
    PREON_TRY(ProcessOutput answered, runTool(command, options));
    Secret answer = Secret::copyOf(asBytes(answered.output));
    OPENSSL_cleanse(answered.output.data(), answered.output.size());
    return answer;
}

Result<Secret> askForRoot(Install::Asked asked, const std::string &why)
{
    const bool pin = asked == Install::Asked::Pin;
    const std::string word = pin ? "PIN" : "passphrase";
    const std::size_t shortest = pin ? Install::shortestPin : Install::shortestPassphrase;
    std::cerr << why << (why.empty() ? "" : "\n")
              << (pin ? "This computer's security chip unlocks the disk for whoever knows a PIN. It is asked for at each start.\n"
                      : "A passphrase locks this computer's disk. It is asked for at each start; without it nobody, not even you, can read the disk.\n")
              << std::flush;
    const std::string wish = "ew " + word + " for this computer's disk (" + std::to_string(shortest) + " characters or more):";
    std::string question = "N" + wish;
    for (;;) {
        PREON_TRY(Secret first, askOnConsole(question, {}));
        if (first.size() < shortest) {
            question = "That was too short. N" + wish;
            continue;
        }
        PREON_TRY(const Secret second, askOnConsole("The same " + word + " once more:", pin ? "luks2-pin" : "cryptsetup"));
        if (std::ranges::equal(first.bytes(), second.bytes()))
            return first;
        question = "The two were not the same. N" + wish;
    }
}

// Runs without privileges (preon-choices.service): nobody vouches for a byte of the EFI partition, so nothing that could open a volume parses it.
Result<void> choices(const Host &host)
{
    PREON_TRY(const Disk::Device esp, Disk::Device::open(host.dev / "disk/by-preon/esp", Disk::Access::Read));
    const auto found = Boot::Fat(esp, 0).read(Install::choicesPath, Install::largestChoices);
    if (!found && found.error().code != ErrorCode::NotFound)
        return std::unexpected(found.error());
    if (found)
        std::cout << found->text() << std::flush;
    return {};
}

Result<void> complete(const Host &host)
{
    JournalProgress progress;
    PREON_TRY(const bool changed, Install::completeRoot(host, sysusr, askForRoot, progress));
    if (!changed)
        return {};
    PREON_TRY(const Boot::State state, Boot::readState(host));
    return retrigger(host, state.disk);
}

Result<void> keys(const Host &host)
{
    JournalProgress progress;
    PREON_TRY(const bool changed, Install::completeVolumes(host, sysusr, sysroot, progress));
    if (!changed)
        return {};
    PREON_TRY(const Boot::State state, Boot::readState(host));
    return retrigger(host, state.disk);
}

// One process, which waits until the console has it all: when the leader of a terminal's session ends, the kernel throws away what is still on its way.
Result<void> stopped(const Host &)
{
    const auto text = readTextFile("/usr/lib/preon/stopped.txt");
    std::cout << text.value_or("This system could not be started.\n");
    // What our own units said, oldest first; systemd's "dependency failed" of everything behind them explains nothing.
    std::vector<std::string> command{"journalctl", "--boot", "--lines=24", "--output=cat", "--no-pager", "--priority=info"};
    for (const char *unit : {"preon-boot-disk", "preon-live-root", "preon-setup", "preon-keys", "preon-home", "systemd-repart", "systemd-veritysetup@usr",
                             "systemd-cryptsetup@root", "sysusr-usr.mount", "sysroot.mount"})
        command.push_back("--unit=" + std::string(unit));
    const auto said = runTool(command);
    std::cout << (said ? said->output : said.error().text()) << '\n' << std::flush;
    ::tcdrain(STDOUT_FILENO);
    return {};
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
    add("choices", "Print what was chosen at the installation, as the EFI partition has it", choices);
    add("complete", "Make what is missing on the boot disk, up to the root", complete);
    add("keys", "Make swap and home, with keys that lie on the root", keys);
    add("home", "Open the home volume with the key that lies on the root", home);
    add("stopped", "Say on the console why the start was stopped", stopped);
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
