// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/hash.h"
#include "core/update/target.h"

#include <algorithm>

namespace Preon::Update
{

namespace
{
// sd_id128_get_app_specific() of these and the type.
constexpr std::string_view partialId = "accfa0c2-da24-460a-9fc9-0bb8fc785219";
constexpr std::string_view pendingId = "80f3d61e-2383-43b9-81f5-ce3793f47d4c";

Uuid derivedType(const Uuid &type, std::string_view application)
{
    const Sha256Digest digest = hmacSha256(type.bytes(), Uuid::parse(application)->bytes());
    return stampedV4(ByteView(digest).first(16));
}

std::string named(const std::filesystem::path &device, const Disk::Partition &partition)
{
    return "Partition " + std::to_string(partition.number) + " of " + device.string();
}

class SlotWriter : public TargetWriter
{
public:
    explicit SlotWriter(SlotTarget target)
        : m_target(std::move(target))
    {
    }
    Result<void> begin(Begin how) override;
    Result<void> write(std::uint64_t offset, ByteView data) override;
    Result<void> read(std::uint64_t offset, std::span<std::byte> buffer) const override;
    Result<std::uint64_t> size() const override
    {
        return m_target.before.size;
    }
    std::filesystem::path tree() const override
    {
        return {};
    }
    Result<void> flush() override;
    Result<void> finish(std::uint64_t size) override;
    Result<void> install() override;
    Result<void> abandon() override;

private:
    Disk::Partition marked(const Uuid &type) const;
    Result<Disk::Partition> current() const;
    Result<void> become(const Disk::Partition &next);
    Result<void> checkRange(std::uint64_t offset, std::uint64_t length) const;

    SlotTarget m_target;
    std::optional<Disk::Device> m_device;
};

Disk::Partition SlotWriter::marked(const Uuid &type) const
{
    Disk::Partition partition = m_target.before;
    partition.label = m_target.after.label;
    partition.type = type;
    return partition;
}

Result<Disk::Partition> SlotWriter::current() const
{
    PREON_TRY(const Disk::Device device, Disk::Device::open(m_target.device, Disk::Access::Read, m_target.sectorSize));
    PREON_TRY(const Disk::Table table, Disk::readTable(device));
    const auto found = std::ranges::find(table.partitions, m_target.before.number, &Disk::Partition::number);
    if (found == table.partitions.end())
        return fail(ErrorCode::Changed, named(m_target.device, m_target.before) + " is no longer there");
    return *found;
}

Result<void> SlotWriter::become(const Disk::Partition &next)
{
    PREON_TRY(const Disk::Partition now, current());
    if (now == next)
        return {};
    const auto &type = m_target.after.type;
    const bool ours = now == m_target.before || now == marked(partialType(type)) || now == marked(pendingType(type)) || now == m_target.after;
    if (!ours)
        return fail(ErrorCode::Changed, named(m_target.device, now) + " is no longer what it was", "its label is now \"" + now.label + "\"");
    return changeSlot(m_target.device, m_target.sectorSize, now, next);
}

Result<void> SlotWriter::begin(Begin)
{
    PREON_CHECK(become(m_target.marks == SlotMarks::Types ? marked(partialType(m_target.after.type)) : m_target.before));
    PREON_TRY(Disk::Device device, Disk::Device::open(m_target.device, Disk::Access::Write, m_target.sectorSize));
    m_device.emplace(std::move(device));
    return {};
}

Result<void> SlotWriter::checkRange(std::uint64_t offset, std::uint64_t length) const
{
    if (!m_device)
        return fail(ErrorCode::BadArgument, named(m_target.device, m_target.before) + " was not begun");
    const std::uint64_t room = m_target.before.size;
    if (offset > room || length > room - offset)
        return fail(ErrorCode::NoSpace, named(m_target.device, m_target.before) + " is too small",
                    "it has " + std::to_string(room) + " bytes, and byte " + std::to_string(offset + length) + " should be written");
    return {};
}

Result<void> SlotWriter::write(std::uint64_t offset, ByteView data)
{
    PREON_CHECK(checkRange(offset, data.size()));
    return writeAt(m_device->fd(), m_target.before.start + offset, data);
}

Result<void> SlotWriter::read(std::uint64_t offset, std::span<std::byte> buffer) const
{
    PREON_CHECK(checkRange(offset, buffer.size()));
    return readAt(m_device->fd(), m_target.before.start + offset, buffer);
}

Result<void> SlotWriter::flush()
{
    PREON_CHECK(checkRange(0, 0));
    return m_device->flush();
}

Result<void> SlotWriter::finish(std::uint64_t size)
{
    PREON_CHECK(checkRange(0, size));
    PREON_CHECK(m_device->flush());
    return m_target.marks == SlotMarks::Types ? become(marked(pendingType(m_target.after.type))) : Result<void>();
}

Result<void> SlotWriter::install()
{
    return become(m_target.after);
}

Result<void> SlotWriter::abandon()
{
    Disk::Partition free = m_target.before;
    free.label = "_empty";
    return become(free);
}
}

Uuid partialType(const Uuid &type)
{
    return derivedType(type, partialId);
}

Uuid pendingType(const Uuid &type)
{
    return derivedType(type, pendingId);
}

std::unique_ptr<TargetWriter> makeTarget(SlotTarget target)
{
    return std::make_unique<SlotWriter>(std::move(target));
}

Result<void> changeSlot(const std::filesystem::path &device, std::uint32_t sectorSize, const Disk::Partition &before, const Disk::Partition &after)
{
    PREON_TRY(const Disk::Device disk, Disk::Device::open(device, Disk::Access::Locked, sectorSize));
    PREON_TRY(Disk::Table table, Disk::readTable(disk));
    const auto found = std::ranges::find(table.partitions, before.number, &Disk::Partition::number);
    if (found == table.partitions.end() || *found != before)
        return fail(ErrorCode::Changed, named(device, before) + " is no longer what it was");
    if (after.number != before.number || after.start != before.start || after.size != before.size)
        return fail(ErrorCode::BadArgument, named(device, before) + " cannot be moved");
    // The kernel knows neither labels nor UUIDs of partitions; udev reads them anew when the disk is closed after writing.
    *found = after;
    return Disk::writeTable(disk, table);
}

} // namespace Preon::Update
