// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The table of systemd-homed's errors: the one in the code, the one in docs/errors.md, and what the real programs have in them.
#include "bus/homederrors.h"

#include "core/base/fd.h"

#include <regex>
#include <set>

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Bus;

namespace
{
std::string sentence(std::string_view text)
{
    return text.ends_with('.') ? std::string(text) : std::string(text) + ".";
}

// A row of docs/errors.md; the prefix that nearly all have is left out there.
std::string row(const HomedError &error)
{
    constexpr std::string_view prefix = "org.freedesktop.home1.";
    const std::string_view name = error.name.starts_with(prefix) ? error.name.substr(prefix.size()) : error.name;
    const std::string why = error.why.empty() ? "*what systemd-homed says*" : std::string(error.why);
    return "| `" + std::string(name) + "` | `" + std::string(errorName(error.code)) + "` | " + std::string(error.what) + ": " + sentence(why) + " | "
        + sentence(error.todo) + " |\n";
}

// Error names in a program: those of the interface that are no interface themselves.
std::set<std::string> namesIn(const std::filesystem::path &program)
{
    const auto bytes = readFile(program);
    EXPECT_TRUE(bytes) << program << (bytes ? "" : bytes.error().text());
    std::set<std::string> names;
    if (!bytes)
        return names;
    const std::string text(reinterpret_cast<const char *>(bytes->data()), bytes->size());
    for (std::size_t at = text.find("org.freedesktop.home1."); at != std::string::npos; at = text.find("org.freedesktop.home1.", at + 1)) {
        const std::string name = text.c_str() + at;
        if (std::regex_match(name, std::regex(R"(org\.freedesktop\.home1\.[A-Z][A-Za-z]+)")) && !name.ends_with(".Manager") && !name.ends_with(".Home"))
            names.insert(name);
    }
    return names;
}

TEST(HomedErrors, standInTheDocsAsInTheCode)
{
    const auto docs = readTextFile(PREON_DOCS "/errors.md");
    ASSERT_TRUE(docs);
    const auto section = docs->find("## homed\n");
    ASSERT_NE(section, std::string::npos);
    const auto table = docs->find("|---|---|---|---|\n", section);
    ASSERT_NE(table, std::string::npos);
    const auto begin = table + sizeof("|---|---|---|---|\n") - 1;
    const auto end = docs->find("\n\n", begin);
    std::string rows;
    for (const HomedError &error : homedErrors())
        rows += row(error);
    EXPECT_EQ(docs->substr(begin, end == std::string::npos ? end : end + 1 - begin), rows);
}

TEST(HomedErrors, areAllThatTheRealSystemdHomedKnows)
{
    std::set<std::string> real;
    std::size_t libraries = 0;
    real.merge(namesIn("/usr/lib/systemd/systemd-homed"));
    for (const auto &entry : std::filesystem::recursive_directory_iterator("/usr/lib", std::filesystem::directory_options::skip_permission_denied)) {
        const std::string name = entry.path().filename();
        if (name.starts_with("libsystemd-shared-") && name.ends_with(".so")) {
            real.merge(namesIn(entry.path()));
            ++libraries;
        }
    }
    EXPECT_GT(libraries, 0U);
    EXPECT_GT(real.size(), 30U); // else the programs were searched wrongly
    for (const std::string &name : real)
        EXPECT_NE(findHomedError(name), nullptr) << name;
    for (const HomedError &error : homedErrors()) {
        const bool isOfTheBus = !error.name.starts_with("org.freedesktop.home1.");
        EXPECT_TRUE(isOfTheBus || real.contains(std::string(error.name))) << error.name << " is none of the real one's";
    }
}

TEST(HomedErrors, saySomethingThatCanBeDone)
{
    std::set<std::string_view> names;
    for (const HomedError &error : homedErrors()) {
        EXPECT_TRUE(names.insert(error.name).second) << error.name;
        EXPECT_FALSE(error.what.empty()) << error.name;
        EXPECT_FALSE(error.todo.empty()) << error.name;
    }
}

TEST(HomedErrors, becomeAnErrorOfThatUser)
{
    const Error wrong = homedError("org.freedesktop.home1.BadPassword", "Password incorrect.", "NAMENAME");
    EXPECT_EQ(wrong.code, ErrorCode::Permission);
    EXPECT_EQ(wrong.what, "The password of NAMENAME is wrong"); // whatever the user is called
    EXPECT_EQ(homedError("org.freedesktop.home1.LowPasswordQuality", "Password too short.", "zoe").why, "Password too short.");
    EXPECT_EQ(homedError("org.freedesktop.home1.NoSuchHome", "", "").what, "There is no home of this account");
    const Error unknown = homedError("org.freedesktop.home1.SomethingNew", "It happened.", "zoe");
    EXPECT_EQ(unknown.code, ErrorCode::Io);
    EXPECT_EQ(unknown.why, "It happened.");
}
}
