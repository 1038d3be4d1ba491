// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/text.h"

namespace Preon
{

// Well-formed as Unicode's table 3-7 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool isUtf8(std::string_view text)
{
    for (std::size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const std::size_t length = lead < 0x80 ? 1 : lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
        if (length == 0 || text.size() - at < length)
            return false;
        unsigned char least = 0x80, most = 0xBF; // of the second byte
        if (lead == 0xE0)
            least = 0xA0;
        else if (lead == 0xED)
            most = 0x9F;
        else if (lead == 0xF0)
            least = 0x90;
        else if (lead == 0xF4)
            most = 0x8F;
        for (std::size_t next = 1; next < length; ++next) {
            const auto byte = static_cast<unsigned char>(text[at + next]);
            if (byte < least || byte > most)
                return false;
            least = 0x80;
            most = 0xBF;
        }
        at += length;
    }
    return true;
}

std::string readableText(std::string_view text)
{
    std::string plain;
    if (!isUtf8(text))
        return plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char letter = text[at];
        const auto byte = static_cast<unsigned char>(letter);
        // The second set of control characters, U+0080 to U+009F.
        if (byte == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0) {
            ++at;
            continue;
        }
        if ((byte >= ' ' && byte != 0x7F) || letter == '\n' || letter == '\t')
            plain += letter;
    }
    plain.resize(plain.find_last_not_of(" \n\t") + 1);
    return plain;
}

} // namespace Preon
