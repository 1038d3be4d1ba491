// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/integrity.h"

#include "core/base/format.h"
#include "core/luks/mapping.h"
#include "core/luks/state.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace Preon::Luks
{

namespace
{
constexpr std::uint64_t sector = 512;
constexpr std::size_t keySize = 32, tagSize = 32;
constexpr std::size_t superblockSize = 64;
constexpr std::uint64_t journalSectors = 65536; // 32 MiB; the kernel keeps as much memory
constexpr std::string_view magic{"integrt\0", 8};
enum Flag : std::uint32_t { HasJournalMac = 1, Recalculating = 2, DirtyBitmap = 4, FixedPadding = 8, FixedHmac = 16 };
constexpr std::uint32_t ourFlags = HasJournalMac | FixedPadding | FixedHmac;
constexpr std::string_view blocksLabel = "preon integrity 1: internal_hash", journalLabel = "preon integrity 1: journal_mac";

std::uint64_t littleEndian(ByteView bytes)
{
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
        value = value << 8U | std::to_integer<std::uint64_t>(bytes[i]);
    return value;
}

// Text and keys in hexadecimal, in memory that is wiped.
class SecretText
{
public:
    explicit SecretText(std::size_t room)
        : m_bytes(room)
    {
    }
    SecretText &add(std::string_view text)
    {
        std::ranges::copy(asBytes(text), m_bytes.writable().begin() + static_cast<std::ptrdiff_t>(m_size));
        m_size += text.size();
        return *this;
    }
    SecretText &addHex(const Secret &key)
    {
        constexpr std::string_view digits = "0123456789abcdef";
        for (const std::byte byte : key.bytes()) {
            const auto value = std::to_integer<unsigned>(byte);
            m_bytes.writable()[m_size++] = static_cast<std::byte>(digits[value >> 4U]);
            m_bytes.writable()[m_size++] = static_cast<std::byte>(digits[value & 15U]);
        }
        return *this;
    }
    Secret take() const
    {
        return Secret::copyOf(m_bytes.bytes().first(m_size));
    }

private:
    Secret m_bytes;
    std::size_t m_size = 0;
};

// What is on it now; in use by nobody, or Busy.
Result<IntegritySuperblock> readSuperblock(const std::filesystem::path &partition)
{
    PREON_TRY(const Disk::Device device, Disk::Device::open(partition, Disk::Access::Exclusive));
    if (device.size() <= integrityOffset + superblockSize)
        return fail(ErrorCode::NoSpace, partition.string() + " is too small for an integrity protected volume");
    // The kernel writes it beside the cache that we would read.
    PREON_CHECK(device.dropCache());
    Bytes bytes(superblockSize);
    PREON_CHECK(readAt(device.fd(), integrityOffset, bytes));
    auto superblock = parseIntegritySuperblock(bytes);
    if (!superblock)
        return std::unexpected(superblock.error().during(partition.string() + " could not be opened"));
    return superblock;
}

// "254:8"; the device that was looked at, whatever becomes of its name.
Result<std::string> numberOf(const std::filesystem::path &partition)
{
    struct stat status{};
    if (::stat(partition.c_str(), &status) < 0)
        return failErrno(partition.string() + " could not be opened");
    if (!S_ISBLK(status.st_mode))
        return fail(ErrorCode::BadArgument, partition.string() + " could not be opened", "it is no block device");
    return std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev));
}

// recorded: in the superblock. The kernel follows the partition's size either way, and notes it under the keys that it was given.
Result<void> acceptSize(const std::filesystem::path &partition, IntegrityUse use, std::uint64_t recorded, std::uint64_t now)
{
    const std::string what = partition.string() + " could not be opened";
    if (now < recorded)
        return fail(ErrorCode::NoSpace, what, "the partition is smaller than the volume on it: " + formatSize(now) + " instead of " + formatSize(recorded));
    if (now > recorded && use == IntegrityUse::Unchecked)
        return fail(ErrorCode::Unsupported, what, "the partition has grown, which only somebody with its keys can write down");
    if (now > recorded && use == IntegrityUse::Open)
        return fail(ErrorCode::Changed, what, "the partition has grown, and its new end was not written yet");
    return {};
}

