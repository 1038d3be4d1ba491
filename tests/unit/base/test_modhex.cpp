// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/hash.h"
#include "core/base/modhex.h"

#include <gtest/gtest.h>

using namespace Preon;

namespace
{
Secret text(std::string_view characters)
{
    return Secret::copyOf(asBytes(characters));
}

std::string read(const Secret &secret)
{
    return std::string(secret.chars(), secret.size());
}
}

TEST(Modhex, writesTheHighHalfOfAByteFirst)
{
    EXPECT_EQ(read(toModhex(Secret::copyOf(*fromHex("0123456789abcdef")))), "cbdefghijklnrtuv");
    EXPECT_EQ(read(toModhex(Secret())), "");
}

TEST(Modhex, isReadInEitherCase)
{
    for (const char *written : {"cbdefghijklnrtuv", "CBDEFGHIJKLNRTUV", "cBdEfGhIjKlNrTuV"}) {
        const auto data = fromModhex(text(written));
        ASSERT_TRUE(data) << written;
        EXPECT_EQ(toHex(data->bytes()), "0123456789abcdef");
    }
    EXPECT_TRUE(fromModhex(Secret())->empty());
}

TEST(Modhex, thatIsNoneIsRefused)
{
    for (const char *written : {"c", "ccc", "ca", "c-", "c0", " c", "cé"})
        EXPECT_FALSE(fromModhex(text(written))) << written;
}
