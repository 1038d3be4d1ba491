// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/signature.h"

#include "core/base/hash.h"

#include <array>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace Preon::Home
{

namespace
{
using Json = nlohmann::json;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Digest = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr std::size_t signatureSize = 64;
constexpr std::size_t longestKey = 4096;

EVP_PKEY *raw(const Key &key)
{
    return static_cast<EVP_PKEY *>(key.get());
}

const unsigned char *bytesOf(std::string_view text)
{
    return reinterpret_cast<const unsigned char *>(text.data());
}

// Never asks anybody for a passphrase.
int noPassphrase(char *, int, int, void *)
{
    return -1;
}

Result<Key> checked(EVP_PKEY *found, const char *what)
{
    Key key(found);
    if (!key)
        return fail(ErrorCode::BadFormat, std::string(what) + " could not be read", "it is no PEM of one");
    if (EVP_PKEY_get_id(found) != EVP_PKEY_ED25519)
        return fail(ErrorCode::Unsupported, std::string(what) + " cannot be used", "it is not one of Ed25519");
    return key;
}

Bio reading(std::string_view text)
{
    return {BIO_new_mem_buf(text.data(), static_cast<int>(std::min(text.size(), longestKey))), BIO_free_all};
}

std::string_view contents(const Bio &bio)
{
    char *data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::unexpected<Error> noCryptography()
{
    return fail(ErrorCode::Io, "The user record could not be signed", "the library for cryptography refused");
}

bool isSignatureOf(ByteView signature, std::string_view text, EVP_PKEY *key)
{
    const Digest digest(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    return digest && EVP_DigestVerifyInit(digest.get(), nullptr, nullptr, nullptr, key) == 1
        && EVP_DigestVerify(digest.get(), reinterpret_cast<const unsigned char *>(signature.data()), signature.size(), bytesOf(text), text.size()) == 1;
}
}

void KeyDeleter::operator()(void *key) const
{
    EVP_PKEY_free(static_cast<EVP_PKEY *>(key));
}

PublicKey::PublicKey(Key key)
    : m_key(std::move(key))
{
}

Result<PublicKey> PublicKey::fromPem(std::string_view pem)
{
    const Bio bio = reading(pem);
    PREON_TRY(Key key, checked(PEM_read_bio_PUBKEY(bio.get(), nullptr, noPassphrase, nullptr), "The public key"));
    return PublicKey(std::move(key));
}

Result<std::string> PublicKey::pem() const
{
    const Bio bio(BIO_new(BIO_s_mem()), BIO_free_all);
    if (!bio || PEM_write_bio_PUBKEY(bio.get(), raw(m_key)) != 1)
        return noCryptography();
    return std::string(contents(bio));
}

SigningKey::SigningKey(Key key)
    : m_key(std::move(key))
{
}

Result<SigningKey> SigningKey::make()
{
    Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    if (!key)
        return fail(ErrorCode::Io, "No key for signing could be made", "the library for cryptography refused");
    return SigningKey(std::move(key));
}

Result<SigningKey> SigningKey::fromPem(const Secret &pem)
{
    const Bio bio = reading({pem.chars(), pem.size()});
    PREON_TRY(Key key, checked(PEM_read_bio_PrivateKey(bio.get(), nullptr, noPassphrase, nullptr), "The key for signing"));
    return SigningKey(std::move(key));
}

Result<Secret> SigningKey::pem() const
{
    const Bio bio(BIO_new(BIO_s_secmem()), BIO_free_all);
    if (!bio || PEM_write_bio_PrivateKey(bio.get(), raw(m_key), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return noCryptography();
    return Secret::copyOf(asBytes(contents(bio)));
}

Result<PublicKey> SigningKey::publicKey() const
{
    const Bio bio(BIO_new(BIO_s_mem()), BIO_free_all);
    if (!bio || PEM_write_bio_PUBKEY(bio.get(), raw(m_key)) != 1)
        return noCryptography();
    return PublicKey::fromPem(contents(bio));
}

Result<Record> SigningKey::sign(const Record &record) const
{
    const std::string text = record.signable();
    std::array<unsigned char, signatureSize> signature{};
    std::size_t size = signature.size();
    const Digest digest(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (!digest || EVP_DigestSignInit(digest.get(), nullptr, nullptr, nullptr, raw(m_key)) != 1
        || EVP_DigestSign(digest.get(), signature.data(), &size, bytesOf(text), text.size()) != 1)
        return noCryptography();
    PREON_TRY(const PublicKey key, publicKey());
    PREON_TRY(const std::string pem, key.pem());
    Json json = record.json();
    json["signature"] = Json::array({{{"data", toBase64(std::as_bytes(std::span(signature.data(), size)))}, {"key", pem}}});
    return Record::from(std::move(json));
}

Result<Signed> verify(const Record &record, const PublicKey &key)
{
    const auto signatures = record.json().find("signature");
    if (signatures == record.json().end() || signatures->is_null() || signatures->empty())
        return Signed::No;
    const std::string text = record.signable();
    std::size_t good = 0;
    for (const Json &each : *signatures) {
        const auto data = each.find("data");
        const auto bytes = data != each.end() && data->is_string() ? fromBase64(data->get<std::string>()) : std::nullopt;
        if (!bytes)
            return fail(ErrorCode::BadFormat, "The signature of the user record could not be read", "it is not base64");
        good += isSignatureOf(*bytes, text, raw(key.m_key)) ? 1 : 0;
    }
    return good == 0 ? Signed::Foreign : good < signatures->size() ? Signed::Also : Signed::Yes;
}

} // namespace Preon::Home