std::unexpected<Error> notTaken(const Error &error, const std::filesystem::path &partition)
{
    return std::unexpected(error.during(partition.string() + " could not be opened"));
}
}

Result<Secret> hkdfSha256(const Secret &key, std::string_view info)
{
    std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr), &EVP_KDF_free);
    std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr, &EVP_KDF_CTX_free);
    Secret secret = Secret::copyOf(key.bytes());
    std::string digest = "SHA256", label(info);
    const std::array parameters{OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.writable().data(), secret.size()),
                                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, label.data(), label.size()), OSSL_PARAM_construct_end()};
    Secret derived(keySize);
    if (!context || EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char *>(derived.writable().data()), derived.size(), parameters.data()) != 1)
        return fail(ErrorCode::Unsupported, "The keys of the volume could not be derived", "HKDF is not available");
    return derived;
}

Result<Secret> Volume::deriveKey(std::string_view label) const
{
    if (!isUnlocked())
        return fail(ErrorCode::BadArgument, m_state->path.string() + " is locked");
    return hkdfSha256(m_state->volumeKey, label);
}

Result<IntegrityKeys> integrityKeys(const Volume &volume)
{
    if (volume.subsystem() != integritySubsystem)
        return fail(ErrorCode::BadFormat, "This is no integrity protected volume", "its header does not say so");
    PREON_TRY(Secret blocks, volume.deriveKey(blocksLabel));
    PREON_TRY(Secret journal, volume.deriveKey(journalLabel));
    return IntegrityKeys{std::move(blocks), std::move(journal)};
}

Result<IntegritySuperblock> parseIntegritySuperblock(ByteView bytes)
{
    const std::string what = "The superblock of the integrity protected volume cannot be used";
    if (bytes.size() < superblockSize)
        return fail(ErrorCode::BadFormat, what, "it ends early");
    if (std::ranges::all_of(bytes.first(superblockSize), [](std::byte byte) { return byte == std::byte{}; }))
        return fail(ErrorCode::NotFound, what, "there is none");
    if (!std::ranges::equal(bytes.first(magic.size()), asBytes(magic)))
        return fail(ErrorCode::BadFormat, what, "it has not the form of one");
    const auto version = std::to_integer<unsigned>(bytes[8]);
    const auto blockLog = std::to_integer<unsigned>(bytes[28]);
    const std::uint64_t tag = littleEndian(bytes.subspan(10, 2)), flags = littleEndian(bytes.subspan(24, 4));
    // Whoever can write the disk could take protection away by a flag; the kernel would then find that nothing fits, and we say why.
    if (version != 5 || tag != tagSize || sector << std::min(blockLog, 16U) != integrityBlock || flags != ourFlags)
        return fail(ErrorCode::Unsupported, what, "it is not of the kind that this system makes");
    const IntegritySuperblock superblock{littleEndian(bytes.subspan(16, 8))};
    if (superblock.sectors == 0 || superblock.sectors > UINT64_MAX / sector || superblock.sectors % (integrityBlock / sector))
        return fail(ErrorCode::BadFormat, what, "its size is not a possible one");
    return superblock;
}

Secret integrityTable(const std::string &device, const IntegrityKeys *keys)
{
    const Secret none(keySize);
    SecretText table(1024);
    table.add(device.substr(0, 64)).add(" " + std::to_string(integrityOffset / sector) + " " + std::to_string(tagSize));
    table.add(keys ? " J 6" : " R 6").add(" block_size:" + std::to_string(integrityBlock)).add(" journal_sectors:" + std::to_string(journalSectors));
    table.add(" internal_hash:hmac(sha256):").addHex(keys ? keys->blocks : none);
    table.add(" journal_mac:hmac(sha256):").addHex(keys ? keys->journal : none);
    return table.add(" fix_padding fix_hmac").take();
}

