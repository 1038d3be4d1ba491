// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A file of the network onto its place, with the proof that it is the right one: root hashes the very buffer that it feeds to the unpacker, and writes the very
// buffer that the unpacker filled. Publishes nothing: while this has not succeeded, what was written is worth nothing, and whoever called gives it no name.

#include "core/fetch/download.h"
#include "core/fetch/unpacker.h"

namespace Preon::Fetch
{

struct Wanted {
    Request request;
    Sha256Digest hash{}; // of the file as it lies on the server
    // How it is packed; none: it is written as it comes. Detected: by its first bytes, and what is none of the formats is written as it comes, without an unpacker.
    std::optional<Format> format;
    std::uint64_t sizeLimit = 1ULL << 40U; // bytes of the unpacked file
    // Reads from the first request.offset bytes of the file, which are here from an earlier time: hashed and unpacked like all others.
    std::function<Result<void>(std::uint64_t offset, std::span<std::byte> buffer)> kept{};
    bool complete = false; // they are all of it: where their hash is right nothing is fetched
    std::filesystem::path program = installedProgram;
};

// Where it goes.
class Target
{
public:
    virtual ~Target() = default;
    // Before the first byte, and again whenever it begins anew: what came until then is void. The place to begin a phase of the progress anew, too.
    virtual Result<void> begin() = 0;
    // Known before the first write: whether what is written was packed.
    virtual Result<void> unpacking(bool /*packed*/)
    {
        return {};
    }
    // Bytes of the unpacked file, in order.
    virtual Result<void> write(ByteView bytes) = 0;
    // What a server says, when it begins to send: its validator is worth keeping for the next time.
    virtual void started(const Start & /*start*/)
    {
    }
    // Bytes of the file as they came through the network, after they were written, for those who keep them for the next time. Not those that were kept already.
    virtual Result<void> fetched(ByteView /*bytes*/)
    {
        return {};
    }
};

struct Received {
    std::uint64_t fetched = 0; // bytes that came through the network, those of discarded beginnings too
    std::uint64_t size = 0; // of the file as it lies on the server
    std::uint64_t unpacked = 0; // of what was written
    std::uint32_t setbacks = 0;
    std::uint32_t restarts = 0; // how often it began anew
};

// Progress advances by the bytes of the file as they come, the kept ones too; a setback is a line of its log. Corrupt when all came and the hash is another, from
// each mirror; before that the file is fetched anew without the bytes that were kept, and then without the mirror that sent last.
Result<Received> receive(const Wanted &wanted, Target &target, Progress &progress);

} // namespace Preon::Fetch
