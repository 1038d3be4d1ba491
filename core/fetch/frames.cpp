// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/fetch/frames.h"

#include "core/fetch/numbers.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>

namespace Preon::Fetch
{

namespace
{
constexpr std::uint32_t typeBase = 0x50465200; // "PFR" and a number
constexpr std::uint32_t startType = typeBase + 1;
constexpr std::uint32_t dataType = typeBase + 2;
constexpr std::uint32_t setbackType = typeBase + 3;
constexpr std::uint32_t doneType = typeBase + 4;
constexpr std::uint32_t failedType = typeBase + 5;

constexpr std::size_t headerSize = 8;
constexpr std::size_t startSize = 8 + 8 + 4 + 4 + 32;
constexpr std::size_t failureSize = 2 + 2 + 4 + 4; // and the text
constexpr std::uint64_t noTotal = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t largestFile = std::numeric_limits<std::int64_t>::max();
// A fetcher that only ever tells of setbacks must come to an end.
constexpr std::uint32_t setbackLimit = 100'000;
// As much as is hashed and handed on at once; fits into a core's own cache.
constexpr std::size_t bufferSize = 256U << 10U;

Bytes frame(std::uint32_t type, std::size_t size)
{
    Bytes bytes;
    bytes.reserve(headerSize + size);
    put(bytes, type);
    put(bytes, static_cast<std::uint32_t>(size));
    return bytes;
}

Bytes encodeFailure(std::uint32_t type, const Failure &failure)
{
    const std::string text = printableText(failure.text);
    Bytes bytes = frame(type, failureSize + text.size());
    put(bytes, static_cast<std::uint16_t>(failure.kind));
    put(bytes, failure.status);
    put(bytes, failure.curl);
    put(bytes, failure.mirror);
    std::ranges::copy(asBytes(text), std::back_inserter(bytes));
    return bytes;
}

std::unexpected<Error> nonsense(std::string why)
{
    return fail(ErrorCode::BadFormat, "The fetcher says what makes no sense", std::move(why));
}

bool isPrintable(char c)
{
    return c >= 0x20 && c < 0x7f;
}

// How long the content of a frame of this type may be.
std::pair<std::size_t, std::size_t> sizes(std::uint32_t type)
{
    switch (type) {
    case startType:
        return {startSize, startSize};
    case dataType:
        return {1, frameLimit};
    case setbackType:
    case failedType:
        return {failureSize, failureSize + textLimit};
    case doneType:
        return {8, 8};
    default:
        return {1, 0};
    }
}

Result<Failure> decodeFailure(ByteView content)
{
    Failure failure;
    const auto kind = take<std::uint16_t>(content);
    if (kind < static_cast<std::uint16_t>(FailureKind::Request) || kind > static_cast<std::uint16_t>(FailureKind::Confinement))
        return nonsense("there is no failure of kind " + std::to_string(kind));
    failure.kind = static_cast<FailureKind>(kind);
    failure.status = take<std::uint16_t>(content);
    failure.curl = take<std::uint32_t>(content);
    failure.mirror = take<std::uint32_t>(content);
    failure.text.assign(reinterpret_cast<const char *>(content.data()), content.size());
    if (!std::ranges::all_of(failure.text, isPrintable))
        return nonsense("the text of a failure is not printable");
    return failure;
}

Result<Start> decodeStart(ByteView content)
{
    Start start;
    const auto total = take<std::uint64_t>(content);
    if (total != noTotal)
        start.total = total;
    start.offset = take<std::uint64_t>(content);
    const auto ranges = take<std::uint32_t>(content);
    start.mirror = take<std::uint32_t>(content);
    std::ranges::copy(content, start.validator.begin());
    if (ranges > 1)
        return nonsense("a truth value is " + std::to_string(ranges));
    start.ranges = ranges == 1;
    if (start.total && *start.total > largestFile)
        return nonsense("a file of " + std::to_string(*start.total) + " bytes");
    if (start.total && start.offset > *start.total)
        return nonsense("byte " + std::to_string(start.offset) + " of a file of " + std::to_string(*start.total) + " bytes");
    return start;
}
}

std::string printableText(std::string_view text)
{
    std::string printable(text.substr(0, textLimit));
    std::ranges::replace_if(printable, [](char c) { return !isPrintable(c); }, '?');
    return printable;
}

Bytes encode(const Start &start)
{
    Bytes bytes = frame(startType, startSize);
    put(bytes, start.total.value_or(noTotal));
    put(bytes, start.offset);
    put(bytes, static_cast<std::uint32_t>(start.ranges));
    put(bytes, start.mirror);
    std::ranges::copy(start.validator, std::back_inserter(bytes));
    return bytes;
}

Bytes encode(const Setback &setback)
{
    return encodeFailure(setbackType, setback.failure);
}

Bytes encode(const Done &done)
{
    Bytes bytes = frame(doneType, 8);
    put(bytes, done.size);
    return bytes;
}

Bytes encode(const Failed &failed)
{
    return encodeFailure(failedType, failed.failure);
}

std::array<std::byte, 8> dataHeader(std::size_t size)
{
    assert(size > 0 && size <= frameLimit);
    const Bytes bytes = [size] {
        Bytes header;
        put(header, dataType);
        put(header, static_cast<std::uint32_t>(size));
        return header;
    }();
    std::array<std::byte, 8> header{};
    std::ranges::copy(bytes, header.begin());
    return header;
}

FrameDecoder::FrameDecoder(std::uint64_t offset)
    : m_buffer(bufferSize)
    , m_position(offset)
    , m_wanted(offset)
{
}

std::span<std::byte> FrameDecoder::room()
{
    if (m_begin == m_end) {
        m_begin = m_end = 0;
    } else if (m_begin > 0) {
        // Only the beginning of a frame that is no data: a few bytes.
        std::memmove(m_buffer.data(), m_buffer.data() + m_begin, m_end - m_begin);
        m_end -= m_begin;
        m_begin = 0;
    }
    return std::span(m_buffer).subspan(m_end);
}

void FrameDecoder::filled(std::size_t size)
{
    assert(size <= m_buffer.size() - m_end);
    m_end += size;
}

std::optional<Frame> FrameDecoder::piece()
{
    const std::size_t size = std::min(m_left, m_end - m_begin);
    if (size == 0)
        return std::nullopt;
    const ByteView bytes(m_buffer.data() + m_begin, size);
    m_begin += size;
    m_left -= size;
    m_position += size;
    if (m_left == 0)
        m_type = 0;
    return Data{bytes};
}

Result<Frame> FrameDecoder::started(const Start &start)
{
    const std::uint64_t expected = m_begun ? m_position : m_wanted;
    if (start.offset != expected && start.offset != 0)
        return nonsense("byte " + std::to_string(start.offset) + " comes where byte " + std::to_string(expected) + " is due");
    m_begun = true;
    m_position = start.offset;
    m_total = start.total;
    return start;
}

Result<Frame> FrameDecoder::ended(const Done &done)
{
    if (!m_begun || done.size != m_position || (m_total && *m_total != m_position))
        return nonsense("it ends at byte " + std::to_string(m_position) + (m_total ? " of " + std::to_string(*m_total) : std::string()) + " and calls that "
                        + std::to_string(done.size) + " bytes");
    m_over = true;
    return done;
}

Result<std::optional<Frame>> FrameDecoder::content(ByteView bytes)
{
    switch (m_type) {
    case startType: {
        PREON_TRY(const Start start, decodeStart(bytes));
        return started(start);
    }
    case setbackType: {
        PREON_TRY(Failure failure, decodeFailure(bytes));
        if (++m_setbacks > setbackLimit)
            return nonsense("more than " + std::to_string(setbackLimit) + " setbacks");
        return Setback{std::move(failure)};
    }
    case doneType:
        return ended(Done{take<std::uint64_t>(bytes)});
    default: {
        PREON_TRY(Failure failure, decodeFailure(bytes));
        m_over = true;
        return Failed{std::move(failure)};
    }
    }
}

// Takes a frame's header once it is there; no frame is the result but an error.
Result<std::optional<Frame>> FrameDecoder::header()
{
    ByteView bytes(m_buffer.data() + m_begin, headerSize);
    const auto type = take<std::uint32_t>(bytes);
    const auto size = take<std::uint32_t>(bytes);
    const auto [least, most] = sizes(type);
    if (least > most)
        return nonsense("there is no frame of type " + std::to_string(type));
    if (size < least || size > most)
        return nonsense("a frame of type " + std::to_string(type - typeBase) + " has " + std::to_string(size) + " bytes");
    if (m_over)
        return nonsense("more comes after the end");
    if (type == dataType && !m_begun)
        return nonsense("bytes come before the start");
    if (type == dataType && size > m_total.value_or(largestFile) - std::min(m_position, largestFile))
        return nonsense("more than the " + std::to_string(m_total.value_or(largestFile)) + " bytes that were announced");
    m_begin += headerSize;
    m_type = type;
    m_left = size;
    return std::nullopt;
}

Result<std::optional<Frame>> FrameDecoder::next()
{
    if (m_broken)
        return nonsense("it did so before");
    if (m_type == 0) {
        if (m_end - m_begin < headerSize)
            return std::nullopt;
        if (auto taken = header(); !taken) {
            m_broken = true;
            return taken;
        }
    }
    if (m_type == dataType)
        return piece();
    if (m_end - m_begin < m_left)
        return std::nullopt;
    auto decoded = content(ByteView(m_buffer.data() + m_begin, m_left));
    m_begin += m_left;
    m_left = 0;
    m_type = 0;
    m_broken = !decoded;
    return decoded;
}

} // namespace Preon::Fetch
