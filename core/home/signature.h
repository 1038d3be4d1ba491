// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Signatures of user records: Ed25519 over Record::signable(), as systemd-homed makes and checks them. Each machine has a key of its own
// (/var/lib/systemd/home/local.private, local.public) and takes records that one of the *.public keys there signed.

#include "core/home/record.h"

#include <memory>

namespace Preon::Home
{

struct KeyDeleter {
    void operator()(void *key) const;
};
using Key = std::unique_ptr<void, KeyDeleter>; // an EVP_PKEY

enum class Signed {
    No, // it has no signature at all
    Foreign, // by others only, or changed since
    Also, // by this key, and there are signatures that are not
    Yes,
};

class PublicKey
{
public:
    static Result<PublicKey> fromPem(std::string_view pem); // BadFormat; Unsupported when it is none of Ed25519
    Result<std::string> pem() const;

private:
    friend class SigningKey;
    friend Result<Signed> verify(const Record &record, const PublicKey &key);
    explicit PublicKey(Key key);
    Key m_key;
};

class SigningKey
{
public:
    static Result<SigningKey> make();
    static Result<SigningKey> fromPem(const Secret &pem);
    Result<Secret> pem() const;
    Result<PublicKey> publicKey() const;

    // The record with our signature in the place of those that it had.
    Result<Record> sign(const Record &record) const;

private:
    explicit SigningKey(Key key);
    Key m_key;
};

// BadFormat when the record's list of signatures makes no sense.
Result<Signed> verify(const Record &record, const PublicKey &key);

} // namespace Preon::Home
