// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/base/progress.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <string>

#include <stdlib.h>

// A folder of the test's own, removed after it.
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
    std::filesystem::path m_folder;
};

// Counts bytes, and asks to stop once there were so many.
class CountingProgress : public Preon::SilentProgress
{
public:
    void advance(std::uint64_t bytes) override
    {
        done += bytes;
    }
    bool isCancelled() const override
    {
        return done >= stopAt;
    }
    std::atomic<std::uint64_t> done = 0;
    std::uint64_t stopAt = ~0ULL;
};
