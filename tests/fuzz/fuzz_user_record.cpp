// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A user record out of a home, a LUKS header or a stick: read, printed, read again, verified.
#include "core/home/signature.h"
#include "core/home/username.h"

#include <cstdlib>

using namespace Preon;
using namespace Preon::Home;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    static const PublicKey key = *SigningKey::make()->publicKey();
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    if (const std::string name = suggestUserName(text); !checkUserName(name))
        std::abort();
    const auto record = Record::parse(text);
    if (!record)
        return 0;
    const std::string printed = record->text();
    const auto again = Record::parse(printed);
    if (!again || again->text() != printed || again->signable() != record->signable() || record->has(Section::Secret))
        std::abort();
    for (const std::string machine : {"", "0123456789abcdef0123456789abcdef"}) {
        (void)record->storage(machine);
        (void)record->imagePath(machine);
        (void)record->uid(machine);
        (void)record->diskSize(machine);
    }
    (void)record->memberOf();
    (void)record->recoveryKeys();
    if (const auto verified = verify(*record, key); verified && *verified == Signed::Yes)
        std::abort(); // nobody has that key
    return 0;
}
