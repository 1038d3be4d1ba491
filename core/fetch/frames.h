// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What preon-fetch says to root through its pipe: frames of a fixed binary form, so that root needs no parser for text. A frame is its type (32 bits), the length
// of its content (32 bits) and the content; all numbers are little-endian. The decoder trusts nothing: a fetcher that was taken over can make root give up, and
// nothing else. What the bytes are worth only their hash tells, which is not looked at here.

#include "core/base/fd.h"
#include "core/base/hash.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace Preon::Fetch
{

// Tells one state of a file on one server from another one (a hash of its ETag, date and size). All zeros: that server says nothing by which to tell.
using Validator = std::array<std::byte, 32>;

// A server began to send. Comes again whenever another connection goes on, or begins anew (offset 0).
struct Start {
    std::optional<std::uint64_t> total{}; // bytes of the whole file, where the server says so
    std::uint64_t offset = 0; // which byte comes first: the next one, or 0
    bool ranges = false; // the server can go on in the middle
    std::uint32_t mirror = 0; // which of the request's mirrors
    Validator validator{};
    bool operator==(const Start &) const = default;
};

// Bytes of the file, in order. They stay where they are until the decoder is called again.
struct Data {
    ByteView bytes;
};

// Why something did not work. The numbers are part of the form.
enum class FailureKind : std::uint16_t {
    Request = 1, // an address that makes no sense
    Network = 2, // no such name, no connection, broken off
    Stalled = 3, // too slow for too long
    Tls = 4,
    Http = 5, // an answer other than the file: `status`
    Redirect = 6, // too many, in a circle, or to where we do not go
    Size = 7, // not as many bytes as were promised or expected
    Range = 8, // other bytes than were asked for
    Changed = 9, // another file each time
    Confinement = 10, // the fetcher could not give up its rights, and so did nothing
};

struct Failure {
    FailureKind kind = FailureKind::Network;
    std::uint16_t status = 0; // of HTTP; 0 when it did not come to one
    std::uint32_t curl = 0; // CURLcode
    std::uint32_t mirror = 0;
    std::string text{}; // printable ASCII, at most 256 characters
    bool operator==(const Failure &) const = default;
};

// It goes on after this: with another try, another mirror, or from the start.
struct Setback {
    Failure failure;
    bool operator==(const Setback &) const = default;
};

// All of the file was sent.
struct Done {
    std::uint64_t size = 0;
    bool operator==(const Done &) const = default;
};

// Nothing more comes.
struct Failed {
    Failure failure;
    bool operator==(const Failed &) const = default;
};

using Frame = std::variant<Start, Data, Setback, Done, Failed>;

constexpr std::size_t frameLimit = 1U << 20U; // bytes of content of a frame
constexpr std::size_t textLimit = 256;

Bytes encode(const Start &start);
Bytes encode(const Setback &setback);
Bytes encode(const Done &done);
Bytes encode(const Failed &failed);
// What stands before `size` bytes of the file, at most frameLimit.
std::array<std::byte, 8> dataHeader(std::size_t size);

// The text as a frame may carry it: what is not printable ASCII becomes "?", what is too long is cut.
std::string printableText(std::string_view text);

// Takes the bytes of the pipe as they come and gives frames. It also holds the fetcher to the order of things: Start comes first and goes on where the last byte
// was or at 0; no more bytes than Start promised; Done only with all of them; nothing after Done or Failed. Anything else is BadFormat, and final.
class FrameDecoder
{
public:
    // Of a fetch that was asked to begin at this byte.
    explicit FrameDecoder(std::uint64_t offset = 0);

    // Where the pipe's next bytes belong; never empty after next() had nothing. The number of those that came is told by filled().
    std::span<std::byte> room();
    void filled(std::size_t size);
    // Nothing: more bytes are needed. Data comes in pieces as the pipe gives them.
    Result<std::optional<Frame>> next();
    // Done or Failed came.
    bool isOver() const
    {
        return m_over;
    }
    std::uint64_t position() const // of the next byte of the file
    {
        return m_position;
    }

private:
    Result<std::optional<Frame>> header();
    Result<std::optional<Frame>> content(ByteView content);
    Result<Frame> started(const Start &start);
    Result<Frame> ended(const Done &done);
    std::optional<Frame> piece();

    Bytes m_buffer;
    std::size_t m_begin = 0, m_end = 0; // what of the buffer is not decoded yet
    std::uint32_t m_type = 0; // of the frame whose content comes next; 0: a header comes next
    std::size_t m_left = 0; // bytes of its content that are still to come
    std::uint64_t m_position = 0;
    std::uint64_t m_wanted = 0; // where the fetch was asked to begin
    std::optional<std::uint64_t> m_total;
    std::uint32_t m_setbacks = 0;
    bool m_begun = false, m_over = false, m_broken = false;
};

} // namespace Preon::Fetch
