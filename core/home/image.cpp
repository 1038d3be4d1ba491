// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/image.h"

#include "core/base/hash.h"
#include "core/disk/gpt.h"
#include "core/disk/parttypes.h"
#include "core/luks/recovery.h"
#include "core/luks/volume.h"

#include <algorithm>

#include <strings.h>

namespace Preon::Home
{

namespace
{
using Json = nlohmann::json;

constexpr std::size_t ivSize = 16, shortestRecord = 16;
// A header of systemd-homed with its key slots takes 16 MiB.
constexpr std::uint64_t largestHeader = 32U << 20U;

std::unexpected<Error> noToken(std::string why)
{
    return fail(ErrorCode::BadFormat, "What the home says of its user could not be read", std::move(why));
}

std::string fdPath(const Fd &fd)
{
    return "/proc/self/fd/" + std::to_string(fd.get());
}

// The volume's header in a file of its own, in memory: what was checked is what is used, whoever writes to the image meanwhile.
Result<Fd> headerOf(const Fd &image, const std::string &userName)
{
    const std::string what = "The home of " + userName + " could not be read";
    PREON_TRY(const Disk::Device device, Disk::Device::open(fdPath(image), Disk::Access::Read));
    PREON_TRY(const Disk::Table table, Disk::readTable(device));
    const auto found
        = std::ranges::find_if(table.partitions, [](const Disk::Partition &each) { return Disk::designator(each.type) == Disk::Designator::UserHome; });
    if (table.kind != Disk::LabelKind::Gpt || found == table.partitions.end())
        return fail(ErrorCode::BadFormat, what, "there is no home in the file");
    if (found->label != userName)
        return fail(ErrorCode::BadFormat, what, "by its own label it is somebody else's");
    Bytes header(std::min(found->size, largestHeader));
    PREON_CHECK(readAt(image, found->start, header));
    return memoryFile("home", header);
}

// Argon2 as systemd-homed asks for it takes 64 MiB and half a second; who made the image might ask for all that the computer has.
bool isBearable(const Luks::Volume &volume, const Luks::Slot &slot)
{
    constexpr std::uint64_t mostMemory = 1U << 20U; // KiB
    constexpr std::uint64_t mostPasses = 64, mostIterations = 20'000'000;
    const auto cost = volume.costOf(slot.number);
    return cost && cost->memory <= mostMemory && cost->rounds <= (slot.kdf == "pbkdf2" ? mostIterations : mostPasses);
}

Result<void> unlock(Luks::Volume &volume, const std::string &userName, const Secret &passwordOrKey)
{
    const std::optional<Secret> recovery = Luks::recoveryKeyFrom(passwordOrKey);
    bool passedOver = false;
    for (const Luks::Slot &slot : volume.slots()) {
        if (!isBearable(volume, slot)) {
            passedOver = true;
            continue;
        }
        if (volume.unlockSlot(slot.number, passwordOrKey) || (recovery && volume.unlockSlot(slot.number, *recovery)))
            return {};
    }
    if (passedOver)
        return fail(ErrorCode::Unsupported, "The home of " + userName + " could not be opened",
                    "a key slot of it asks for more memory or time than any home needs");
    return fail(ErrorCode::Permission, "This password does not open the home of " + userName, {}, "Type the password that it had, or its recovery key.");
}
}

Result<SealedRecord> sealedRecordFrom(const Json &token)
{
    const auto bytes = [&token](const char *member) -> std::optional<Bytes> {
        const auto found = token.find(member);
        return found != token.end() && found->is_string() ? fromBase64(found->get_ref<const std::string &>()) : std::nullopt;
    };
    if (Luks::tokenType(token) != homeToken)
        return noToken("its token is of another kind");
    auto iv = bytes("iv");
    auto record = bytes("record");
    if (!iv || !record || iv->size() != ivSize || record->size() < shortestRecord || record->size() > longestRecord)
        return noToken("its token does not hold what systemd-homed writes");
    return SealedRecord{.iv = std::move(*iv), .record = std::move(*record)};
}

Json toToken(const SealedRecord &sealed)
{
    return {{"type", homeToken}, {"keyslots", Json::array()}, {"record", toBase64(sealed.record)}, {"iv", toBase64(sealed.iv)}};
}

Result<Record> openHomeImage(const Fd &image, const std::string &userName, const Secret &passwordOrKey)
{
    PREON_TRY(const Fd header, headerOf(image, userName));
    PREON_TRY(Luks::Volume volume, Luks::Volume::load(fdPath(header)));
    if (volume.label() != userName || volume.subsystem() != "systemd-home")
        return fail(ErrorCode::BadFormat, "The home of " + userName + " could not be read", "by its own label it is something else");
    PREON_TRY(const std::vector<Json> tokens, volume.tokens());
    const auto isHome = [](const Json &token) {
        return Luks::tokenType(token) == homeToken;
    };
    if (std::ranges::count_if(tokens, isHome) != 1)
        return noToken("there is not one token of systemd-homed in it");
    PREON_TRY(const SealedRecord sealed, sealedRecordFrom(*std::ranges::find_if(tokens, isHome)));
    PREON_CHECK(unlock(volume, userName, passwordOrKey));
    PREON_TRY(Bytes plain, volume.unseal(sealed.iv, sealed.record));
    auto record = Record::parse({reinterpret_cast<const char *>(plain.data()), plain.size()});
    ::explicit_bzero(plain.data(), plain.size()); // hashes of passwords
    if (!record)
        return std::unexpected(record.error().during("What the home of " + userName + " says of its user could not be read"));
    return record;
}

} // namespace Preon::Home
