// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Ownership of a file descriptor as a type: it moves, never copies, and gives the number out by name only.

#include "core/base/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

namespace Preon
{

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

class Fd
{
public:
    Fd() = default;
    explicit Fd(int number)
        : m_number(number)
    {
    }
    Fd(Fd &&other) noexcept
        : m_number(other.release())
    {
    }
    Fd &operator=(Fd &&other) noexcept;
    ~Fd()
    {
        reset();
    }

    bool isOpen() const
    {
        return m_number >= 0;
    }
    int get() const
    {
        return m_number;
    }
    [[nodiscard]] int release()
    {
        return std::exchange(m_number, -1);
    }
    void reset();

private:
    int m_number = -1;
};

// The wrong call does not compile.
int close(const Fd &) = delete;

// O_CLOEXEC is always added. flags and mode as open(2).
Result<Fd> openFile(const std::filesystem::path &path, int flags, mode_t mode = 0);

// A memory-backed file (memfd), for handing bytes to another program.
Result<Fd> memoryFile(const char *name, ByteView content);

// All of the buffer, or an error; a short file is ErrorCode::Io ("ends early").
Result<void> readAt(const Fd &fd, std::uint64_t offset, std::span<std::byte> buffer);
Result<void> writeAt(const Fd &fd, std::uint64_t offset, ByteView data);
Result<void> flush(const Fd &fd); // fsync
Result<void> flushFolder(const std::filesystem::path &folder); // which names are in it

// Whole files of at most `limit` bytes (ErrorCode::BadFormat when larger).
Result<Bytes> readFile(const std::filesystem::path &path, std::size_t limit = 64U << 20U);
Result<std::string> readTextFile(const std::filesystem::path &path, std::size_t limit = 4U << 20U);

// rename(2) of a file whose bytes are flushed, or renameat2(2) with flags, such that a cut leaves all of it under one of the two names. FAT keeps where a file lies and how long it is
// beside its name, and Linux writes both to a new name only with the file itself (a name alone is one of no bytes): hence fsync of the file, and then of the folder.
Result<void> moveFlushed(const std::filesystem::path &from, const std::filesystem::path &to, unsigned flags = 0);

// Old content or new, never a mixture, also over a power cut: temporary file, fsync, rename, fsync of file and folder (moveFlushed()).
Result<void> replaceFile(const std::filesystem::path &path, ByteView content, mode_t mode = 0644);

inline ByteView asBytes(std::string_view text)
{
    return std::as_bytes(std::span(text.data(), text.size()));
}

} // namespace Preon
