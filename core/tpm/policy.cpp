// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/tpm/policy.h"

#include "core/base/hash.h"
#include "core/tpm/esys.h"
#include "core/tpm/pcrs.h"

#include <algorithm>
#include <array>
#include <memory>

#include <nlohmann/json.hpp>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <tss2/tss2_mu.h>

namespace Preon::Tpm
{

namespace
{
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Result<Key> readKey(const std::string &pem)
{
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free_all);
    Key key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr, &EVP_PKEY_free);
    if (!key)
        return fail(ErrorCode::BadFormat, "The policy's public key could not be read", "it is not a public key in PEM form");
    return key;
}

void append(Bytes &bytes, ByteView more)
{
    bytes.insert(bytes.end(), more.begin(), more.end());
}

void appendBig32(Bytes &bytes, std::uint32_t number)
{
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        bytes.push_back(static_cast<std::byte>(number >> shift));
}

// nullopt when it is not a list of PCR numbers.
std::optional<PcrMask> maskOf(const nlohmann::json &list)
{
    if (!list.is_array())
        return std::nullopt;
    PcrMask mask = 0;
    for (const auto &number : list) {
        if (!number.is_number_integer() || number.get<std::int64_t>() < 0 || number.get<std::int64_t>() >= 24)
            return std::nullopt;
        mask |= 1U << number.get<unsigned>();
    }
    return mask;
}

std::vector<unsigned> indexesOf(PcrMask mask)
{
    std::vector<unsigned> indexes;
    for (unsigned index = 0; index < 24; ++index) {
        if (mask >> index & 1U)
            indexes.push_back(index);
    }
    return indexes;
}

std::vector<unsigned> pcrsOf(const std::vector<PcrValue> &values)
{
    std::vector<unsigned> indexes;
    for (const PcrValue &value : values)
        indexes.push_back(value.index);
    return indexes;
}

// A member that is text; "" when there is none.
std::string textOf(const nlohmann::json &object, const char *key)
{
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
}

std::optional<TPM2_ALG_ID> bankAlgorithm(std::string_view bank)
{
    if (bank == "sha1")
        return TPM2_ALG_SHA1;
    if (bank == "sha256" || bank.empty()) // tokens of 250 do not name it
        return TPM2_ALG_SHA256;
    if (bank == "sha384")
        return TPM2_ALG_SHA384;
    if (bank == "sha512")
        return TPM2_ALG_SHA512;
    return std::nullopt;
}

TPML_PCR_SELECTION selection(TPM2_ALG_ID bank, PcrMask mask)
{
    TPML_PCR_SELECTION list{};
    list.count = 1;
    list.pcrSelections[0].hash = bank;
    list.pcrSelections[0].sizeofSelect = 3;
    for (unsigned octet = 0; octet < 3; ++octet)
        list.pcrSelections[0].pcrSelect[octet] = static_cast<BYTE>(mask >> (8U * octet));
    return list;
}

void PolicyDigest::authorize(ByteView name)
{
    Bytes message(m_digest.size());
    appendBig32(message, TPM2_CC_PolicyAuthorize);
    append(message, name);
    m_digest = sha256(message);
    m_digest = sha256(m_digest); // followed by the policy reference, which is empty
}

Result<void> PolicyDigest::pcr(const std::string &bank, PcrMask mask, const std::vector<PcrValue> &values)
{
    const auto algorithm = bankAlgorithm(bank);
    if (!algorithm)
        return fail(ErrorCode::Unsupported, "The PCR bank \"" + bank + "\" is not known");
    const TPML_PCR_SELECTION chosen = selection(*algorithm, mask);
    std::array<std::uint8_t, sizeof(chosen)> buffer;
    std::size_t used = 0;
    if (Tss2_MU_TPML_PCR_SELECTION_Marshal(&chosen, buffer.data(), buffer.size(), &used) != TSS2_RC_SUCCESS)
        return fail(ErrorCode::BadArgument, "The list of PCRs could not be encoded");
    Sha256 all;
    for (const PcrValue &value : values)
        all.add(value.digest);
    Bytes message(m_digest.begin(), m_digest.end());
    appendBig32(message, TPM2_CC_PolicyPCR);
    append(message, std::as_bytes(std::span(buffer.data(), used)));
    append(message, all.finish());
    m_digest = sha256(message);
    return {};
}

void PolicyDigest::authValue()
{
    Bytes message(m_digest.begin(), m_digest.end());
    appendBig32(message, TPM2_CC_PolicyAuthValue);
    m_digest = sha256(message);
}

