// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/homevolume.h"

#include "core/base/units.h"
#include "core/base/process.h"
#include "core/luks/mapping.h"
#include "core/repart/filesystem.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Preon::Install
{

namespace
{
constexpr const char *makingMapping = "preon-making-home"; // also for writing out the journal; nobody else looks at it
constexpr std::uint64_t begin = 8 * mebibyte,
                        end = 2 * mebibyte; // where programs look for what a volume holds: libblkid reads at 4 MiB, and 1.6 MB before the end
constexpr std::uint64_t chunk = 4 * mebibyte;
constexpr std::uint64_t btrfsSuperblock = 65536, btrfsSuperblockSize = 4096;

std::filesystem::path nodeOf(const char *mapping)
{
    return std::filesystem::path("/dev/mapper") / mapping;
}

// An open mapping, closed again whatever happens.
class Opened
{
public:
    static Result<Opened> open(const std::filesystem::path &partition, const Luks::IntegrityKeys &keys, Luks::IntegrityUse use)
    {
        PREON_CHECK(Luks::openIntegrity(partition, &keys, makingMapping, use));
        return Opened();
    }
    Opened(Opened &&other) noexcept
        : m_open(std::exchange(other.m_open, false))
    {
    }
    Opened &operator=(Opened &&) = delete;
    ~Opened()
    {
        if (m_open)
            (void)Luks::removeMapping(makingMapping);
    }
    Result<void> close()
    {
        m_open = false;
        return Luks::removeMapping(makingMapping);
    }

private:
    Opened() = default;
    bool m_open = true;
};

// What an earlier program left when it was ended.
void closeLeftover()
{
    (void)Luks::removeMapping(makingMapping);
}

Result<void> zero(const Disk::Device &device, std::uint64_t offset, std::uint64_t length)
{
    const Bytes zeroes(std::min(chunk, length));
    for (std::uint64_t done = 0; done < length; done += zeroes.size())
        PREON_CHECK(writeAt(device.fd(), offset + done, ByteView(zeroes).first(std::min<std::uint64_t>(zeroes.size(), length - done))));
    return {};
}

Result<void> copyWritten(const Disk::Device &from, const Disk::Device &to, Progress &progress)
{
    PREON_TRY(const auto ranges, Repart::writtenRanges(from));
    for (const Disk::Range &range : ranges)
        PREON_CHECK(Disk::copyRange(from, range, to, range.offset, progress));
    return {};
}

Result<void> fill(const HomeToMake &home, const Disk::Device &volume, Progress &progress)
{
    // Blocks that were never written have no tags, so reading them is an error; nobody who probes shall meet one.
    PREON_CHECK(zero(volume, 0, begin));
    PREON_CHECK(zero(volume, volume.size() - end, end));
    Repart::FileSystem fs;
    fs.format = "btrfs";
    fs.label = home.label;
    fs.uuid = home.fileSystem;
    fs.size = volume.size();
    fs.sectorSize = Luks::integrityBlock;
    PREON_TRY(const Repart::ScratchFile file, Repart::makeFileSystem(fs, home.scratch, progress));
    PREON_TRY(const Disk::Device made, Disk::Device::open(file.path(), Disk::Access::Read));
    PREON_CHECK(copyWritten(made, volume, progress));
    return volume.flush();
}

// Mounted at a place of its own, so that the kernel can be asked to grow it.
class Mounted
{
public:
    static Result<Mounted> mount(const std::filesystem::path &device, const std::filesystem::path &where)
    {
        std::error_code error;
        std::filesystem::create_directories(where, error);
        if (::mount(device.c_str(), where.c_str(), "btrfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, nullptr) < 0)
            return failErrno(device.string() + " could not be mounted");
        return Mounted(where);
    }
    Mounted(Mounted &&other) noexcept
        : m_where(std::exchange(other.m_where, {}))
    {
    }
    Mounted &operator=(Mounted &&) = delete;
    ~Mounted()
    {
        if (!m_where.empty() && ::umount2(m_where.c_str(), 0) == 0)
            ::rmdir(m_where.c_str());
    }

private:
    explicit Mounted(std::filesystem::path where)
        : m_where(std::move(where))
    {
    }
    std::filesystem::path m_where;
};

Result<std::uint64_t> fileSystemSize(const Disk::Device &volume)
{
    Bytes superblock(btrfsSuperblockSize);
    PREON_CHECK(readAt(volume.fd(), btrfsSuperblock, superblock));
    return btrfsSize(superblock);
}

// Beyond the file system's end: nothing of it is there, and whoever probes shall meet no block without a tag.
Result<void> writeNewEnd(const std::filesystem::path &partition, const Luks::IntegrityKeys &keys)
{
    PREON_TRY(Opened opened, Opened::open(partition, keys, Luks::IntegrityUse::Private));
    {
        PREON_TRY(const Disk::Device volume, Disk::Device::open(nodeOf(makingMapping), Disk::Access::Write));
        PREON_TRY(const std::uint64_t size, fileSystemSize(volume));
        const std::uint64_t from = std::min(std::max(size, volume.size() - end), volume.size());
        PREON_CHECK(zero(volume, from, volume.size() - from));
        PREON_CHECK(volume.flush());
    }
    return opened.close();
}

Result<void> growFileSystem(const std::filesystem::path &node, Progress &progress)
{
    {
        PREON_TRY(const Disk::Device volume, Disk::Device::open(node, Disk::Access::Read));
        PREON_TRY(const std::uint64_t size, fileSystemSize(volume));
        if (size >= volume.size())
            return {};
    }
    progress.log("The home partition has grown, and the file system grows with it");
    const std::filesystem::path where = "/run/preon/home-grows";
    PREON_TRY(const Mounted mounted, Mounted::mount(node, where));
    PREON_CHECK(runTool({"btrfs", "filesystem", "resize", "max", where.string()}));
    return {};
}

// A slot that a key file opens: random keys are not stretched, and no token speaks of it.
bool isKeyFileSlot(const Luks::Slot &slot)
{
    return slot.token.empty() && slot.kdf == "pbkdf2";
}
}

Result<std::uint64_t> btrfsSize(ByteView superblock)
{
    constexpr std::size_t magicAt = 0x40, sizeAt = 0x70;
    constexpr std::string_view magic = "_BHRfS_M";
    if (superblock.size() < sizeAt + 8 || !std::ranges::equal(superblock.subspan(magicAt, magic.size()), asBytes(magic)))
        return fail(ErrorCode::BadFormat, "The home volume's file system could not be looked at", "it is no btrfs");
    std::uint64_t size = 0;
    for (std::size_t i = 8; i-- > 0;)
        size = size << 8U | std::to_integer<std::uint64_t>(superblock[sizeAt + i]);
    return size;
}

Result<void> makeKeyFolder(const std::filesystem::path &root)
{
    std::filesystem::path folder = root;
    for (const std::filesystem::path &part : std::filesystem::path(keyFolder)) {
        const std::filesystem::path parent = folder;
        folder /= part;
        const mode_t mode = part == "keys" || part == "preon" ? 0700 : 0755;
        if (::mkdir(folder.c_str(), mode) < 0 && errno != EEXIST)
            return failErrno(folder.string() + " could not be made");
        PREON_TRY(const Fd parentFd, openFile(parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        PREON_CHECK(flush(parentFd));
    }
    return {};
}

Result<Secret> volumeKey(const std::filesystem::path &file)
{
    if (auto there = readFile(file, volumeKeyFileSize); there && there->size() == volumeKeyFileSize)
        return Secret::copyOf(*there);
    PREON_TRY(Secret key, Secret::random(volumeKeyFileSize));
    PREON_CHECK(replaceFile(file, key.bytes(), 0400));
    return key;
}

Result<void> renameKey(const std::filesystem::path &from, const std::filesystem::path &to)
{
    std::error_code error;
    std::filesystem::rename(from, to, error);
    if (error)
        return failErrno(error.value(), to.string() + " could not be made");
    PREON_TRY(const Fd folder, openFile(to.parent_path(), O_RDONLY | O_DIRECTORY));
    return flush(folder);
}

Result<Secret> keyForNewHome(const std::filesystem::path &keys)
{
    if (std::filesystem::exists(keys / homeKey))
        PREON_CHECK(renameKey(keys / homeKey, keys / (std::string(homeKey) + ".old")));
    return volumeKey(keys / unfinishedHomeKey);
}

Result<Luks::Volume> unlockHome(const std::filesystem::path &partition, const Secret &key)
{
    PREON_TRY(Luks::Volume volume, Luks::Volume::load(partition));
    if (volume.subsystem() != Luks::integritySubsystem)
        return fail(ErrorCode::BadFormat, partition.string() + " could not be opened", "it is no integrity protected home");
    PREON_CHECK(volume.unlock(key));
    return volume;
}

Result<void> makeHome(const HomeToMake &home, const Secret &key, Progress &progress)
{
    progress.phase("Making the home volume", 0);
    PREON_TRY(const Luks::Volume volume, unlockHome(home.partition, key));
    PREON_TRY(const Luks::IntegrityKeys keys, Luks::integrityKeys(volume));
    closeLeftover();
    PREON_CHECK(Luks::eraseIntegrity(home.partition));
    PREON_TRY(Opened opened, Opened::open(home.partition, keys, Luks::IntegrityUse::Fresh));
    {
        PREON_TRY(const Disk::Device device, Disk::Device::open(nodeOf(makingMapping), Disk::Access::Write));
        if (device.size() <= begin + end)
            return fail(ErrorCode::NoSpace, home.partition.string() + " is too small for a home volume");
        PREON_CHECK(fill(home, device, progress));
    }
    return opened.close();
}

Result<void> openHome(const std::filesystem::path &partition, const Luks::Volume &volume, Progress &progress)
{
    PREON_TRY(const Luks::IntegrityKeys keys, Luks::integrityKeys(volume));
    closeLeftover();
    auto opened = Luks::openIntegrity(partition, &keys, homeMapping, Luks::IntegrityUse::Open);
    if (!opened && opened.error().code == ErrorCode::Changed) {
        PREON_CHECK(writeNewEnd(partition, keys));
        opened = Luks::openIntegrity(partition, &keys, homeMapping, Luks::IntegrityUse::Open);
    }
    if (!opened)
        return opened;
    if (auto grown = growFileSystem(nodeOf(homeMapping), progress); !grown)
        progress.log("The home volume is open, but was not looked after: " + grown.error().text());
    return {};
}

Result<std::size_t> adoptHome(Luks::Volume &volume, const std::filesystem::path &partition, const std::filesystem::path &root)
{
    PREON_CHECK(makeKeyFolder(root));
    PREON_TRY(const Secret key, Secret::random(volumeKeyFileSize));
    PREON_TRY(const int slot, volume.addKeyFile(key));
    // A cut before this leaves a slot that nobody can open; the next time it goes with the others.
    PREON_CHECK(replaceFile(root / keyFolder / homeKey, key.bytes(), 0400));
    PREON_TRY(Luks::Volume again, unlockHome(partition, key));
    if (again.openedBy() != slot)
        return fail(ErrorCode::Io, "The home volume was not adopted", "its new key slot could not be opened");
    std::size_t removed = 0;
    for (const Luks::Slot &each : again.slots()) {
        if (each.number == slot || !isKeyFileSlot(each))
            continue;
        PREON_CHECK(again.removeSlot(each.number, std::array{slot}));
        ++removed;
    }
    return removed;
}

Result<void> openHomeUnchecked(const std::filesystem::path &partition, const Luks::Volume *volume, Progress &progress)
{
    closeLeftover();
    if (volume) {
        PREON_TRY(const Luks::IntegrityKeys keys, Luks::integrityKeys(*volume));
        auto opened = Opened::open(partition, keys, Luks::IntegrityUse::Private);
        auto closed = opened ? opened->close() : std::unexpected(opened.error());
        if (!closed)
            progress.log("What was written last may be missing: " + closed.error().text());
    }
    return Luks::openIntegrity(partition, nullptr, uncheckedHomeMapping, Luks::IntegrityUse::Unchecked);
}

} // namespace Preon::Install
