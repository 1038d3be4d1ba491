// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/disk/gpt.h"

#include "core/base/units.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include <blkid.h>
#include <libfdisk.h>
#include <string.h>

namespace Preon::Disk
{

namespace
{
template<typename T, void (*release)(T *)>
struct Release {
    void operator()(T *object) const
    {
        release(object);
    }
};
using Context = std::unique_ptr<fdisk_context, Release<fdisk_context, fdisk_unref_context>>;
using Entries = std::unique_ptr<fdisk_table, Release<fdisk_table, fdisk_unref_table>>;
using Entry = std::unique_ptr<fdisk_partition, Release<fdisk_partition, fdisk_unref_partition>>;
using EntryType = std::unique_ptr<fdisk_parttype, Release<fdisk_parttype, fdisk_unref_parttype>>;

// libfdisk may open by path only, or take a descriptor it does not own; the latter keeps our lock and our view of the device.
Result<Context> openContext(const Device &device, bool readOnly)
{
    Context context(fdisk_new_context());
    if (!context)
        return fail(ErrorCode::Io, "There is not enough memory to read a partition table");
    fdisk_disable_dialogs(context.get(), 1);
    if (!device.isBlockDevice())
        fdisk_save_user_sector_size(context.get(), device.sectorSize(), device.sectorSize());
    if (const int status = fdisk_assign_device_by_fd(context.get(), device.fd().get(), device.path().c_str(), readOnly ? 1 : 0); status < 0) {
        if (status == -EINVAL)
            return fail(ErrorCode::NoSpace, device.path().string() + " is too small for a partition table");
        return failErrno(-status, "The partition table of " + device.path().string() + " could not be read");
    }
    return context;
}

std::unexpected<Error> badTable(const Device &device, std::string why)
{
    return fail(ErrorCode::BadFormat, "The partition table of " + device.path().string() + " is broken", std::move(why),
                "Nothing was changed. Repair it with a partition editor, or erase the disk.");
}

// The MBR in front of a GPT: an entry that protects it (and promises a GPT, even where both copies of that are damaged), and in a hybrid table others, which
// repeat partitions for those who do not know a GPT.
struct Mbr {
    bool protects = false, others = false;
};

Result<Mbr> readMbr(const Device &device)
{
    constexpr unsigned char protectiveType = 0xee;
    Mbr mbr;
    std::array<std::byte, 512> sector{};
    if (device.size() < sector.size())
        return mbr;
    PREON_CHECK(readAt(device.fd(), 0, sector));
    if (sector[510] != std::byte{0x55} || sector[511] != std::byte{0xaa})
        return mbr;
    for (std::size_t i = 446; i < 510; i += 16) {
        const auto type = std::to_integer<unsigned char>(sector[i + 4]);
        mbr.protects = mbr.protects || type == protectiveType;
        mbr.others = mbr.others || (type != 0 && type != protectiveType);
    }
    return mbr;
}

std::uint64_t littleEndian(std::span<const std::byte> bytes)
{
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
        value = (value << 8U) | std::to_integer<std::uint64_t>(bytes[i]);
    return value;
}

// Where the backup's entries begin when it stands at the end of the device.
std::uint64_t endBefore(const Table &table)
{
    const std::uint64_t sectors = table.deviceSize / table.sectorSize;
    const std::uint64_t entrySectors = (table.entryBytes + table.sectorSize - 1) / table.sectorSize;
    return entrySectors + 1 < sectors ? (sectors - 1 - entrySectors) * table.sectorSize : 0;
}

// A disk that grew, or an image on a larger disk: libfdisk moves the backup table to the end when it writes, and then there is more to use. UEFI 2.10, 5.3.2.
Result<void> readBackupPlace(const Device &device, Table &table)
{
    std::array<std::byte, 92> header{};
    PREON_CHECK(readAt(device.fd(), device.sectorSize(), header));
    const std::span<const std::byte> bytes(header);
    const std::uint64_t sectors = device.size() / device.sectorSize();
    const std::uint64_t alternate = littleEndian(bytes.subspan(32, 8));
    if (!std::ranges::equal(bytes.first(8), asBytes("EFI PART")))
        return {};
    const std::uint64_t entries = littleEndian(bytes.subspan(80, 4)), entrySize = littleEndian(bytes.subspan(84, 4));
    if (entries <= 4096 && entrySize <= 4096)
        table.entryBytes = entries * entrySize;
    if (alternate >= sectors - 1)
        return {};
    table.backupAtEnd = false;
    table.endUsable = std::max(table.endUsable, endBefore(table));
    return {};
}

// libfdisk reads, and keeps, as many entries as a header claims to have: looked at first, at each place where it looks for a header. lba: in sectors.
Result<void> checkEntryCount(const Device &device, std::uint64_t lba)
{
    constexpr std::uint64_t mostEntries = 1024, largestEntry = 4096; // 128 of 128 bytes are usual
    std::array<std::byte, 92> header{};
    const std::uint64_t sectors = device.size() / device.sectorSize();
    if (lba == 0 || lba >= sectors)
        return {};
    // What cannot be read libfdisk cannot read either: a disk with a bad end still has its table.
    if (!readAt(device.fd(), lba * device.sectorSize(), header))
        return {};
    const std::span<const std::byte> bytes(header);
    if (!std::ranges::equal(bytes.first(8), asBytes("EFI PART")))
        return {};
    const std::uint64_t entries = littleEndian(bytes.subspan(80, 4)), entrySize = littleEndian(bytes.subspan(84, 4));
    if (entries > mostEntries || entrySize > largestEntry)
        return badTable(device, "it claims to have " + std::to_string(entries) + " entries of " + std::to_string(entrySize) + " bytes");
    // The other copy lies where this one says.
    return lba == 1 ? checkEntryCount(device, littleEndian(bytes.subspan(32, 8)) == 1 ? 0 : littleEndian(bytes.subspan(32, 8))) : Result<void>();
}

Result<Partition> partitionOf(const Device &device, fdisk_context *context, fdisk_partition *entry)
{
    if (!fdisk_partition_has_start(entry) || !fdisk_partition_has_size(entry) || !fdisk_partition_has_partno(entry))
        return badTable(device, "an entry has no start or size");
    Partition partition;
    const std::size_t slot = fdisk_partition_get_partno(entry);
    partition.number = static_cast<unsigned>(slot) + 1;
    const std::uint64_t start = fdisk_partition_get_start(entry), size = fdisk_partition_get_size(entry);
    const std::uint64_t sectors = device.size() / device.sectorSize();
    if (size == 0 || start >= sectors || size > sectors - start)
        return badTable(device, "partition " + std::to_string(partition.number) + " lies outside the disk");
    if (start < 2)
        return badTable(device, "partition " + std::to_string(partition.number) + " lies over the table itself");
    partition.start = start * device.sectorSize();
    partition.size = size * device.sectorSize();
    fdisk_parttype *type = fdisk_partition_get_type(entry);
    const char *typeText = type ? fdisk_parttype_get_string(type) : nullptr;
    const char *uuidText = fdisk_partition_get_uuid(entry);
    const auto typeUuid = Uuid::parse(typeText ? typeText : "");
    const auto uuid = Uuid::parse(uuidText ? uuidText : "");
    if (!typeUuid || !uuid)
        return badTable(device, "partition " + std::to_string(partition.number) + " has no identity");
    partition.type = *typeUuid;
    partition.uuid = *uuid;
    if (const char *name = fdisk_partition_get_name(entry))
        partition.label = name;
    std::uint64_t flags = 0;
    if (fdisk_gpt_get_partition_attrs(context, slot, &flags) == 0)
        partition.flags = flags;
    return partition;
}

Result<void> checkOverlaps(const Device &device, std::vector<Partition> partitions)
{
    std::ranges::sort(partitions, {}, &Partition::start);
    for (std::size_t i = 1; i < partitions.size(); ++i) {
        if (partitions[i - 1].start + partitions[i - 1].size > partitions[i].start)
            return badTable(device, "partitions " + std::to_string(partitions[i - 1].number) + " and " + std::to_string(partitions[i].number) + " overlap");
    }
    return {};
}

int answerDiskId(fdisk_context *, fdisk_ask *ask, void *data)
{
    if (fdisk_ask_get_type(ask) != FDISK_ASKTYPE_STRING)
        return -EINVAL;
    char *text = ::strdup(static_cast<const std::string *>(data)->c_str());
    return text ? fdisk_ask_string_set_result(ask, text) : -ENOMEM;
}

// libfdisk asks for a disk identifier as it would ask a person.
Result<void> setDiskId(const Device &device, fdisk_context *context, const Uuid &uuid)
{
    std::string text = uuid.text();
    fdisk_set_ask(context, answerDiskId, &text);
    fdisk_disable_dialogs(context, 0);
    const int status = fdisk_set_disklabel_id(context);
    fdisk_disable_dialogs(context, 1);
    fdisk_set_ask(context, nullptr, nullptr);
    if (status < 0)
        return failErrno(-status, "The disk identifier of " + device.path().string() + " could not be set");
    return {};
}

Result<void> addPartition(const Device &device, fdisk_context *context, const Partition &partition)
{
    const std::string what = "Partition " + std::to_string(partition.number) + " could not be put into the table of " + device.path().string();
    const std::uint64_t sector = device.sectorSize();
    if (partition.number == 0 || partition.size == 0 || partition.start % sector != 0 || partition.size % sector != 0)
        return fail(ErrorCode::BadArgument, what, "its place is not a multiple of the sector size " + std::to_string(sector));
    Entry entry(fdisk_new_partition());
    EntryType type(fdisk_label_parse_parttype(fdisk_get_label(context, nullptr), partition.type.text().c_str()));
    if (!entry || !type)
        return fail(ErrorCode::Io, what, "out of memory");
    int status = fdisk_partition_set_partno(entry.get(), partition.number - 1);
    status = status ? status : fdisk_partition_set_start(entry.get(), partition.start / sector);
    status = status ? status : fdisk_partition_set_size(entry.get(), partition.size / sector);
    status = status ? status : fdisk_partition_size_explicit(entry.get(), 1);
    status = status ? status : fdisk_partition_set_type(entry.get(), type.get());
    status = status ? status : fdisk_partition_set_uuid(entry.get(), partition.uuid.text().c_str());
    status = status ? status : fdisk_partition_set_name(entry.get(), partition.label.c_str());
    std::size_t slot = 0;
    status = status ? status : fdisk_add_partition(context, entry.get(), &slot);
    if (status < 0)
        return failErrno(-status, what);
    if (slot != partition.number - 1)
        return fail(ErrorCode::Io, what, "libfdisk chose another number");
    if (partition.flags != 0) {
        if (const int flagged = fdisk_gpt_set_partition_attrs(context, slot, partition.flags); flagged < 0)
            return failErrno(-flagged, what);
    }
    return {};
}
}

Result<Table> readTable(const Device &device)
{
    Table table;
    table.deviceSize = device.size();
    table.sectorSize = device.sectorSize();
    PREON_CHECK(checkEntryCount(device, 1));
    PREON_CHECK(checkEntryCount(device, device.size() / device.sectorSize() - 1));
    PREON_TRY(const Context context, openContext(device, true));
    if (!fdisk_is_labeltype(context.get(), FDISK_DISKLABEL_GPT)) {
        PREON_TRY(const Mbr mbr, readMbr(device));
        if (mbr.protects)
            return badTable(device, "it says that there is a GPT, but neither copy of it is intact");
        table.kind = fdisk_is_labeltype(context.get(), FDISK_DISKLABEL_DOS) ? LabelKind::Dos
            : fdisk_has_label(context.get())                                ? LabelKind::Other
                                                                            : LabelKind::None;
        return table;
    }
    table.kind = LabelKind::Gpt;
    PREON_TRY(const Mbr mbr, readMbr(device));
    table.hybrid = mbr.others;
    char *idText = nullptr;
    if (fdisk_get_disklabel_id(context.get(), &idText) < 0 || !idText)
        return badTable(device, "the disk has no identifier");
    table.diskUuid = Uuid::parse(idText).value_or(Uuid());
    std::free(idText);
    const std::uint64_t sectors = device.size() / device.sectorSize();
    const std::uint64_t first = fdisk_get_first_lba(context.get()), last = fdisk_get_last_lba(context.get());
    if (last >= sectors || first > last)
        return badTable(device, "the usable area lies outside the disk");
    table.firstUsable = first * device.sectorSize();
    table.endUsable = (last + 1) * device.sectorSize();
    PREON_CHECK(readBackupPlace(device, table));

    fdisk_table *listed = nullptr;
    if (const int status = fdisk_get_partitions(context.get(), &listed); status < 0)
        return failErrno(-status, "The partition table of " + device.path().string() + " could not be read");
    const Entries entries(listed);
    for (std::size_t i = 0; i < fdisk_table_get_nents(listed); ++i) {
        fdisk_partition *entry = fdisk_table_get_partition(listed, i);
        if (fdisk_partition_is_used(entry) <= 0)
            continue;
        PREON_TRY(Partition partition, partitionOf(device, context.get(), entry));
        table.partitions.push_back(std::move(partition));
    }
    std::ranges::sort(table.partitions, {}, &Partition::number);
    PREON_CHECK(checkOverlaps(device, table.partitions));
    return table;
}

Table emptyTable(std::uint64_t deviceSize, std::uint32_t sectorSize, const Uuid &diskUuid)
{
    // libfdisk leaves the first MiB free where the disk is big enough for that.
    constexpr std::uint64_t alignment = 1024 * 1024;
    Table table;
    table.kind = LabelKind::Gpt;
    table.diskUuid = diskUuid;
    table.deviceSize = deviceSize;
    table.sectorSize = sectorSize;
    const std::uint64_t entrySectors = (table.entryBytes + sectorSize - 1) / sectorSize;
    const std::uint64_t sectors = deviceSize / sectorSize;
    if (sectors < 2 * entrySectors + 4)
        return table;
    const std::uint64_t firstSector = entrySectors + 2;
    const std::uint64_t endSector = sectors - entrySectors - 1;
    const std::uint64_t aligned = alignment / sectorSize;
    table.firstUsable = (aligned < endSector && sectors > aligned * 4 ? aligned : firstSector) * sectorSize;
    table.endUsable = endSector * sectorSize;
    return table;
}

Table grownTable(Table table, std::uint64_t deviceSize)
{
    if (deviceSize <= table.deviceSize)
        return table;
    table.deviceSize = deviceSize;
    if (table.kind == LabelKind::Gpt) {
        table.backupAtEnd = false;
        table.endUsable = std::max(table.endUsable, endBefore(table));
    }
    return table;
}

namespace
{

// Where on a disk a GPT lies: its first and last bytes, as many as the copies there now or to come may take.
std::uint64_t tableArea(const Device &device, const Table &table)
{
    std::array<std::byte, 92> header{};
    std::uint64_t area = std::max(mebibyte, table.entryBytes + 8 * std::uint64_t{device.sectorSize()});
    if (readAt(device.fd(), device.sectorSize(), header) && std::ranges::equal(std::span(header).first(8), asBytes("EFI PART"))) {
        const std::span<const std::byte> bytes(header);
        const std::uint64_t at = littleEndian(bytes.subspan(72, 8)), count = littleEndian(bytes.subspan(80, 4)), size = littleEndian(bytes.subspan(84, 4));
        if (at <= 64 * mebibyte / device.sectorSize() && count <= 4096 && size <= 4096)
            area = std::max(area, at * device.sectorSize() + count * size);
    }
    area = (area + 4095) / 4096 * 4096;
    return 2 * area <= device.size() ? area : device.size();
}

Result<void> copyArea(const Device &from, const Device &to, std::uint64_t offset, std::uint64_t length)
{
    Bytes bytes(length);
    PREON_CHECK(readAt(from.fd(), offset, bytes));
    return writeAt(to.fd(), offset, bytes);
}

// Writes the sectors that differ, and flushes.
Result<void> publishArea(const Device &made, const Device &device, std::uint64_t offset, std::uint64_t length)
{
    const std::size_t sector = device.sectorSize();
    Bytes wanted(length), there(length);
    PREON_CHECK(readAt(made.fd(), offset, wanted));
    PREON_CHECK(readAt(device.fd(), offset, there));
    for (std::size_t at = 0; at < length; at += sector) {
        std::size_t end = at;
        while (end < length && !std::equal(wanted.begin() + end, wanted.begin() + end + sector, there.begin() + end))
            end += sector;
        if (end > at) {
            PREON_CHECK(writeAt(device.fd(), offset + at, ByteView(wanted).subspan(at, end - at)));
            at = end;
        }
    }
    return device.flush();
}

// Whether a GPT is found, by both copies or by the primary alone.
Result<bool> isFound(const Device &device, std::uint64_t area, bool withBackup)
{
    PREON_TRY(const Device alone, Device::inMemory(device));
    PREON_CHECK(copyArea(device, alone, 0, area));
    if (withBackup)
        PREON_CHECK(copyArea(device, alone, device.size() - area, area));
    PREON_TRY(const Context context, openContext(alone, true));
    return fdisk_is_labeltype(context.get(), FDISK_DISKLABEL_GPT) != 0;
}

// What libfdisk makes of the table that is on this copy.
Result<void> change(const Device &copy, const Table &table)
{
    PREON_TRY(const Context context, openContext(copy, false));
    const std::string what = "The partition table of " + copy.path().string() + " could not be written";
    // The table there is changed, not replaced, when it is the one meant: what libfdisk knows beyond our value (the number of entries) stays.
    char *idText = nullptr;
    const bool isGpt = fdisk_is_labeltype(context.get(), FDISK_DISKLABEL_GPT);
    const bool same = isGpt && fdisk_get_disklabel_id(context.get(), &idText) == 0 && idText && Uuid::parse(idText) == table.diskUuid;
    std::free(idText);
    const bool sameArea = same && fdisk_get_first_lba(context.get()) * copy.sectorSize() == table.firstUsable;
    if (sameArea) {
        if (const int status = fdisk_delete_all_partitions(context.get()); status < 0)
            return failErrno(-status, what);
    } else {
        if (const int status = fdisk_create_disklabel(context.get(), "gpt"); status < 0)
            return failErrno(-status, what);
        PREON_CHECK(setDiskId(copy, context.get(), table.diskUuid));
        const std::uint64_t first = table.firstUsable / copy.sectorSize();
        if (first != fdisk_get_first_lba(context.get()))
            fdisk_set_first_lba(context.get(), first);
    }
    for (const Partition &partition : table.partitions)
        PREON_CHECK(addPartition(copy, context.get(), partition));
    if (const int status = fdisk_write_disklabel(context.get()); status < 0)
        return failErrno(-status, what);
    return {};
}
}

Result<void> writeTable(const Device &device, const Table &table)
{
    if (table.kind != LabelKind::Gpt)
        return fail(ErrorCode::BadArgument, "Only a GPT can be written to " + device.path().string());
    PREON_CHECK(checkOverlaps(device, table.partitions));
    const std::string what = "The partition table of " + device.path().string() + " could not be written";
    const std::uint64_t area = tableArea(device, table), last = device.size() - area;
    PREON_TRY(const Device copy, Device::inMemory(device));
    for (const std::uint64_t at : {std::uint64_t{0}, last})
        PREON_CHECK(copyArea(device, copy, at, area));
    PREON_CHECK(change(copy, table));
    PREON_TRY(const bool primary, isFound(device, area, false));
    PREON_TRY(const bool any, isFound(device, area, true));
    const bool onlyBackup = any && !primary;
    for (const std::uint64_t at : onlyBackup ? std::array{std::uint64_t{0}, last} : std::array{last, std::uint64_t{0}}) {
        if (const auto published = publishArea(copy, device, at, area); !published)
            return std::unexpected(published.error().during(what));
    }
    return {};
}

std::filesystem::path partitionNode(const std::filesystem::path &device, unsigned number)
{
    char *name = fdisk_partname(device.c_str(), number);
    std::filesystem::path node = name ? name : "";
    std::free(name);
    return node;
}

Result<void> wipeSignatures(const Device &device, std::uint64_t offset, std::uint64_t length)
{
    const std::string what = "Old signatures on " + device.path().string() + " could not be removed";
    std::unique_ptr<blkid_struct_probe, Release<blkid_struct_probe, blkid_free_probe>> probe(blkid_new_probe());
    if (!probe)
        return fail(ErrorCode::Io, what, "out of memory");
    if (blkid_probe_set_device(probe.get(), device.fd().get(), static_cast<blkid_loff_t>(offset), static_cast<blkid_loff_t>(length)) < 0)
        return failErrno(what);
    blkid_probe_enable_superblocks(probe.get(), 1);
    blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_MAGIC | BLKID_SUBLKS_BADCSUM);
    blkid_probe_enable_partitions(probe.get(), 1);
    blkid_probe_set_partitions_flags(probe.get(), BLKID_PARTS_MAGIC | BLKID_PARTS_FORCE_GPT);
    // Each wipe may uncover another signature; a device that ignores writes must not keep us here.
    for (int rounds = 0; rounds < 256; ++rounds) {
        errno = 0;
        const int found = blkid_do_probe(probe.get());
        if (found == 1)
            return {};
        if (found < 0)
            return failErrno(errno ? errno : EIO, what);
        if (blkid_do_wipe(probe.get(), 0) < 0)
            return failErrno(errno ? errno : EIO, what);
    }
    return fail(ErrorCode::Io, what, "they are still there after they were overwritten");
}

} // namespace Preon::Disk