Result<Sha256Digest> sealingPolicy(const std::string &bank, PcrMask literalPcrs, const std::vector<PcrValue> &literalValues, const std::string &publicKeyPem,
                                   bool pin)
{
    PolicyDigest policy;
    if (!publicKeyPem.empty()) {
        PREON_TRY(const Bytes name, keyName(publicKeyPem));
        policy.authorize(name);
    }
    if (literalPcrs != 0)
        PREON_CHECK(policy.pcr(bank, literalPcrs, literalValues));
    if (pin)
        policy.authValue();
    return policy.digest();
}

namespace
{
// The policy hash as it would have been with these values of the literal PCRs.
bool fits(const SealedSecret &sealed, const std::vector<PcrValue> &values)
{
    const auto policy = sealingPolicy(sealed.bank, sealed.literalPcrs, values, sealed.publicKeyPem, sealed.pin);
    return policy && std::ranges::equal(*policy, sealed.shards.front().policyHash);
}

PcrMask differences(const std::vector<PcrValue> &one, const std::vector<PcrValue> &other)
{
    PcrMask mask = 0;
    for (std::size_t i = 0; i < one.size(); ++i) {
        if (one[i].digest != other[i].digest)
            mask |= 1U << one[i].index;
    }
    return mask;
}
}

std::optional<PcrMask> changedPcrs(const SealedSecret &sealed, const std::vector<PcrValue> &now)
{
    constexpr std::size_t mostTries = 12; // 2^12 policies take some milliseconds
    if (sealed.shards.size() != 1 || sealed.literalPcrs == 0 || !std::ranges::equal(pcrsOf(now), indexesOf(sealed.literalPcrs)) || fits(sealed, now))
        return std::nullopt;
    // The record lies on the disk, where anybody may write: believed only as far as it leads to the hash that was sealed under.
    const bool recorded = std::ranges::equal(pcrsOf(sealed.literalValues), pcrsOf(now)) && fits(sealed, sealed.literalValues);
    if (recorded)
        return differences(sealed.literalValues, now);
    // Without one: were some of them not extended at all then? A PCR that should be empty is the most usual one to have changed.
    for (unsigned choice = 1; now.size() <= mostTries && choice < 1U << now.size(); ++choice) {
        std::vector<PcrValue> then = now;
        for (std::size_t i = 0; i < then.size(); ++i) {
            if (choice >> i & 1U)
                then[i].digest.assign(then[i].digest.size(), std::byte{0});
        }
        if (fits(sealed, then))
            return differences(then, now);
    }
    return now.size() == 1 ? std::optional(sealed.literalPcrs) : std::nullopt;
}

Result<Sha256Digest> keyFingerprint(const std::string &publicKeyPem)
{
    PREON_TRY(const Key key, readKey(publicKeyPem));
    unsigned char *der = nullptr;
    const int length = i2d_PublicKey(key.get(), &der);
    const std::unique_ptr<unsigned char, void (*)(unsigned char *)> owner(der, [](unsigned char *bytes) { OPENSSL_free(bytes); });
    if (length <= 0)
        return fail(ErrorCode::Unsupported, "The policy's public key has no DER form");
    return sha256(std::as_bytes(std::span(der, static_cast<std::size_t>(length))));
}

Result<TPM2B_PUBLIC> externalKey(const std::string &publicKeyPem, Exponent form)
{
    PREON_TRY(const Key key, readKey(publicKeyPem));
    if (EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA)
        return fail(ErrorCode::Unsupported, "The policy's public key is not an RSA key", {}, "Sign PCR policies with an RSA key of 2048 bits.");
    BIGNUM *modulus = nullptr;
    BIGNUM *exponent = nullptr;
    const bool known
        = EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 && EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_E, &exponent) == 1;
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> n(modulus, &BN_free);
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> e(exponent, &BN_free);
    if (!known || BN_num_bytes(n.get()) > TPM2_MAX_RSA_KEY_BYTES || BN_num_bytes(e.get()) > 4)
        return fail(ErrorCode::Unsupported, "The policy's public key is larger than a TPM takes", {}, "Sign PCR policies with an RSA key of 2048 bits.");

    TPM2B_PUBLIC area{};
    TPMT_PUBLIC &shape = area.publicArea;
    shape.type = TPM2_ALG_RSA;
    shape.nameAlg = TPM2_ALG_SHA256;
    shape.objectAttributes = TPMA_OBJECT_DECRYPT | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_USERWITHAUTH;
    shape.parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
    shape.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
    shape.parameters.rsaDetail.keyBits = static_cast<TPMI_RSA_KEY_BITS>(BN_num_bits(n.get()));
    constexpr UINT32 usual = 65537; // 0 may stand for it; which of the two it is is part of the name
    shape.parameters.rsaDetail.exponent = static_cast<UINT32>(BN_get_word(e.get()));
    if (form == Exponent::Zero && shape.parameters.rsaDetail.exponent == usual)
        shape.parameters.rsaDetail.exponent = 0;
    shape.unique.rsa.size = static_cast<UINT16>(BN_bn2bin(n.get(), shape.unique.rsa.buffer));
    return area;
}

