// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/localsource.h"

#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

using namespace Preon;
using namespace Preon::Update;

TEST(FileUrl, namesAPathOfThisMachine)
{
    using Path = std::filesystem::path;
    for (const auto &[url, path] :
         {std::pair("file:///srv/os", "/srv/os"), std::pair("file:/srv/os", "/srv/os"), std::pair("FILE://localhost/srv/os", "/srv/os"),
          std::pair("file:///run/media/my%20stick/a%2fb", "/run/media/my stick/a/b"), std::pair("file:///", "/")})
        EXPECT_EQ(pathOfFileUrl(url), Path(path)) << url;
    for (const char *url : {"", "file:", "file://", "file://elsewhere/srv", "file:srv", "/srv", "http://localhost/srv", "https://a/file:///srv",
                            "file:///a%00b", "file:///a%2", "file:///a%", "file:///a%zz", "file:///a%+1", "file:///a% 1"})
        EXPECT_FALSE(pathOfFileUrl(url)) << url;
}

TEST(FileUrl, isReadUpToALimit)
{
    const Preon::Test::Folder folder;
    const auto path = folder / "SHA256SUMS";
    ASSERT_TRUE(replaceFile(path, asBytes("0123456789"), 0600));
    const std::string url = "file://" + path.string();
    EXPECT_EQ(readLocal(url, 10).value(), Bytes(asBytes("0123456789").begin(), asBytes("0123456789").end()));
    EXPECT_EQ(readLocal(url, 9).error().code, ErrorCode::BadFormat);
    EXPECT_EQ(readLocal(url + ".gpg", 9).error().code, ErrorCode::NotFound);
    std::filesystem::create_symlink(path, folder / "link");
    EXPECT_TRUE(readLocal("file://" + (folder / "link").string(), 10)); // a repository may have links
    EXPECT_FALSE(openLocal((folder / "link").string()));
    std::filesystem::create_symlink("/dev/zero", folder / "zero");
    EXPECT_EQ(readLocal("file://" + (folder / "zero").string(), 10).error().code, ErrorCode::Changed);
    ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
    EXPECT_EQ(readLocal("file://" + (folder / "pipe").string(), 10).error().code, ErrorCode::Changed);
    EXPECT_EQ(readLocal("file://" + (folder / "").string(), 10).error().code, ErrorCode::Changed);
}
