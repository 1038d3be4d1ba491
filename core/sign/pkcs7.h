// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Detached signatures as PKCS#7 SignedData in DER (RFC 2315), the form that the kernel and systemd take: made with a key and its certificate, checked against
// certificates that are trusted themselves. Not a public-key infrastructure: no chains, no revocation, and validity dates are not looked at, because the
// machine's clock may be wrong when it matters; the kernel and systemd do the same.

#include "core/base/fd.h"
#include "core/base/hash.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <openssl/types.h>

namespace Preon::Sign
{

class Certificate
{
public:
    // All certificates of a PEM text, or one in DER. BadFormat when there is none or one is broken; other things in the text (keys) are passed over.
    static Result<std::vector<Certificate>> parse(ByteView text);

    // Those that a PKCS#7 SignedData in DER carries with it, in their order; bytes behind it are passed over. Says nothing about who signed what. BadFormat when it is none.
    static Result<std::vector<Certificate>> includedIn(ByteView signedData);

    Bytes der() const;
    // The other one's name and key stand for this one, or it is the same.
    bool isVouchedForBy(const Certificate &other) const;
    std::string subject() const; // RFC 2253: "CN=…,O=…", one line, printable
    Sha256Digest fingerprint() const; // SHA-256 of the DER

    const std::shared_ptr<X509> &handle() const // for this folder
    {
        return m_handle;
    }

private:
    std::shared_ptr<X509> m_handle; // never changed, so copies may share it
};

// A private key; move only, wiped by OpenSSL when destroyed.
class Key
{
public:
    // The first private key of a PEM file. BadFormat when there is none, Unsupported when it is encrypted.
    static Result<Key> read(const std::filesystem::path &path);

    EVP_PKEY *handle() const // for this folder
    {
        return m_handle.get();
    }

private:
    struct Free {
        void operator()(EVP_PKEY *key) const;
    };
    std::unique_ptr<EVP_PKEY, Free> m_handle;
};

// The DER of what `openssl smime -sign -binary -noattr` makes: SHA-256, no attributes, the certificate included. BadArgument when key and certificate do not
// belong together, Unsupported for kinds of keys that PKCS#7 has no place for (Ed25519).
Result<Bytes> signDetached(ByteView content, const Key &key, const Certificate &certificate);

// Succeeds when every signer is one of the trusted certificates and every signature is right (there is at least one). Certificates inside the signature are not
// trusted. BadFormat when it is no detached PKCS#7 signature, Untrusted with the reason in words otherwise.
Result<void> verifyDetached(ByteView signature, ByteView content, std::span<const Certificate> trusted);

} // namespace Preon::Sign
