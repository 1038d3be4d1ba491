// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/wifi.h"

#include "core/base/hash.h"
#include "core/tpm/policy.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <openssl/evp.h>
#include <sys/stat.h>

namespace Preon::Install
{

namespace
{

constexpr std::array<std::pair<Protection, std::string_view>, 4> protections{
    {{Protection::None, "none"}, {Protection::Owe, "owe"}, {Protection::WpaPsk, "wpa-psk"}, {Protection::Sae, "sae"}}};
constexpr std::size_t longestSsid = 32, longestSaePassword = 128;

std::string_view protectionName(Protection protection)
{
    return std::ranges::find(protections, protection, &std::pair<Protection, std::string_view>::first)->second;
}

std::string_view textOf(ByteView bytes)
{
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

// UTF-8 (RFC 3629) without control characters.
bool isText(std::string_view text)
{
    for (std::size_t at = 0; at < text.size();) {
        const auto first = static_cast<unsigned char>(text[at]);
        const std::size_t length = first < 0x80 ? 1
            : first >= 0xC2 && first < 0xE0     ? 2
            : first >= 0xE0 && first < 0xF0     ? 3
            : first >= 0xF0 && first < 0xF5     ? 4
                                                : 0;
        if (length == 0 || length > text.size() - at)
            return false;
        char32_t point = length == 1 ? first : first & (0x7FU >> length);
        for (std::size_t i = 1; i < length; ++i) {
            const auto next = static_cast<unsigned char>(text[at + i]);
            if ((next & 0xC0U) != 0x80)
                return false;
            point = point << 6U | (next & 0x3FU);
        }
        const bool isTooLong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
        const bool isControl = point < 0x20 || (point >= 0x7F && point < 0xA0);
        if (isTooLong || isControl || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
            return false;
        at += length;
    }
    return true;
}

bool isPassword(Protection protection, std::string_view password)
{
    const auto isHex = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    };
    switch (protection) {
    case Protection::None:
    case Protection::Owe:
        return password.empty();
    case Protection::WpaPsk:
        if (password.size() == 64)
            return std::ranges::all_of(password, isHex);
        return password.size() >= 8 && password.size() <= 63 && std::ranges::all_of(password, [](char c) { return c >= ' ' && c <= '~'; });
    case Protection::Sae:
        return !password.empty() && password.size() <= longestSaePassword && isText(password);
    }
    return false;
}

// Fills a secret whose size is known before.
class Writer
{
public:
    explicit Writer(std::size_t size)
        : m_secret(size)
    {
    }
    Writer &operator<<(std::string_view text)
    {
        std::ranges::copy(asBytes(text), m_secret.writable().subspan(m_at).begin());
        m_at += text.size();
        return *this;
    }
    Secret take()
    {
        return std::move(m_secret);
    }

private:
    Secret m_secret;
    std::size_t m_at = 0;
};

// What is sealed: the TPM takes 128 bytes at most, which a network can exceed, so it keeps a key of its own for each file, and the file is what that key encrypts.
// "PREONWF1"; the storage key's kind ("e" ECC, "r" RSA); the storage key's record and the TPM's object, each behind two bytes of length (most significant first); then tag and content of
// AES-256-GCM. The root hash and all before the tag are authenticated with it.
constexpr std::string_view magic = "PREONWF1";
constexpr std::size_t keySize = 32, nonceSize = 12, tagSize = 16;

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX *context) const
    {
        EVP_CIPHER_CTX_free(context);
    }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const unsigned char *octets(ByteView bytes)
{
    return reinterpret_cast<const unsigned char *>(bytes.data());
}

// One key is used for one content, so the nonce needs no randomness.
constexpr std::array<std::byte, nonceSize> nonce{};

std::string authenticated(const std::string &rootHash, ByteView head)
{
    return rootHash + std::string(textOf(head));
}

Result<Bytes> encrypt(const Secret &key, ByteView content, std::string_view system)
{
    const Cipher cipher(EVP_CIPHER_CTX_new());
    Bytes out(tagSize + content.size());
    int used = 0;
    const bool done = cipher && EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, octets(key.bytes()), octets(nonce)) == 1
        && EVP_EncryptUpdate(cipher.get(), nullptr, &used, octets(asBytes(system)), static_cast<int>(system.size())) == 1
        && EVP_EncryptUpdate(cipher.get(), reinterpret_cast<unsigned char *>(out.data()) + tagSize, &used, octets(content), static_cast<int>(content.size()))
            == 1
        && EVP_EncryptFinal_ex(cipher.get(), nullptr, &used) == 1 && EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tagSize, out.data()) == 1;
    if (!done)
        return fail(ErrorCode::Io, "The Wi-Fi network could not be encrypted");
    return out;
}

