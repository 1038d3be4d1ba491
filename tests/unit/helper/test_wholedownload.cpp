// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/wholedownload.h"

#include <gtest/gtest.h>

using namespace Preon;

namespace
{

// What is shown after each step: "Fetching 30/100".
class Shown : public SilentProgress
{
public:
    void phase(std::string_view name, std::uint64_t total) override
    {
        m_name = name;
        m_total = total;
        m_done = 0;
    }
    void advance(std::uint64_t bytes) override
    {
        m_done += bytes;
    }
    std::string text() const
    {
        return m_name + ' ' + std::to_string(m_done) + '/' + std::to_string(m_total);
    }

private:
    std::string m_name;
    std::uint64_t m_done = 0, m_total = 0;
};

}

TEST(WholeDownload, isOnePhaseOfAllBytes)
{
    Shown shown;
    Helper::WholeDownload whole(shown, 100);
    whole.phase("Making room", 0);
    EXPECT_EQ(shown.text(), "Making room 0/0");
    whole.phase("Fetching", 0);
    EXPECT_EQ(shown.text(), "Fetching 0/100");
    whole.phase("Fetching", 40);
    whole.advance(0);
    whole.advance(40);
    EXPECT_EQ(shown.text(), "Fetching 40/100");
    whole.phase("Fetching", 0);
    EXPECT_EQ(shown.text(), "Fetching 40/100");
    // Of the second file ten bytes were kept: they are hashed first, and said again when its size is known.
    whole.advance(10);
    EXPECT_EQ(shown.text(), "Fetching 50/100");
    whole.phase("Fetching", 60);
    whole.advance(10);
    EXPECT_EQ(shown.text(), "Fetching 50/100");
    whole.advance(50);
    EXPECT_EQ(shown.text(), "Fetching 100/100");
    whole.phase("Checking what was written", 7);
    whole.advance(3);
    EXPECT_EQ(shown.text(), "Checking what was written 3/7");
}

TEST(WholeDownload, goesBackWhereAFileBeginsAgain)
{
    Shown shown;
    Helper::WholeDownload whole(shown, 100);
    whole.phase("Fetching", 0);
    whole.phase("Fetching", 40);
    whole.advance(40);
    whole.phase("Fetching", 0);
    whole.phase("Fetching", 60);
    whole.advance(0);
    whole.advance(30);
    EXPECT_EQ(shown.text(), "Fetching 70/100");
    whole.phase("Fetching", 60);
    whole.advance(0);
    EXPECT_EQ(shown.text(), "Fetching 40/100");
    whole.advance(60);
    EXPECT_EQ(shown.text(), "Fetching 100/100");
}
