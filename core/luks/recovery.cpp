// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/recovery.h"

#include "core/base/format.h"
#include "core/base/modhex.h"

namespace Preon::Luks
{

namespace
{
constexpr std::size_t recoveryKeySize = 32;
constexpr std::size_t group = 8; // letters between dashes

Secret grouped(const Secret &letters)
{
    Secret text(recoveryKeyLength);
    std::size_t at = 0;
    for (std::size_t i = 0; i < letters.size(); ++i) {
        if (i > 0 && i % group == 0)
            text.writable()[at++] = std::byte{'-'};
        text.writable()[at++] = letters.bytes()[i];
    }
    return text;
}

// Without the dashes, which stand where they should; nullopt when they do not.
std::optional<Secret> ungrouped(std::string_view text)
{
    Secret letters(recoveryKeySize * 2);
    std::size_t at = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i % (group + 1) != group)
            letters.writable()[at++] = static_cast<std::byte>(text[i]);
        else if (text[i] != '-')
            return std::nullopt;
    }
    return letters;
}
}

Result<Secret> makeRecoveryKey()
{
    PREON_TRY(const Secret key, Secret::random(recoveryKeySize));
    return grouped(toModhex(key));
}

std::optional<Secret> recoveryKeyFrom(const Secret &typed)
{
    const std::string_view text = trimmed(std::string_view(typed.chars(), typed.size()));
    std::optional<Secret> letters;
    if (text.size() == recoveryKeySize * 2)
        letters = Secret::copyOf(asBytes(text));
    else if (text.size() == recoveryKeyLength)
        letters = ungrouped(text);
    const std::optional<Secret> key = letters ? fromModhex(*letters) : std::nullopt;
    if (!key)
        return std::nullopt;
    return grouped(toModhex(*key)); // lower case
}

} // namespace Preon::Luks
