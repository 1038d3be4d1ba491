// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Our handling of user records as a program, for test_homed.py: record signable|text < RECORD; record verify PUBLIC < RECORD; record sign PRIVATE < RECORD;
// record key prints a new private key, record public PRIVATE its public one. Exit status 1: an error, on standard error.
#include "core/home/signature.h"

#include <array>
#include <iostream>
#include <iterator>

using namespace Preon;
using namespace Preon::Home;

namespace
{
Result<SigningKey> signingKey(const std::string &path)
{
    PREON_TRY(const Bytes pem, readFile(path));
    return SigningKey::fromPem(Secret::copyOf(pem));
}

Result<std::string> answer(const std::string &verb, const std::string &path)
{
    if (verb == "key") {
        PREON_TRY(const SigningKey key, SigningKey::make());
        PREON_TRY(const Secret pem, key.pem());
        return std::string(pem.chars(), pem.size());
    }
    if (verb == "public") {
        PREON_TRY(const SigningKey key, signingKey(path));
        PREON_TRY(const PublicKey half, key.publicKey());
        return half.pem();
    }
    PREON_TRY(const Record record, Record::parse(std::string(std::istreambuf_iterator<char>(std::cin), {})));
    if (verb == "signable")
        return record.signable();
    if (verb == "text")
        return record.text();
    if (verb == "sign") {
        PREON_TRY(const SigningKey key, signingKey(path));
        PREON_TRY(const Record whole, key.sign(record));
        return whole.text();
    }
    PREON_TRY(const std::string pem, readTextFile(path));
    PREON_TRY(const PublicKey key, PublicKey::fromPem(pem));
    PREON_TRY(const Signed verdict, verify(record, key));
    constexpr std::array names{"no", "foreign", "also", "yes"};
    return names.at(static_cast<std::size_t>(verdict));
}
}

int main(int argc, char **argv)
{
    const auto text = answer(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "");
    (text ? std::cout : std::cerr) << (text ? *text : text.error().text());
    return text ? 0 : 1;
}
