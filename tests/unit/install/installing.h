// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What tests of installing share: a small image, a machine that was started from it, and somebody who meddles.

#include "tests/unit/image/smallimage.h"

#include "core/boot/efivars.h"
#include "core/install/apply.h"

#include <atomic>
#include <functional>

namespace Preon::Install
{

// Does something at the start of a phase, as a power cut, a failing disk or an impatient person would.
class Meddler : public SilentProgress
{
public:
    void phase(std::string_view name, std::uint64_t) override
    {
        phases.emplace_back(name);
        if (name == when && act)
            act();
    }
    void advance(std::uint64_t bytes) override
    {
        advanced += bytes;
    }
    bool isCancelled() const override
    {
        return cancelled;
    }
    std::string when;
    std::function<void()> act;
    std::vector<std::string> phases;
    std::atomic<std::uint64_t> advanced = 0;
    std::atomic<bool> cancelled = false;
};

class Installing : public SmallImageTest
{
protected:
    static constexpr std::uint64_t targetSize = 100 * mebibyte;

    Installing()
    {
        m_host.root = m_folder / "root";
        m_host.efivars = m_folder / "efivars";
        m_host.proc = m_folder / "proc";
        m_host.dev = m_folder / "dev";
        m_host.run = m_folder / "run";
        std::filesystem::create_directories(m_host.efivars);
    }

    std::filesystem::path makeTarget(std::uint64_t size = targetSize)
    {
        const auto path = m_folder / "target.raw";
        EXPECT_TRUE(Disk::Device::create(path, size));
        return path;
    }

    // A machine that was started from the image, as the initrd leaves it.
    void bootFrom(const std::filesystem::path &image)
    {
        std::filesystem::create_directories(m_host.dev / "disk/by-preon");
        std::filesystem::create_symlink(image, m_host.dev / "disk/by-preon/disk");
        ASSERT_TRUE(Boot::writeVariable(m_host, "LoaderDevicePartUUID", Boot::loaderVendor(), Boot::toUtf16(espUuid)));
        write("proc/cmdline", "quiet usrhash=" + m_rootHash + " root=/dev/mapper/root\n");
        write("root/usr/lib/systemd/boot/efi/systemd-bootx64.efi", "the loader of the running system");
        write("root/usr/lib/preon/install.repart.d/00-esp.conf", "[Partition]\nType=esp\nFormat=vfat\nLabel=ESP\nSizeMinBytes=40M\nSizeMaxBytes=40M\n");
        write("root/usr/lib/preon/install.repart.d/10-usr.conf", "[Partition]\nType=usr\nCopyBlocks=auto\n");
        write("root/usr/lib/preon/install.repart.d/11-verity.conf", "[Partition]\nType=usr-verity\nCopyBlocks=auto\n");
        write("root/usr/lib/preon/install.repart.d/12-sig.conf", "[Partition]\nType=usr-verity-sig\nCopyBlocks=auto\n");
        write("root/usr/lib/repart.d/10-usr.conf", "[Partition]\nType=usr\nSizeMinBytes=6M\nSizeMaxBytes=6M\n");
        write("root/usr/lib/repart.d/20-usr-b.conf", "[Partition]\nType=usr\nLabel=_empty\nSizeMinBytes=6M\nSizeMaxBytes=6M\n");
        write("root/usr/lib/repart.d/30-root.conf", "[Partition]\nType=root\nSizeMinBytes=20M\n");
    }

    Result<Plan> planFor(const Source &source, const std::filesystem::path &target, Mode mode = Mode::Erase)
    {
        PREON_TRY(const Snapshot snapshot, takeSnapshot(m_host, mode, source, target, {}));
        return Install::plan(snapshot);
    }
    Result<Outcome> installFrom(const std::string &from, const std::filesystem::path &target, Mode mode = Mode::Erase)
    {
        PREON_TRY(const Source source, openSource(m_host, from));
        PREON_TRY(const Plan plan, planFor(source, target, mode));
        return apply(plan, source, m_host, m_progress);
    }
    static Disk::LabelKind kindOf(const std::filesystem::path &path)
    {
        const auto device = Disk::Device::open(path, Disk::Access::Read);
        return device ? Disk::readTable(*device)->kind : Disk::LabelKind::Other;
    }

    Host m_host;
    Meddler m_progress;
};

} // namespace Preon::Install
