// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A folder that lives as long as a test.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

// Removed with all that is in it.
struct TemporaryFolder {
    TemporaryFolder()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "preon-test-XXXXXX").string();
        if (::mkdtemp(pattern.data()))
            path = pattern;
    }
    TemporaryFolder(const TemporaryFolder &) = delete;
    TemporaryFolder &operator=(const TemporaryFolder &) = delete;
    ~TemporaryFolder()
    {
        std::error_code ignored;
        if (!path.empty())
            std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path path;
};

class FolderTest : public testing::Test
{
protected:
    std::filesystem::path write(const std::filesystem::path &name, const std::string &text) const
    {
        std::filesystem::create_directories((m_folder / name).parent_path());
        std::ofstream(m_folder / name, std::ios::binary) << text;
        return m_folder / name;
    }

private:
    TemporaryFolder m_temporary;

protected:
    const std::filesystem::path m_folder = m_temporary.path;
};