Result<Bytes> keyName(const std::string &publicKeyPem)
{
    PREON_TRY(const TPM2B_PUBLIC area, externalKey(publicKeyPem));
    std::array<std::uint8_t, sizeof(area)> buffer;
    std::size_t used = 0;
    if (Tss2_MU_TPMT_PUBLIC_Marshal(&area.publicArea, buffer.data(), buffer.size(), &used) != TSS2_RC_SUCCESS)
        return fail(ErrorCode::Unsupported, "The policy's public key could not be encoded for the TPM");
    Bytes name{std::byte(TPM2_ALG_SHA256 >> 8U), std::byte(TPM2_ALG_SHA256 & 0xFFU)};
    append(name, sha256(std::as_bytes(std::span(buffer.data(), used))));
    return name;
}

Result<Bytes> findSignature(const nlohmann::json &document, const std::string &bank, PcrMask pcrs, ByteView fingerprint, ByteView approved)
{
    constexpr auto code = ErrorCode::PolicyMismatch;
    const std::string what = "The kernel has no signature that lets the TPM release the key";
    if (!document.is_object())
        return fail(ErrorCode::BadFormat, "The PCR signatures could not be read", "the document is no JSON object");
    const auto entries = document.find(bank.empty() ? "sha256" : bank);
    if (entries == document.end())
        return fail(code, what, "there is none for the PCR bank " + bank);
    if (!entries->is_array())
        return fail(ErrorCode::BadFormat, "The PCR signatures could not be read", "bank " + bank + " is no list");

    bool ofKey = false;
    bool ofPcrs = false;
    for (const auto &entry : *entries) {
        if (!entry.is_object())
            return fail(ErrorCode::BadFormat, "The PCR signatures could not be read", "an entry is no object");
        const auto by = fromHex(textOf(entry, "pkfp"));
        if (!by || !std::ranges::equal(*by, fingerprint))
            continue;
        ofKey = true;
        if (!entry.contains("pcrs") || maskOf(entry["pcrs"]) != pcrs)
            continue;
        ofPcrs = true;
        const auto speaksOf = fromHex(textOf(entry, "pol"));
        if (!speaksOf || !std::ranges::equal(*speaksOf, approved))
            continue;
        const auto signature = fromBase64(textOf(entry, "sig"));
        if (!signature || signature->empty())
            return fail(ErrorCode::BadFormat, "The PCR signatures could not be read", "a signature is not base64");
        return *signature;
    }
    if (!ofKey)
        return fail(code, what, "all of its signatures are by other keys than the one the volume trusts");
    if (!ofPcrs)
        return fail(code, what, "the volume asks for PCR " + pcrText(pcrs) + ", the signatures speak of others");
    return fail(code, what, "it has been signed for another moment of the boot or another kernel than PCR " + pcrText(pcrs) + " shows");
}

Secret base64Of(const Secret &secret)
{
    Secret terminated((secret.size() + 2) / 3 * 4 + 1);
    EVP_EncodeBlock(reinterpret_cast<unsigned char *>(terminated.writable().data()), reinterpret_cast<const unsigned char *>(secret.chars()),
                    static_cast<int>(secret.size()));
    return Secret::copyOf(terminated.bytes().first(terminated.size() - 1));
}

Result<Secret> pinAuthorization(const Secret &pin, ByteView salt)
{
    Secret stretched;
    ByteView text = pin.bytes();
    if (!salt.empty()) {
        Secret key(32);
        if (PKCS5_PBKDF2_HMAC(pin.chars(), static_cast<int>(pin.size()), reinterpret_cast<const unsigned char *>(salt.data()), static_cast<int>(salt.size()),
                              10000, EVP_sha256(), static_cast<int>(key.size()), reinterpret_cast<unsigned char *>(key.writable().data()))
            != 1)
            return fail(ErrorCode::Unsupported, "The PIN could not be stretched (PBKDF2)");
        stretched = base64Of(key);
        text = stretched.bytes();
    }
    Sha256Digest digest = sha256(text);
    std::size_t size = digest.size();
    while (size > 0 && digest[size - 1] == std::byte{0}) // the TPM drops them too (TPM 2.0 Library, part 1, section 19.6.4.3)
        --size;
    Secret value = Secret::copyOf(ByteView(digest).first(size));
    OPENSSL_cleanse(digest.data(), digest.size());
    return value;
}

} // namespace Preon::Tpm
