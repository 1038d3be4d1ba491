// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/volume.h"

#include "core/luks/state.h"
#include "core/luks/xts.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>

namespace Preon::Luks
{

namespace
{
constexpr std::size_t volumeKeySize = 64; // two AES-256 keys, as XTS wants
constexpr std::uint64_t largestKeyArea = 16U << 20U; // bytes; a usual one has 256 KiB

// What the library logged last. It logs to standard error unless told otherwise, and some of it before there is a device to tell it for.
thread_local std::string said;

void listen()
{
    static const bool once = [] {
        crypt_set_log_callback(
            nullptr,
            [](int level, const char *message, void *) {
                if (level == CRYPT_LOG_ERROR)
                    said = message;
            },
            nullptr);
        return true;
    }();
    (void)once;
    said.clear();
}

}

std::unexpected<Error> cryptFailure(int code, std::string what)
{
    std::string why = std::exchange(said, {});
    while (!why.empty() && (why.back() == '\n' || why.back() == '.' || why.back() == ' '))
        why.pop_back();
    auto error = failErrno(-code, std::move(what));
    if (!why.empty())
        error.error().why += (error.error().why.empty() ? "" : "; ") + why;
    return error;
}

crypt_pbkdf_type plainPbkdf(const char *hash)
{
    crypt_pbkdf_type type{};
    type.type = CRYPT_KDF_PBKDF2;
    type.hash = hash;
    type.iterations = 1000;
    type.flags = CRYPT_PBKDF_NO_BENCHMARK;
    return type;
}

Result<std::unique_ptr<Volume::State>> Volume::State::open(const std::filesystem::path &path)
{
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
        return fail(ErrorCode::NotFound, path.string() + " could not be opened as an encrypted volume", "it does not exist");
    auto state = std::make_unique<State>();
    state->path = path;
    listen();
    crypt_device *opened = nullptr;
    const int code = crypt_init(&opened, path.c_str());
    state->device.reset(opened);
    if (code < 0)
        return cryptFailure(code, path.string() + " could not be opened as an encrypted volume");
    return state;
}

Volume::Volume(std::unique_ptr<State> state)
    : m_state(std::move(state))
{
}
Volume::Volume(Volume &&) noexcept = default;
Volume &Volume::operator=(Volume &&) noexcept = default;
Volume::~Volume() = default;

Result<Volume> Volume::format(const std::filesystem::path &path, const FormatOptions &options)
{
    const std::string what = path.string() + " could not be made an encrypted volume";
    if (options.dataOffset % 4096 || options.sectorSize < 512 || options.sectorSize > 4096 || options.sectorSize & (options.sectorSize - 1))
        return fail(ErrorCode::BadArgument, what, "the payload begins at a multiple of 4096 bytes, and its sectors have 512, 1024, 2048 or 4096");
    PREON_TRY(auto state, State::open(path));
    PREON_TRY(state->volumeKey, Secret::random(volumeKeySize));
    if (options.dataOffset != 0) {
        if (const int code = crypt_set_data_offset(state->device.get(), options.dataOffset / 512); code < 0)
            return cryptFailure(code, what);
    }
    // For the digest of the volume key, which is random as well: without this the library measures for seconds how many iterations the machine can do.
    const crypt_pbkdf_type forDigest = plainPbkdf("sha256");
    if (const int code = crypt_set_pbkdf_type(state->device.get(), &forDigest); code < 0)
        return cryptFailure(code, what);
    crypt_params_luks2 parameters{};
    parameters.label = options.label.c_str();
    parameters.subsystem = options.subsystem.empty() ? nullptr : options.subsystem.c_str();
    parameters.sector_size = options.sectorSize;
    const std::string uuid = options.uuid.isNull() ? std::string() : options.uuid.text();
    const int code = crypt_format(state->device.get(), CRYPT_LUKS2, "aes", "xts-plain64", uuid.empty() ? nullptr : uuid.c_str(), state->volumeKey.chars(),
                                  state->volumeKey.size(), &parameters);
    if (code < 0)
        return cryptFailure(code, what);
    return Volume(std::move(state));
}

Result<Volume> Volume::load(const std::filesystem::path &path)
{
    PREON_TRY(auto state, State::open(path));
    const int code = crypt_load(state->device.get(), CRYPT_LUKS2, nullptr);
    if (code == -EINVAL || code == -ENOENT) {
        return fail(ErrorCode::BadFormat, path.string() + " is no encrypted volume", "there is no LUKS2 header in it");
    }
    if (code < 0)
        return cryptFailure(code, "The header of " + path.string() + " could not be read");
    return Volume(std::move(state));
}

Result<void> Volume::activate(const std::string &name, bool readOnly)
{
    if (!isUnlocked())
        return fail(ErrorCode::BadArgument, m_state->path.string() + " is locked");
    const std::string what = m_state->path.string() + " could not be opened as /dev/mapper/" + name;
    // The library keeps the key in the kernel's keyring rather than in the mapping by itself, where kernel and volume can.
    const int code = crypt_activate_by_volume_key(m_state->device.get(), name.c_str(), m_state->volumeKey.chars(), m_state->volumeKey.size(),
                                                  readOnly ? CRYPT_ACTIVATE_READONLY : 0U);
    if (code == -EEXIST)
        return fail(ErrorCode::Exists, what, "that name is in use");
    if (code == -ENOTSUP)
        return fail(ErrorCode::Unsupported, what, "the kernel has no device mapper for it");
    if (code < 0)
        return cryptFailure(code, what);
    return {};
}

bool Volume::isUnlocked() const
{
    return !m_state->volumeKey.empty();
}

std::optional<int> Volume::openedBy() const
{
    return m_state->openedBy;
}

Uuid Volume::uuid() const
{
    const char *text = crypt_get_uuid(m_state->device.get());
    return Uuid::parse(text ? text : "").value_or(Uuid());
}

std::string Volume::label() const
{
    const char *text = crypt_get_label(m_state->device.get());
    return text ? text : "";
}

std::string Volume::subsystem() const
{
    const char *text = crypt_get_subsystem(m_state->device.get());
    return text ? text : "";
}

std::uint64_t Volume::dataOffset() const
{
    return crypt_get_data_offset(m_state->device.get()) * 512;
}

std::uint32_t Volume::sectorSize() const
{
    return static_cast<std::uint32_t>(crypt_get_sector_size(m_state->device.get()));
}

std::vector<Slot> Volume::slots() const
{
    const auto all = tokens().value_or(std::vector<nlohmann::json>());
    std::vector<Slot> used;
    for (int number = 0; number < crypt_keyslot_max(CRYPT_LUKS2); ++number) {
        if (!m_state->isActive(number))
            continue;
        Slot slot{number, {}, {}};
        crypt_pbkdf_type kdf{};
        if (crypt_keyslot_get_pbkdf(m_state->device.get(), number, &kdf) == 0 && kdf.type)
            slot.kdf = kdf.type;
        for (const auto &token : all) {
            // A token of ours says less than another's: what it claims hides nothing.
            const bool hides = tokenType(token) == enrolmentToken && !slot.token.empty();
            if (std::ranges::contains(tokenSlots(token), number) && !hides)
                slot.token = tokenType(token);
        }
        used.push_back(slot);
    }
    return used;
}

Result<SlotCost> Volume::costOf(int slot) const
{
    crypt_pbkdf_type kdf{};
    if (const int code = crypt_keyslot_get_pbkdf(m_state->device.get(), slot, &kdf); code < 0)
        return fail(ErrorCode::NotFound, m_state->path.string() + " has no key slot " + std::to_string(slot));
    return SlotCost{.rounds = kdf.iterations, .memory = kdf.max_memory_kb};
}

Result<std::vector<nlohmann::json>> Volume::tokens() const
{
    std::vector<nlohmann::json> found;
    for (int number = 0; number < crypt_token_max(CRYPT_LUKS2); ++number) {
        const char *text = nullptr;
        if (crypt_token_json_get(m_state->device.get(), number, &text) < 0 || !text)
            continue;
        auto token = nlohmann::json::parse(text, nullptr, false);
        if (token.is_discarded())
            return fail(ErrorCode::BadFormat, "The tokens of " + m_state->path.string() + " could not be read");
        found.push_back(std::move(token));
    }
    return found;
}

Result<Sha256Digest> Volume::slotDigest(int slot) const
{
    const std::string what = "Key slot " + std::to_string(slot) + " of " + m_state->path.string() + " could not be looked at";
    if (slot < 0 || slot >= crypt_keyslot_max(CRYPT_LUKS2) || !m_state->isActive(slot))
        return fail(ErrorCode::NotFound, what, "there is none of this number");
    const char *text = nullptr;
    std::uint64_t offset = 0, length = 0;
    if (const int code = crypt_dump_json(m_state->device.get(), &text, 0); code < 0)
        return cryptFailure(code, what);
    if (const int code = crypt_keyslot_area(m_state->device.get(), slot, &offset, &length); code < 0)
        return cryptFailure(code, what);
    const auto header = nlohmann::json::parse(text ? text : "", nullptr, false);
    const auto entry = nlohmann::json::json_pointer("/keyslots/" + std::to_string(slot));
    if (header.is_discarded() || !header.contains(entry) || length > largestKeyArea)
        return fail(ErrorCode::BadFormat, what);
    Bytes material(length);
    PREON_TRY(const Fd file, openFile(m_state->path, O_RDONLY));
    PREON_CHECK(readAt(file, offset, material));
    return Sha256().add(asBytes(header[entry].dump())).add(material).finish();
}

Result<void> Volume::writePayload(const Disk::Device &target, std::uint64_t volumeStart, std::uint64_t offset, ByteView plain)
{
    constexpr std::size_t chunk = 1U << 20U;
    if (!isUnlocked())
        return fail(ErrorCode::BadArgument, m_state->path.string() + " is locked");
    PREON_TRY(XtsEncryption cipher, XtsEncryption::create(m_state->volumeKey, sectorSize()));
    Bytes buffer;
    while (!plain.empty()) {
        const ByteView piece = plain.first(std::min(chunk, plain.size()));
        buffer.assign(piece.begin(), piece.end());
        PREON_CHECK(cipher.encrypt(offset, buffer));
        PREON_CHECK(writeAt(target.fd(), volumeStart + dataOffset() + offset, buffer));
        offset += piece.size();
        plain = plain.subspan(piece.size());
    }
    return {};
}

namespace
{
Result<Bytes> underKey(XtsWay way, const Secret &volumeKey, const std::filesystem::path &path, ByteView iv, ByteView data)
{
    if (volumeKey.empty())
        return fail(ErrorCode::BadArgument, path.string() + " is locked");
    Bytes bytes(data.begin(), data.end());
    PREON_CHECK(xtsUnit(way, volumeKey, iv, bytes));
    return bytes;
}
}

Result<Bytes> Volume::seal(ByteView iv, ByteView plain) const
{
    return underKey(XtsWay::Encrypt, m_state->volumeKey, m_state->path, iv, plain);
}

Result<Bytes> Volume::unseal(ByteView iv, ByteView sealed) const
{
    return underKey(XtsWay::Decrypt, m_state->volumeKey, m_state->path, iv, sealed);
}

Result<void> deactivate(const std::string &name)
{
    listen();
    const int code = crypt_deactivate(nullptr, name.c_str());
    const std::string what = "/dev/mapper/" + name + " could not be closed";
    if (code == -ENODEV)
        return fail(ErrorCode::NotFound, what, "it does not exist");
    if (code == -EBUSY)
        return fail(ErrorCode::Busy, what, "it is in use");
    if (code < 0)
        return cryptFailure(code, what);
    return {};
}

} // namespace Preon::Luks
