// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/password.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <crypt.h>
#include <openssl/crypto.h>

namespace Preon::Home
{

namespace
{
constexpr auto method = "$y$";

struct WipingDeleter {
    void operator()(crypt_data *data) const
    {
        OPENSSL_cleanse(data, sizeof *data);
        delete data;
    }
};

// Terminated, as C wants it.
Result<Secret> terminated(const Secret &text)
{
    if (std::ranges::contains(text.bytes(), std::byte{0}) || text.size() >= CRYPT_MAX_PASSPHRASE_SIZE)
        return fail(ErrorCode::BadArgument, "The password cannot be taken", "it is longer than 511 bytes, or has a NUL in it");
    Secret copy(text.size() + 1);
    std::ranges::copy(text.bytes(), copy.writable().begin());
    return copy;
}

// The hash with that setting (a salt, or a whole hash); empty when libcrypt refuses it.
std::string hashed(const Secret &password, const std::string &setting)
{
    const std::unique_ptr<crypt_data, WipingDeleter> data(new crypt_data{});
    const char *hash = ::crypt_rn(password.chars(), setting.c_str(), data.get(), sizeof *data);
    return hash && *hash != '*' ? std::string(hash) : std::string();
}

// Writes one behind the other into a Secret of the right size.
Secret joined(std::initializer_list<ByteView> parts)
{
    std::size_t size = 0;
    for (const ByteView part : parts)
        size += part.size();
    Secret all(size);
    auto at = all.writable().begin();
    for (const ByteView part : parts)
        at = std::ranges::copy(part, at).out;
    return all;
}
}

Result<std::string> hashPassword(const Secret &password)
{
    PREON_TRY(const Secret text, terminated(password));
    std::string salt(CRYPT_GENSALT_OUTPUT_SIZE, '\0');
    if (!::crypt_gensalt_rn(method, 0, nullptr, 0, salt.data(), static_cast<int>(salt.size())))
        return failErrno("The password could not be hashed");
    salt.resize(std::strlen(salt.c_str()));
    std::string hash = hashed(text, salt);
    if (hash.empty())
        return failErrno("The password could not be hashed");
    return hash;
}

bool matchesHash(const Secret &password, const std::string &hash)
{
    const auto text = terminated(password);
    if (!text || hash.empty())
        return false;
    const std::string again = hashed(*text, hash);
    return again.size() == hash.size() && CRYPTO_memcmp(again.data(), hash.data(), hash.size()) == 0;
}

Result<Secret> secretSection(std::span<const Secret *const> passwords)
{
    Secret list;
    for (const Secret *password : passwords) {
        PREON_TRY(const Secret text, quoted(*password));
        list = list.empty() ? joined({text.bytes()}) : joined({list.bytes(), asBytes(","), text.bytes()});
    }
    return joined({asBytes(R"({"password":[)"), list.bytes(), asBytes("]}")});
}

Result<Secret> withSecret(const Record &record, const Secret &section)
{
    const std::string text = record.text(); // an object with a user name, so that it is never empty
    return joined({asBytes(std::string_view(text).substr(0, text.size() - 1)), asBytes(R"(,"secret":)"), section.bytes(), asBytes("}")});
}

} // namespace Preon::Home
