// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/proof.h"

#include "core/base/hash.h"
#include "core/boot/memoryfile.h"
#include "core/boot/pe.h"
#include "core/disk/parttypes.h"
#include "core/image/image.h"
#include "core/verity/hashtree.h"

namespace Preon::Update
{

namespace
{

constexpr std::size_t largestKernel = 1U << 30U;

struct NewSystem {
    std::string kernel; // its file's name
    std::string rootHash; // of the kernel; empty: it pins nothing
    const SlotTarget *usr = nullptr, *verity = nullptr;
};

// Where its bytes are now.
std::filesystem::path pathOfBytes(const FileTarget &file)
{
    const std::filesystem::path pending = file.folder / pendingName(file.name), whole = file.folder / file.name;
    std::error_code ignored;
    return std::filesystem::exists(pending, ignored) ? pending : whole;
}

// Only of programs that the firmware could start; whatever else is a file is nobody's kernel.
Result<void> lookForKernel(const FileTarget &file, NewSystem &system)
{
    if (!file.name.ends_with(".efi"))
        return {};
    PREON_TRY(const Bytes content, readFile(pathOfBytes(file), largestKernel));
    const auto kernel = Boot::readUnifiedKernel(content);
    if (!kernel)
        return {};
    if (const auto hash = kernel->option("usrhash")) {
        system.kernel = file.name;
        system.rootHash = *hash;
    }
    return {};
}

void lookForSlot(const SlotTarget &slot, NewSystem &system)
{
    const auto role = Disk::designator(slot.after.type);
    if (role == Disk::Designator::Usr)
        system.usr = &slot;
    else if (role == Disk::Designator::UsrVerity)
        system.verity = &slot;
}

Result<void> provePair(const NewSystem &system, Progress &progress)
{
    const auto uuids = Image::verityUuids(system.rootHash);
    const auto hash = fromHex(system.rootHash);
    if (!uuids || !hash)
        return fail(ErrorCode::BadFormat, system.kernel + " cannot be started", "its usrhash= is no SHA-256 hash");
    if (system.usr->after.uuid != uuids->data || system.verity->after.uuid != uuids->hash)
        return fail(ErrorCode::Untrusted, system.kernel + " belongs to another system", "the UUIDs of the new partitions are not the halves of its usrhash=",
                    "Nothing was changed for the system that runs. Tell those who offer the update.");
    PREON_TRY(const auto device, Disk::Device::open(system.usr->device, Disk::Access::Read, system.usr->sectorSize));
    // What the medium has, not what memory remembers.
    PREON_CHECK(device.dropCache());
    const Disk::Range data{system.usr->before.start, system.usr->before.size}, tree{system.verity->before.start, system.verity->before.size};
    progress.phase("Checking what was written", 0);
    auto loaded = Verity::HashTree::load(device, tree, *hash, progress);
    if (!loaded)
        return std::unexpected(loaded.error().during("The new system is not the one that its kernel was made for"));
    progress.phase("Checking what was written", loaded->dataSize());
    return Verity::verifyData(device, data, *loaded, progress);
}

} // namespace

Result<void> proveUpdate(const UpdatePlan &plan, Progress &progress)
{
    NewSystem system;
    for (const TransferPlan &transfer : plan.transfers) {
        if (!transfer.place)
            continue;
        if (const auto *slot = std::get_if<SlotTarget>(&*transfer.place))
            lookForSlot(*slot, system);
        else if (const auto *file = std::get_if<FileTarget>(&*transfer.place))
            PREON_CHECK(lookForKernel(*file, system));
    }
    if (system.rootHash.empty() || !system.usr || !system.verity)
        return {};
    return provePair(system, progress);
}

} // namespace Preon::Update
