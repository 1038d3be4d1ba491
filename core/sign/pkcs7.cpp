// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sign/pkcs7.h"

#include "core/base/secret.h"

#include <algorithm>
#include <climits>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

namespace Preon::Sign
{

namespace
{

constexpr std::size_t largestFile = 1U << 20U; // of a key

template<auto release>
struct Release {
    template<typename T>
    void operator()(T *object) const
    {
        release(object);
    }
};
using Bio = std::unique_ptr<BIO, Release<BIO_free>>;
using Pkcs7 = std::unique_ptr<PKCS7, Release<PKCS7_free>>;
struct FreeStack {
    void operator()(STACK_OF(X509) * stack) const
    {
        sk_X509_free(stack); // the certificates belong to others
    }
};
using CertificateStack = std::unique_ptr<STACK_OF(X509), FreeStack>;

// What OpenSSL complained about last; forgets the rest.
std::string opensslReason()
{
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char *reason = ERR_reason_error_string(code);
    return reason ? reason : "OpenSSL gives no reason";
}

Bio viewOf(ByteView bytes)
{
    return Bio(bytes.size() > INT_MAX ? nullptr : BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// Control characters and bytes beyond ASCII come out escaped.
std::string nameText(const X509_NAME *name)
{
    const Bio bio(BIO_new(BIO_s_mem()));
    if (!name || !bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0)
        return "(unknown)";
    char *text = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &text);
    return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : "(no name)";
}

// Who says to have signed: what a person needs to find the right certificate.
std::string signersText(PKCS7 *signature)
{
    std::string all;
    STACK_OF(PKCS7_SIGNER_INFO) *signers = PKCS7_get_signer_info(signature);
    for (int i = 0; i < sk_PKCS7_SIGNER_INFO_num(signers); ++i) {
        const PKCS7_ISSUER_AND_SERIAL *name = sk_PKCS7_SIGNER_INFO_value(signers, i)->issuer_and_serial;
        all += (all.empty() ? "" : "; ") + ("a certificate issued by " + nameText(name->issuer));
    }
    return all;
}

// An encrypted key would make OpenSSL ask on the terminal.
int noPassphrase(char *, int, int, void *asked)
{
    *static_cast<bool *>(asked) = true;
    return -1;
}

Result<Pkcs7> parseDetached(ByteView signature)
{
    const std::string what = "The signature is no detached PKCS#7 signature";
    if (signature.size() > LONG_MAX)
        return fail(ErrorCode::BadFormat, what);
    const auto *at = reinterpret_cast<const unsigned char *>(signature.data());
    const unsigned char *end = at + signature.size();
    Pkcs7 parsed(d2i_PKCS7(nullptr, &at, static_cast<long>(signature.size())));
    if (!parsed)
        return fail(ErrorCode::BadFormat, what, opensslReason());
    if (at != end)
        return fail(ErrorCode::BadFormat, what, std::to_string(end - at) + " bytes follow it");
    if (!PKCS7_type_is_signed(parsed.get()) || !parsed->d.sign)
        return fail(ErrorCode::BadFormat, what, "it is another kind of PKCS#7");
    if (PKCS7_get_detached(parsed.get()) != 1)
        return fail(ErrorCode::BadFormat, what, "the content is inside");
    return parsed;
}

} // namespace

void Key::Free::operator()(EVP_PKEY *key) const
{
    EVP_PKEY_free(key);
}

Result<std::vector<Certificate>> Certificate::parse(ByteView text)
{
    ERR_clear_error();
    std::vector<Certificate> certificates;
    const auto add = [&](X509 *handle) {
        Certificate certificate;
        certificate.m_handle = std::shared_ptr<X509>(handle, &X509_free);
        certificates.push_back(std::move(certificate));
    };
    const Bio bio = viewOf(text);
    while (X509 *handle = bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr)
        add(handle);
    const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const std::string reason = opensslReason();
    if (!ended)
        return fail(ErrorCode::BadFormat, "A certificate is broken", reason);
    if (certificates.empty()) {
        const auto *at = reinterpret_cast<const unsigned char *>(text.data());
        const unsigned char *end = at + text.size();
        if (X509 *handle = d2i_X509(nullptr, &at, static_cast<long>(text.size()))) {
            add(handle);
            if (at != end)
                return fail(ErrorCode::BadFormat, "A certificate is broken", std::to_string(end - at) + " bytes follow it");
        }
        ERR_clear_error();
    }
    if (certificates.empty())
        return fail(ErrorCode::BadFormat, "There is no certificate", "it must be PEM (\"-----BEGIN CERTIFICATE-----\") or DER");
    return certificates;
}

Result<std::vector<Certificate>> Certificate::includedIn(ByteView signedData)
{
    ERR_clear_error();
    const auto *at = reinterpret_cast<const unsigned char *>(signedData.data());
    const Pkcs7 parsed(signedData.size() > LONG_MAX ? nullptr : d2i_PKCS7(nullptr, &at, static_cast<long>(signedData.size())));
    if (!parsed || !PKCS7_type_is_signed(parsed.get()) || !parsed->d.sign)
        return fail(ErrorCode::BadFormat, "There is no PKCS#7 signature", opensslReason());
    std::vector<Certificate> certificates;
    STACK_OF(X509) *included = parsed->d.sign->cert;
    for (int i = 0; i < sk_X509_num(included); ++i) {
        X509 *handle = sk_X509_value(included, i);
        X509_up_ref(handle);
        certificates.emplace_back().m_handle = std::shared_ptr<X509>(handle, &X509_free);
    }
    return certificates;
}

Bytes Certificate::der() const
{
    unsigned char *der = nullptr;
    const int length = i2d_X509(m_handle.get(), &der);
    const std::unique_ptr<unsigned char, void (*)(unsigned char *)> owner(der, [](unsigned char *bytes) { OPENSSL_free(bytes); });
    const auto bytes = std::as_bytes(std::span(der, length > 0 ? static_cast<std::size_t>(length) : 0));
    return {bytes.begin(), bytes.end()};
}

bool Certificate::isVouchedForBy(const Certificate &other) const
{
    if (X509_cmp(m_handle.get(), other.m_handle.get()) == 0)
        return true;
    const bool vouched = X509_NAME_cmp(X509_get_issuer_name(m_handle.get()), X509_get_subject_name(other.m_handle.get())) == 0
        && X509_verify(m_handle.get(), X509_get0_pubkey(other.m_handle.get())) == 1;
    ERR_clear_error();
    return vouched;
}

std::string Certificate::subject() const
{
    return nameText(X509_get_subject_name(m_handle.get()));
}

Sha256Digest Certificate::fingerprint() const
{
    return sha256(der());
}

Result<Key> Key::read(const std::filesystem::path &path)
{
    PREON_TRY(Bytes bytes, readFile(path, largestFile));
    const Secret text = Secret::copyOf(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    ERR_clear_error();
    const Bio bio = viewOf(text.bytes());
    bool encrypted = false;
    Key key;
    key.m_handle.reset(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, &noPassphrase, &encrypted) : nullptr);
    const std::string reason = opensslReason();
    if (encrypted)
        return fail(ErrorCode::Unsupported, path.string() + " is encrypted", {}, "Decrypt it first: openssl pkey -in KEY -out PLAINKEY");
    if (!key.m_handle)
        return fail(ErrorCode::BadFormat, path.string() + " has no private key in PEM", reason);
    return key;
}

Result<Bytes> signDetached(ByteView content, const Key &key, const Certificate &certificate)
{
    const std::string what = "The signature could not be made";
    ERR_clear_error();
    if (X509_check_private_key(certificate.handle().get(), key.handle()) != 1) {
        ERR_clear_error();
        return fail(ErrorCode::BadArgument, what, "the key does not belong to the certificate of " + certificate.subject());
    }
    const Bio bio = viewOf(content);
    const Pkcs7 made(bio ? PKCS7_sign(certificate.handle().get(), key.handle(), nullptr, bio.get(), PKCS7_DETACHED | PKCS7_BINARY | PKCS7_NOATTR) : nullptr);
    unsigned char *der = nullptr;
    const int length = made ? i2d_PKCS7(made.get(), &der) : -1;
    const std::unique_ptr<unsigned char, void (*)(unsigned char *)> owner(der, [](unsigned char *bytes) { OPENSSL_free(bytes); });
    if (length <= 0)
        return fail(ErrorCode::Unsupported, what, opensslReason());
    const auto bytes = std::as_bytes(std::span(der, static_cast<std::size_t>(length)));
    return Bytes(bytes.begin(), bytes.end());
}

Result<void> verifyDetached(ByteView signature, ByteView content, std::span<const Certificate> trusted)
{
    ERR_clear_error();
    PREON_TRY(const Pkcs7 parsed, parseDetached(signature));
    const std::string what = "The signature is not trusted";
    if (sk_PKCS7_SIGNER_INFO_num(PKCS7_get_signer_info(parsed.get())) <= 0)
        return fail(ErrorCode::Untrusted, what, "nobody signed");
    const CertificateStack stack(sk_X509_new_null());
    if (!stack)
        return fail(ErrorCode::Io, what, "out of memory");
    for (const Certificate &certificate : trusted)
        sk_X509_push(stack.get(), certificate.handle().get());
    constexpr int flags = PKCS7_NOINTERN | PKCS7_NOVERIFY | PKCS7_BINARY;
    const CertificateStack signers(PKCS7_get0_signers(parsed.get(), stack.get(), flags));
    if (!signers) {
        ERR_clear_error();
        return fail(ErrorCode::Untrusted, what,
                    "it is by " + signersText(parsed.get()) + ", which is not among the " + std::to_string(trusted.size()) + " trusted ones");
    }
    const Bio bio = viewOf(content);
    if (!bio || PKCS7_verify(parsed.get(), stack.get(), nullptr, bio.get(), nullptr, flags) != 1) {
        const std::string reason = opensslReason();
        return fail(ErrorCode::Untrusted, what, "it does not belong to what was signed, or to the key of " + signersText(parsed.get()) + " (" + reason + ")");
    }
    return {};
}

} // namespace Preon::Sign