Error damaged()
{
    return {ErrorCode::BadFormat, "The Wi-Fi network of the installation cannot be read", "it is damaged, or was not sealed for this system", {}};
}

// Empty where there is none; then nothing of the rest is left either.
ByteView takePart(ByteView &rest)
{
    const std::size_t size = rest.size() < 2 ? 0 : std::to_integer<std::size_t>(rest[0]) << 8U | std::to_integer<std::size_t>(rest[1]);
    if (size == 0 || size > rest.size() - 2)
        return rest = {};
    const ByteView part = rest.subspan(2, size);
    rest = rest.subspan(2 + size);
    return part;
}

Result<Secret> decrypt(const Secret &key, ByteView sealed, std::string_view system)
{
    const Cipher cipher(EVP_CIPHER_CTX_new());
    const ByteView content = sealed.subspan(tagSize);
    Bytes tag(sealed.begin(), sealed.begin() + tagSize);
    Secret out(content.size());
    int used = 0;
    const bool fits = cipher && key.size() == keySize && EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, octets(key.bytes()), octets(nonce)) == 1
        && EVP_DecryptUpdate(cipher.get(), nullptr, &used, octets(asBytes(system)), static_cast<int>(system.size())) == 1
        && EVP_DecryptUpdate(cipher.get(), reinterpret_cast<unsigned char *>(out.writable().data()), &used, octets(content), static_cast<int>(content.size()))
            == 1
        && EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tagSize, tag.data()) == 1 && EVP_DecryptFinal_ex(cipher.get(), nullptr, &used) == 1;
    if (!fits)
        return std::unexpected(damaged());
    return out;
}

// What GKeyFile resolves in a value: backslashes, and white space that it would pass over (Desktop Entry Specification, "Possible value types").
std::size_t escapedSize(std::string_view value)
{
    return value.size() + static_cast<std::size_t>(std::ranges::count_if(value, [](char c) { return c == '\\' || c == ' '; }));
}

void writeEscaped(Writer &out, std::string_view value)
{
    for (std::size_t i = 0; i < value.size(); ++i)
        out << (value[i] == '\\' ? std::string_view("\\\\") : value[i] == ' ' ? std::string_view("\\s") : value.substr(i, 1));
}

} // namespace

Result<WirelessNetwork> parseWirelessNetwork(std::string_view text)
{
    const auto wrong = [](const char *why) {
        return fail(ErrorCode::BadArgument, "That is no Wi-Fi network", why);
    };
    const std::string_view ssid = text.substr(0, text.find(' '));
    const auto bytes = ssid.size() <= 2 * longestSsid ? fromHex(ssid) : std::nullopt;
    if (!bytes || bytes->empty() || ssid.size() == text.size())
        return wrong("its name is not of 1 to 32 bytes in hexadecimal");
    text.remove_prefix(ssid.size() + 1);
    const std::string_view protection = text.substr(0, text.find(' '));
    const auto found = std::ranges::find(protections, protection, &std::pair<Protection, std::string_view>::second);
    if (found == protections.end())
        return wrong("its kind is not known");
    const bool hasPassword = protection.size() < text.size();
    const std::string_view password = hasPassword ? text.substr(protection.size() + 1) : std::string_view();
    const bool takesPassword = found->first == Protection::WpaPsk || found->first == Protection::Sae;
    if (hasPassword != takesPassword || !isPassword(found->first, password))
        return wrong("its password is not of the form that networks of its kind have");
    return WirelessNetwork{*bytes, found->first, Secret::copyOf(asBytes(password))};
}

Secret describe(const WirelessNetwork &network)
{
    const std::string head = toHex(network.ssid) + ' ' + std::string(protectionName(network.protection));
    const bool hasPassword = !network.password.empty();
    Writer out(head.size() + (hasPassword ? 1 + network.password.size() : 0));
    out << head;
    if (hasPassword)
        out << " " << textOf(network.password.bytes());
    return out.take();
}

std::string nameOf(const WirelessNetwork &network)
{
    const std::string_view ssid = textOf(network.ssid);
    return isText(ssid) ? std::string(ssid) : toHex(network.ssid);
}

