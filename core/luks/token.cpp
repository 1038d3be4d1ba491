// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/token.h"

#include "core/base/hash.h"

#include <charconv>

namespace Preon::Luks
{

namespace
{
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
        const std::string encoded = text(key);
        const auto bytes = fromBase64(encoded);
        if (!bytes)
            wrong(key, "is not base64");
        return bytes.value_or(Bytes());
    }
    Bytes hex(const char *key)
    {
        const auto bytes = fromHex(text(key));
        if (!bytes)
            wrong(key, "is not hexadecimal");
        return bytes.value_or(Bytes());
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
    nlohmann::json token = {
        {"type", tpmToken},
        {"keyslots", {std::to_string(keySlot)}},
        {"tpm2-blob", toBase64(sealed.blob)},
        {"tpm2-pcrs", numbers(sealed.literalPcrs)},
        {"tpm2-pcr-bank", sealed.bank},
        {"tpm2-primary-alg", sealed.primaryAlgorithm.empty() ? "ecc" : sealed.primaryAlgorithm},
        {"tpm2-policy-hash", toHex(sealed.policyHash)},
    };
    if (sealed.pin)
        token["tpm2-pin"] = true;
    if (!sealed.publicKeyPem.empty()) {
        token["tpm2_pubkey_pcrs"] = numbers(sealed.signedPcrs);
        token["tpm2_pubkey"] = toBase64(asBytes(sealed.publicKeyPem));
    }
    if (!sealed.salt.empty())
        token["tpm2_salt"] = toBase64(sealed.salt);
    if (!sealed.srk.empty())
        token["tpm2_srk"] = toBase64(sealed.srk);
    return token;
}

Result<Tpm::SealedSecret> fromToken(const nlohmann::json &token)
{
    if (tokenType(token) != tpmToken)
        return fail(ErrorCode::BadFormat, "The token is none of the TPM", "its type is another");
    for (const auto &[key, what] :
         {std::pair{"tpm2_pcrlock", "a policy that systemd-pcrlock keeps in the TPM"}, std::pair{"tpm2_pubkey_ref", "a policy key that lies elsewhere"},
          std::pair{"tpm2_argon2id_memcost", "a PIN that is stretched by Argon2"}}) {
        if (token.contains(key) && token[key] != false)
            return fail(ErrorCode::Unsupported, "The token of the TPM cannot be used", std::string("it needs ") + what);
    }
    if (token.contains("tpm2-blob") && token["tpm2-blob"].is_array())
        return fail(ErrorCode::Unsupported, "The token of the TPM cannot be used", "its secret is split over several objects");

    Members members(token);
    Tpm::SealedSecret sealed;
    sealed.blob = members.base64("tpm2-blob");
    sealed.policyHash = members.hex("tpm2-policy-hash");
    sealed.literalPcrs = members.pcrs("tpm2-pcrs");
    sealed.bank = members.has("tpm2-pcr-bank") ? members.text("tpm2-pcr-bank") : "sha256";
    sealed.primaryAlgorithm = members.text("tpm2-primary-alg");
    sealed.pin = members.flag("tpm2-pin");
    const Bytes pem = members.base64("tpm2_pubkey");
    sealed.publicKeyPem.assign(reinterpret_cast<const char *>(pem.data()), pem.size());
    sealed.signedPcrs = members.pcrs("tpm2_pubkey_pcrs");
    sealed.salt = members.base64("tpm2_salt");
    sealed.srk = members.base64("tpm2_srk");

    if (sealed.blob.empty())
        members.wrong("tpm2-blob", "is missing");
    if (!members.has("tpm2-pcrs"))
        members.wrong("tpm2-pcrs", "is missing");
    if (sealed.policyHash.empty())
        members.wrong("tpm2-policy-hash", "is missing");
    if (!sealed.publicKeyPem.empty() && sealed.signedPcrs == 0)
        members.wrong("tpm2_pubkey_pcrs", "is missing");
    if (!members.whatIsWrong().empty())
        return fail(ErrorCode::BadFormat, "The token of the TPM could not be read", members.whatIsWrong());
    if (sealed.publicKeyPem.empty())
        sealed.signedPcrs = 0;
    return sealed;
}

} // namespace Preon::Luks
