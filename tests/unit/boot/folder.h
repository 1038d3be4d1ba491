// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A folder that lives as long as a test.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

class FolderTest : public testing::Test
{
protected:
    FolderTest()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "preon-test-XXXXXX").string();
        if (::mkdtemp(pattern.data()))
            m_folder = pattern;
    }
    ~FolderTest() override
    {
        std::error_code ignored;
        if (!m_folder.empty())
            std::filesystem::remove_all(m_folder, ignored);
    }
    std::filesystem::path write(const std::filesystem::path &name, const std::string &text) const
    {
        std::filesystem::create_directories((m_folder / name).parent_path());
        std::ofstream(m_folder / name, std::ios::binary) << text;
        return m_folder / name;
    }
    std::filesystem::path m_folder;
};