Result<Bytes> sealNetwork(const Host &host, const WirelessNetwork &network, const Tpm::SealPolicy &policy, const std::string &rootHash)
{
    PREON_TRY(const Secret key, Secret::random(keySize));
    PREON_TRY(Tpm::Context tpm, Tpm::Context::open(host));
    PREON_TRY(const Tpm::SealedSecret sealed, tpm.seal(key, policy));
    const Bytes &object = sealed.shards.front().blob;
    Bytes out;
    const auto append = [&out](ByteView bytes) {
        out.insert(out.end(), bytes.begin(), bytes.end());
    };
    append(asBytes(magic));
    append(asBytes(sealed.primaryAlgorithm == "rsa" ? "r" : "e"));
    for (const Bytes *part : {&sealed.srk, &object}) {
        out.push_back(static_cast<std::byte>(part->size() >> 8U));
        out.push_back(static_cast<std::byte>(part->size() & 0xFFU));
        append(*part);
    }
    PREON_TRY(const Bytes content, encrypt(key, describe(network).bytes(), authenticated(rootHash, out)));
    append(content);
    if (out.size() > largestSealedNetwork)
        return fail(ErrorCode::Unsupported, "What the TPM sealed is too large", std::to_string(out.size()) + " bytes");
    return out;
}

Result<WirelessNetwork> unsealNetwork(const Host &host, ByteView sealed, const Tpm::SealPolicy &policy, const nlohmann::json &signatures,
                                      const std::string &rootHash)
{
    if (sealed.size() <= magic.size() || sealed.size() > largestSealedNetwork || !std::ranges::equal(sealed.first(magic.size()), asBytes(magic)))
        return std::unexpected(damaged());
    const std::byte kind = sealed[magic.size()];
    ByteView rest = sealed.subspan(magic.size() + 1);
    const ByteView record = takePart(rest), object = takePart(rest);
    if ((kind != std::byte{'e'} && kind != std::byte{'r'}) || record.empty() || object.empty() || rest.size() <= tagSize)
        return std::unexpected(damaged());

    // Under which policy it must be is not asked of the file.
    Tpm::SealedSecret inTpm;
    PREON_TRY(const Sha256Digest digest, Tpm::sealingPolicy(policy.bank, policy.literalPcrs, policy.expected, policy.publicKeyPem, false));
    inTpm.shards.push_back({Bytes(object.begin(), object.end()), Bytes(digest.begin(), digest.end())});
    inTpm.primaryAlgorithm = kind == std::byte{'r'} ? "rsa" : "ecc";
    inTpm.srk.assign(record.begin(), record.end());
    inTpm.bank = policy.bank;
    inTpm.literalPcrs = policy.literalPcrs;
    inTpm.literalValues = policy.expected;
    inTpm.publicKeyPem = policy.publicKeyPem;
    inTpm.signedPcrs = policy.signedPcrs;
    PREON_TRY(Tpm::Context tpm, Tpm::Context::open(host));
    PREON_TRY(const Secret key, tpm.unseal(inTpm, &signatures, nullptr));
    PREON_TRY(const Secret content, decrypt(key, rest, authenticated(rootHash, sealed.first(sealed.size() - rest.size()))));
    auto network = parseWirelessNetwork(textOf(content.bytes()));
    if (!network)
        return std::unexpected(damaged());
    return network;
}

Secret keyfileOf(const WirelessNetwork &network)
{
    std::string head = "[connection]\nid=";
    const std::string name = nameOf(network);
    Writer id(escapedSize(name));
    writeEscaped(id, name);
    head += textOf(id.take().bytes());
    // As a list of bytes, because a name like "1;2" would be taken for one.
    head += "\ntype=wifi\n\n[wifi]\nmode=infrastructure\nssid=";
    for (const std::byte each : network.ssid)
        head += std::to_string(std::to_integer<unsigned>(each)) + ';';
    head += '\n';
    if (network.protection != Protection::None)
        head += "\n[wifi-security]\nkey-mgmt=" + std::string(protectionName(network.protection)) + '\n';
    const std::string_view password = textOf(network.password.bytes());
    const std::string_view before = "psk=", after = "\n", tail = "\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n";
    Writer out(head.size() + (password.empty() ? 0 : before.size() + escapedSize(password) + after.size()) + tail.size());
    out << head;
    if (!password.empty()) {
        out << before;
        writeEscaped(out, password);
        out << after;
    }
    out << tail;
    return out.take();
}

Result<void> writeNetwork(const WirelessNetwork &network, const std::filesystem::path &folder)
{
    std::filesystem::path path = folder;
    for (const auto &[name, mode] : {std::pair("etc", 0755), std::pair("NetworkManager", 0755), std::pair("system-connections", 0700)}) {
        path /= name;
        if (::mkdir(path.c_str(), static_cast<mode_t>(mode)) < 0 && errno != EEXIST)
            return failErrno(path.string() + " could not be made");
    }
    return replaceFile(path / "preon-wifi.nmconnection", keyfileOf(network).bytes(), 0600);
}

} // namespace Preon::Install
