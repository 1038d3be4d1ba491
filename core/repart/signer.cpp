// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Signing with OpenSSL (PKCS7_sign(3), OSSL_STORE(7)).

#include "core/repart/verity.h"

#include <array>
#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/x509.h>

namespace Preon::Repart
{

namespace
{
template<auto release>
struct Release {
    template<typename T>
    void operator()(T *object) const
    {
        release(object);
    }
};
using Bio = std::unique_ptr<BIO, Release<BIO_free>>;
using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;
using Signature = std::unique_ptr<PKCS7, Release<PKCS7_free>>;
using Store = std::unique_ptr<OSSL_STORE_CTX, Release<OSSL_STORE_close>>;
using StoreInfo = std::unique_ptr<OSSL_STORE_INFO, Release<OSSL_STORE_INFO_free>>;

void freeBytes(unsigned char *bytes)
{
    OPENSSL_free(bytes);
}

std::string opensslReason()
{
    std::array<char, 256> text{};
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0)
        return "";
    ERR_error_string_n(code, text.data(), text.size());
    return text.data();
}

Bio memoryBio(ByteView bytes)
{
    return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// OpenSSL would ask on the terminal.
int askNobody(char *, int, int, void *asked)
{
    *static_cast<bool *>(asked) = true;
    return -1;
}

Result<Certificate> loadCertificate(const std::filesystem::path &path)
{
    PREON_TRY(const Bytes pem, readFile(path, 1U << 20U));
    const Bio bio = memoryBio(pem);
    const Certificate certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr, X509_free);
    if (!certificate)
        return fail(ErrorCode::BadFormat, "Failed to load X.509 certificate from " + path.string(), opensslReason(), "It must be a PEM file.");
    return certificate;
}

Result<Key> loadKey(const std::filesystem::path &path)
{
    PREON_TRY(const Bytes pem, readFile(path, 1U << 20U));
    const Bio bio = memoryBio(pem);
    bool locked = false;
    const Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, askNobody, &locked) : nullptr, EVP_PKEY_free);
    if (!key && locked)
        return fail(ErrorCode::Unsupported, "The private key " + path.string() + " is locked by a passphrase", {}, "Unlock it with openssl first.");
    if (!key)
        return fail(ErrorCode::BadFormat, "Failed to load private key from " + path.string(), opensslReason(), "It must be a PEM file.");
    return key;
}

Result<Signer> signerOf(const Key &key, const Certificate &certificate)
{
    if (X509_check_private_key(certificate.get(), key.get()) != 1) {
        ERR_clear_error();
        return fail(ErrorCode::BadArgument, "The private key is not the certificate's");
    }
    Signer signer;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (X509_digest(certificate.get(), EVP_sha256(), digest.data(), &length) != 1)
        return fail(ErrorCode::Io, "The certificate's fingerprint could not be calculated", opensslReason());
    const auto bytes = std::as_bytes(std::span(digest)).first(length);
    signer.certificateFingerprint.assign(bytes.begin(), bytes.end());
    signer.sign = [key, certificate](const std::string &text) -> Result<Bytes> {
        const Bio content = memoryBio(asBytes(text));
        const Signature signature(content ? PKCS7_sign(certificate.get(), key.get(), nullptr, content.get(), PKCS7_DETACHED | PKCS7_NOATTR | PKCS7_BINARY)
                                          : nullptr);
        unsigned char *der = nullptr;
        const int size = signature ? i2d_PKCS7(signature.get(), &der) : -1;
        if (size < 0)
            return fail(ErrorCode::Io, "The root hash could not be signed", opensslReason());
        const std::unique_ptr<unsigned char, Release<freeBytes>> owner(der);
        const auto view = std::as_bytes(std::span(der, static_cast<std::size_t>(size)));
        return Bytes(view.begin(), view.end());
    };
    return signer;
}
}

Result<Signer> signerFrom(const std::filesystem::path &privateKey, const std::filesystem::path &certificate)
{
    PREON_TRY(const Certificate loaded, loadCertificate(certificate));
    PREON_TRY(const Key key, loadKey(privateKey));
    return signerOf(key, loaded);
}

Result<void> checkPrivateKey(const std::filesystem::path &privateKey)
{
    PREON_CHECK(loadKey(privateKey));
    return {};
}

Result<void> checkCertificate(const std::filesystem::path &certificate)
{
    PREON_CHECK(loadCertificate(certificate));
    return {};
}

Result<Signer> signerFromProvider(const std::string &provider, const std::string &uri, const std::filesystem::path &certificate)
{
    PREON_TRY(const Certificate loaded, loadCertificate(certificate));
    // Stay loaded as long as the process: the key lives in them.
    if (!OSSL_PROVIDER_try_load(nullptr, provider.c_str(), 1) || !OSSL_PROVIDER_try_load(nullptr, "default", 1))
        return fail(ErrorCode::NotFound, "The OpenSSL provider " + provider + " could not be loaded", opensslReason());
    const Store store(OSSL_STORE_open(uri.c_str(), nullptr, nullptr, nullptr, nullptr));
    if (!store)
        return fail(ErrorCode::NotFound, "The key " + uri + " could not be opened", opensslReason());
    OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY);
    while (!OSSL_STORE_eof(store.get())) {
        const StoreInfo info(OSSL_STORE_load(store.get()));
        if (info && OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY)
            return signerOf(Key(OSSL_STORE_INFO_get1_PKEY(info.get()), EVP_PKEY_free), loaded);
        if (!info)
            break;
    }
    return fail(ErrorCode::NotFound, "There is no private key at " + uri, opensslReason());
}

Result<std::string> signatureText(ByteView rootHash, const Signer &signer)
{
    const std::string hash = toHex(rootHash);
    PREON_TRY(const Bytes signature, signer.sign(hash));
    return R"({"rootHash":")" + hash + R"(","certificateFingerprint":")" + toHex(signer.certificateFingerprint) + R"(","signature":")" + toBase64(signature)
        + R"("})";
}

} // namespace Preon::Repart
