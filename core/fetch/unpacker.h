// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Decompressing seen from root: a fresh `preon-fetch unpack FORMAT` for one file, that has no network, no files and no rights. What it gives is as true as what
// it was fed: once the hash of *that* is known to be right, this is what was signed for. Until then it may be written to where nothing looks yet, no more.

#include "core/base/process.h"
#include "core/base/progress.h"
#include "core/fetch/download.h"

#include <functional>
#include <optional>
#include <string_view>

namespace Preon::Fetch
{

enum class Format {
    Gzip,
    Xz,
    Zstd,
    Bzip2,
    Detected, // by the first bytes; what is none of these is taken as it is
};

std::string_view formatName(Format format); // "gz", "xz", "zst", "bz2", "auto"
std::optional<Format> formatNamed(std::string_view name);

// By the first bytes (six will do), as the formats define them; nullopt: not packed. Compares, and parses nothing.
std::optional<Format> formatOf(ByteView head);

// How preon-fetch says why it could not unpack: its exit status.
enum class UnpackStatus : int {
    Damaged = 3, // BadFormat
    TooMuchMemory = 4, // Unsupported
    NotConfined = 5, // Permission
};

class Unpacker
{
public:
    // Takes bytes of the unpacked file, in order; an error of its own ends the work.
    using Sink = std::function<Result<void>(ByteView)>;

    // More than `limit` bytes of output are an error (BadFormat), and are not handed on: a small file can unpack to one without end.
    static Result<Unpacker> start(Format format, std::uint64_t limit, const std::filesystem::path &program = installedProgram);
    // The same way for an archive that is not packed: what comes are tree frames (untar.h decodes them).
    static Result<Unpacker> startTar(const std::filesystem::path &program = installedProgram);

    // Gives it all of the input, and the sink whatever is ready.
    Result<void> feed(ByteView input, const Sink &sink, const Progress &progress);
    // The input is complete: waits for the rest of the output and for its verdict.
    Result<void> finish(const Sink &sink, const Progress &progress);

    std::uint64_t size() const // of the output so far
    {
        return m_size;
    }

private:
    static Result<Unpacker> startJob(std::vector<std::string> command, std::string name, std::uint64_t limit);
    Unpacker(ChildProcess child, Fd input, Fd output, Fd errors, std::string name, std::uint64_t limit);
    Result<bool> takeOutput(const Sink &sink);
    Result<void> verdict();

    std::string m_name; // of the format
    std::uint64_t m_limit;
    std::uint64_t m_size = 0;
    Bytes m_buffer;
    std::string m_said; // on its standard error
    ChildProcess m_child; // goes after the pipes are closed
    Fd m_input, m_output, m_errors;
};

} // namespace Preon::Fetch