Result<IntegrityStatus> parseIntegrityStatus(std::string_view text)
{
    IntegrityStatus status;
    std::uint64_t sectors = 0;
    const char *end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, status.mismatches);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ')
        return fail(ErrorCode::BadFormat, "The state of the integrity protected volume could not be read", std::string(text));
    const auto second = std::from_chars(first.ptr + 1, end, sectors);
    if (second.ec != std::errc() || (second.ptr != end && *second.ptr != ' ') || sectors > UINT64_MAX / sector)
        return fail(ErrorCode::BadFormat, "The state of the integrity protected volume could not be read", std::string(text));
    status.size = sectors * sector;
    return status;
}

Result<void> eraseIntegrity(const std::filesystem::path &partition)
{
    PREON_TRY(const Disk::Device device, Disk::Device::open(partition, Disk::Access::Exclusive));
    if (device.size() <= integrityOffset + integrityBlock)
        return fail(ErrorCode::NoSpace, partition.string() + " is too small for an integrity protected volume");
    PREON_CHECK(writeAt(device.fd(), integrityOffset, Bytes(integrityBlock)));
    return device.flush();
}

Result<void> openIntegrity(const std::filesystem::path &partition, const IntegrityKeys *keys, const std::string &name, IntegrityUse use)
{
    const bool checked = use != IntegrityUse::Unchecked;
    const auto there = readSuperblock(partition);
    if (use == IntegrityUse::Fresh ? there || there.error().code != ErrorCode::NotFound : !there)
        return there ? fail(ErrorCode::Exists, partition.string() + " holds a volume already") : std::unexpected(there.error());
    if (checked && !keys)
        return fail(ErrorCode::BadArgument, partition.string() + " cannot be opened without its keys");
    PREON_TRY(const std::string number, numberOf(partition));
    const Secret table = integrityTable(number, checked ? keys : nullptr);
    PREON_TRY(Mapping mapping, Mapping::create(name, "PREON-integrity-" + name, use == IntegrityUse::Open ? Mapping::Udev::Probes : Mapping::Udev::KeepsOff));
    // One block first: then the kernel has looked at the superblock (or made it), and says how much there is. Nothing is used before resume().
    if (auto loaded = mapping.load(integrityBlock / sector, "integrity", table, !checked); !loaded) {
        if (loaded.error().why == failErrno(EILSEQ, {}).error().why)
            return fail(ErrorCode::Corrupt, partition.string() + " could not be opened",
                        "its superblock does not fit its key: it was altered, or belongs to another volume");
        return notTaken(loaded.error(), partition);
    }
    PREON_TRY(const std::string text, mapping.loadedStatus());
    PREON_TRY(const IntegrityStatus status, parseIntegrityStatus(text));
    if (use != IntegrityUse::Fresh)
        PREON_CHECK(acceptSize(partition, use, there->sectors * sector, status.size));
    if (auto loaded = mapping.load(status.size / sector, "integrity", table, !checked); !loaded)
        return notTaken(loaded.error(), partition);
    PREON_CHECK(mapping.resume());
    mapping.keep();
    return {};
}

Result<IntegrityStatus> integrityStatus(const std::string &name)
{
    PREON_TRY(const MappingStatus mapping, mappingStatus(name));
    if (mapping.target != "integrity")
        return fail(ErrorCode::BadFormat, "/dev/mapper/" + name + " is no integrity protected volume", "it is of the kind \"" + mapping.target + "\"");
    PREON_TRY(IntegrityStatus status, parseIntegrityStatus(mapping.text));
    status.size = mapping.sectors * sector;
    status.checked = !mapping.readOnly;
    return status;
}

} // namespace Preon::Luks
