// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/token.h"

#include "core/base/hash.h"
#include "core/tpm/pcrs.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace Preon::Luks
{

namespace
{
// Ours alone: the values that the literal PCRs had, by their numbers, in hexadecimal. systemd passes over members that it does not know.
constexpr auto valuesMember = "preon_pcr_values";

constexpr std::array<std::string_view, 13> knownMembers{"tpm2-blob",    "tpm2-pcrs",       "tpm2-policy-hash", "tpm2-pcr-bank", "tpm2-primary-alg",
                                                        "tpm2-pin",     "tpm2_pubkey",     "tpm2_pubkey_pcrs", "tpm2_salt",     "tpm2_srk",
                                                        "tpm2_pcrlock", "tpm2_pcrlock_nv", valuesMember};

// By 258 and later. What they ask for cannot be left out.
struct LaterMember {
    const char *key;
    const char *needs;
};
constexpr std::array<LaterMember, 4> laterMembers{{
    {"tpm2_pubkey_ref", "a policy key that lies elsewhere than in the token"},
    {"tpm2_argon2id_memcost", "a PIN that is stretched by Argon2"},
    {"tpm2_argon2id_iterations", "a PIN that is stretched by Argon2"},
    {"tpm2_argon2id_lanes", "a PIN that is stretched by Argon2"},
}};

constexpr std::size_t mostShards = 16;

nlohmann::json numbers(Tpm::PcrMask mask)
{
    auto list = nlohmann::json::array();
    for (unsigned index = 0; index < 24; ++index) {
        if (mask >> index & 1U)
            list.push_back(index);
    }
    return list;
}

// Reads members, keeping the first thing that was wrong: a token is either understood whole or not at all.
class Members
{
public:
    explicit Members(const nlohmann::json &token)
        : m_token(token)
    {
    }

    bool has(const char *key) const
    {
        return m_token.contains(key);
    }
    std::string text(const char *key)
    {
        const auto found = m_token.find(key);
        if (found == m_token.end())
            return {};
        if (!found->is_string())
            return wrong(key, "is no text"), std::string();
        return found->get<std::string>();
    }
    bool flag(const char *key)
    {
        const auto found = m_token.find(key);
        if (found == m_token.end())
            return false;
        if (!found->is_boolean())
            return wrong(key, "is neither true nor false"), false;
        return found->get<bool>();
    }
    Tpm::PcrMask pcrs(const char *key)
    {
        const auto found = m_token.find(key);
        if (found == m_token.end())
            return 0;
        Tpm::PcrMask mask = 0;
        bool good = found->is_array();
        for (std::size_t i = 0; good && i < found->size(); ++i) {
            const auto &number = (*found)[i];
            good = number.is_number_integer() && number.get<std::int64_t>() >= 0 && number.get<std::int64_t>() < 24;
            if (good)
                mask |= 1U << number.get<unsigned>();
        }
        if (!good)
            wrong(key, "is no list of PCR numbers");
        return mask;
    }
    Bytes base64(const char *key)
    {
        const auto bytes = fromBase64(text(key));
        if (!bytes)
            wrong(key, "is not base64");
        return bytes.value_or(Bytes());
    }
    // One text, or a list of them where the secret has several shards.
    std::vector<Bytes> shards(const char *key, std::optional<Bytes> (*decode)(std::string_view))
    {
        std::vector<Bytes> all;
        const auto found = m_token.find(key);
        if (found == m_token.end())
            return wrong(key, "is missing"), all;
        const auto list = found->is_array() ? *found : nlohmann::json::array({*found});
        if (list.empty() || list.size() > mostShards)
            return wrong(key, "has no or too many parts"), all;
        for (const auto &each : list) {
            auto bytes = each.is_string() ? decode(each.get<std::string>()) : std::nullopt;
            if (!bytes)
                return wrong(key, "is not encoded as it should be"), all;
            if (bytes->empty())
                return wrong(key, "is empty"), all;
            all.push_back(std::move(*bytes));
        }
        return all;
    }
    // A value for each of the PCRs, or none at all: only what a person is told depends on it.
    std::vector<Tpm::PcrValue> values(const char *key, const std::string &bank, Tpm::PcrMask mask) const
    {
        std::vector<Tpm::PcrValue> all;
        const auto found = m_token.find(key);
        const auto size = Tpm::digestSize(bank);
        for (unsigned index = 0; found != m_token.end() && found->is_object() && size && index < 24; ++index) {
            if (!(mask >> index & 1U))
                continue;
            const auto text = found->find(std::to_string(index));
            auto digest = text != found->end() && text->is_string() ? fromHex(text->get<std::string>()) : std::nullopt;
            if (!digest || digest->size() != *size)
                return {};
            all.push_back({index, std::move(*digest)});
        }
        return all;
    }
    void wrong(const char *key, const char *what)
    {
        if (m_wrong.empty())
            m_wrong = std::string(key) + " " + what;
    }
    const std::string &whatIsWrong() const
    {
        return m_wrong;
    }

private:
    const nlohmann::json &m_token;
    std::string m_wrong;
};
}

std::string tokenType(const nlohmann::json &token)
{
    if (!token.is_object() || !token.contains("type") || !token["type"].is_string())
        return {};
    return token["type"].get<std::string>();
}

std::vector<int> tokenSlots(const nlohmann::json &token)
{
    std::vector<int> slots;
    if (!token.is_object() || !token.contains("keyslots") || !token["keyslots"].is_array())
        return slots;
    for (const auto &slot : token["keyslots"]) {
        if (!slot.is_string())
            continue;
        const std::string text = slot.get<std::string>();
        int number = -1;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc() && end == text.data() + text.size() && number >= 0)
            slots.push_back(number);
    }
    return slots;
}

nlohmann::json toToken(const Tpm::SealedSecret &sealed, int keySlot)
{
    auto blobs = nlohmann::json::array();
    auto hashes = nlohmann::json::array();
    for (const Tpm::Shard &shard : sealed.shards) {
        blobs.push_back(toBase64(shard.blob));
        hashes.push_back(toHex(shard.policyHash));
    }
    const bool alone = blobs.size() == 1; // releases before 257 know no lists
    nlohmann::json token = {
        {"type", tpmToken},
        {"keyslots", {std::to_string(keySlot)}},
        {"tpm2-blob", alone ? blobs[0] : blobs},
        {"tpm2-pcrs", numbers(sealed.literalPcrs)},
        {"tpm2-primary-alg", sealed.primaryAlgorithm.empty() ? "ecc" : sealed.primaryAlgorithm},
        {"tpm2-policy-hash", alone ? hashes[0] : hashes},
    };
    if (sealed.literalPcrs != 0 || sealed.signedPcrs != 0) // of no PCR there is no bank
        token["tpm2-pcr-bank"] = sealed.bank;
    if (sealed.pin)
        token["tpm2-pin"] = true;
    if (sealed.pcrlock)
        token["tpm2_pcrlock"] = true;
    if (!sealed.publicKeyPem.empty()) {
        token["tpm2_pubkey_pcrs"] = numbers(sealed.signedPcrs);
        token["tpm2_pubkey"] = toBase64(asBytes(sealed.publicKeyPem));
    }
    for (const auto &[key, bytes] :
         {std::pair("tpm2_salt", &sealed.salt), std::pair("tpm2_srk", &sealed.srk), std::pair("tpm2_pcrlock_nv", &sealed.pcrlockNv)}) {
        if (!bytes->empty())
            token[key] = toBase64(*bytes);
    }
    for (const Tpm::PcrValue &value : sealed.literalValues)
        token[valuesMember][std::to_string(value.index)] = toHex(value.digest);
    return token;
}

Result<Tpm::SealedSecret> fromToken(const nlohmann::json &token)
{
    if (tokenType(token) != tpmToken)
        return fail(ErrorCode::BadFormat, "The token is none of the TPM", "its type is another");
    for (const LaterMember &later : laterMembers) {
        if (token.contains(later.key))
            return fail(ErrorCode::Unsupported, "The token of the TPM cannot be used",
                        "a later release of systemd wrote it, and it needs " + std::string(later.needs),
                        "Use another key of the volume, or open it with that release.");
    }

    Members members(token);
    Tpm::SealedSecret sealed;
    const std::vector<Bytes> blobs = members.shards("tpm2-blob", fromBase64);
    const std::vector<Bytes> hashes = members.shards("tpm2-policy-hash", fromHex);
    if (blobs.size() != hashes.size())
        members.wrong("tpm2-policy-hash", "has not as many parts as tpm2-blob");
    sealed.literalPcrs = members.pcrs("tpm2-pcrs");
    sealed.bank = members.has("tpm2-pcr-bank") ? members.text("tpm2-pcr-bank") : "sha256";
    sealed.primaryAlgorithm = members.text("tpm2-primary-alg");
    sealed.pin = members.flag("tpm2-pin");
    sealed.pcrlock = members.flag("tpm2_pcrlock");
    const Bytes pem = members.base64("tpm2_pubkey");
    sealed.publicKeyPem.assign(reinterpret_cast<const char *>(pem.data()), pem.size());
    sealed.signedPcrs = members.pcrs("tpm2_pubkey_pcrs");
    sealed.salt = members.base64("tpm2_salt");
    sealed.srk = members.base64("tpm2_srk");
    sealed.pcrlockNv = members.base64("tpm2_pcrlock_nv");

    if (!members.has("tpm2-pcrs"))
        members.wrong("tpm2-pcrs", "is missing");
    if (!sealed.publicKeyPem.empty() && sealed.signedPcrs == 0)
        members.wrong("tpm2_pubkey_pcrs", "is missing");
    if (sealed.publicKeyPem.empty() && sealed.signedPcrs != 0)
        members.wrong("tpm2_pubkey", "is missing");
    if (!members.whatIsWrong().empty())
        return fail(ErrorCode::BadFormat, "The token of the TPM could not be read", members.whatIsWrong());
    for (std::size_t i = 0; i < blobs.size(); ++i)
        sealed.shards.push_back({blobs[i], hashes[i]});
    sealed.literalValues = members.values(valuesMember, sealed.bank, sealed.literalPcrs);
    for (const auto &[key, value] : token.items()) {
        if ((key.starts_with("tpm2_") || key.starts_with("tpm2-")) && !std::ranges::contains(knownMembers, key) && value != false && !value.is_null())
            sealed.unknown.push_back(key);
    }
    return sealed;
}

nlohmann::json recoveryTokenFor(int keySlot)
{
    return {{"type", recoveryToken}, {"keyslots", {std::to_string(keySlot)}}};
}

nlohmann::json enrolmentTokenFor(int keySlot)
{
    return {{"type", enrolmentToken}, {"keyslots", {std::to_string(keySlot)}}};
}

} // namespace Preon::Luks
