// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/transport/decompress.h"

#include <algorithm>
#include <array>

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace Preon::Transport
{

using Fetch::Format;

namespace
{
constexpr std::size_t outputSize = 256U << 10U;
constexpr std::uint64_t memoryLimit = 128U << 20U; // of xz; zst has the same by its own default, a window of 2^27 bytes
constexpr std::size_t inputLimit = 1U << 30U; // what the counters of zlib and libbz2 hold

std::unexpected<Error> damaged(std::string why)
{
    return fail(ErrorCode::BadFormat, "The file could not be unpacked", std::move(why));
}

std::unexpected<Error> damagedAt(std::uint64_t offset, std::string_view said)
{
    return damaged("the packed data are damaged near byte " + std::to_string(offset) + (said.empty() ? std::string() : " (" + std::string(said) + ")"));
}

std::unexpected<Error> followed(std::uint64_t offset)
{
    return damaged("something else follows the packed data at byte " + std::to_string(offset));
}

std::unexpected<Error> cutOff(std::uint64_t offset)
{
    return damaged("the packed data end in the middle, after " + std::to_string(offset) + " bytes");
}

std::unexpected<Error> outOfMemory()
{
    return fail(ErrorCode::Unsupported, "The file could not be unpacked", "there is not enough memory");
}

// Packed files one behind the other, each ended by its own end mark: what gzip, bzip2 and xz have in common.
class Members : public Decompressor
{
public:
    Result<void> add(ByteView packed, const Sink &sink) override
    {
        while (!packed.empty()) {
            if (!m_inside) {
                const std::size_t zeros = m_offset > 0 ? padding(packed) : 0;
                m_offset += zeros;
                packed = packed.subspan(zeros);
                if (packed.empty())
                    break;
                if (!isPadded())
                    return followed(m_offset);
                PREON_CHECK(beginMember());
                m_inside = true;
                m_memberStart = m_offset;
            }
            const ByteView part = packed.first(std::min(packed.size(), inputLimit));
            PREON_TRY(const std::size_t used, step(part, sink));
            m_offset += used;
            packed = packed.subspan(used);
        }
        return {};
    }

    Result<void> finish(const Sink &) override
    {
        if (m_inside || m_offset == 0)
            return cutOff(m_offset);
        if (!isPadded())
            return followed(m_offset);
        return {};
    }

protected:
    // How many bytes between two members mean nothing, and whether that is a number of them that may be.
    virtual std::size_t padding(ByteView)
    {
        return 0;
    }
    virtual bool isPadded() const
    {
        return true;
    }
    virtual Result<void> beginMember() = 0;
    // How much of the input was used up, some at least.
    virtual Result<std::size_t> step(ByteView packed, const Sink &sink) = 0;

    // What is no packed data at all: behind other data or from the start.
    std::unexpected<Error> noMember(std::string_view said) const
    {
        if (m_memberStart > 0)
            return followed(m_memberStart);
        return damagedAt(m_offset, said);
    }

    Bytes m_output = Bytes(outputSize);
    std::uint64_t m_offset = 0; // of the next byte of input
    std::uint64_t m_memberStart = 0;
    bool m_inside = false;
};

class Gzip : public Members
{
public:
    ~Gzip() override
    {
        inflateEnd(&m_stream);
    }

private:
    Result<void> beginMember() override
    {
        constexpr int gzipOnly = 16 + MAX_WBITS;
        const int code = m_stream.state ? inflateReset(&m_stream) : inflateInit2(&m_stream, gzipOnly);
        m_headerDone = false;
        return code == Z_OK ? Result<void>() : outOfMemory();
    }

    Result<std::size_t> step(ByteView packed, const Sink &sink) override
    {
        m_stream.next_in = const_cast<Bytef *>(reinterpret_cast<const Bytef *>(packed.data()));
        m_stream.avail_in = static_cast<uInt>(packed.size());
        for (;;) {
            m_stream.next_out = reinterpret_cast<Bytef *>(m_output.data());
            m_stream.avail_out = static_cast<uInt>(m_output.size());
            const int code = inflate(&m_stream, Z_NO_FLUSH);
            const std::size_t used = packed.size() - m_stream.avail_in;
            const std::size_t made = m_output.size() - m_stream.avail_out;
            if (code == Z_MEM_ERROR)
                return outOfMemory();
            if (code == Z_DATA_ERROR && !m_headerDone && m_stream.total_out == 0 && m_stream.total_in <= 10)
                return noMember(m_stream.msg ? m_stream.msg : "");
            if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
                return damagedAt(m_offset + used, m_stream.msg ? m_stream.msg : "");
            m_headerDone = m_headerDone || m_stream.total_out > 0;
            if (made > 0)
                PREON_CHECK(sink(ByteView(m_output).first(made)));
            if (code == Z_STREAM_END) {
                m_inside = false;
                return used;
            }
            if (m_stream.avail_out > 0)
                return used;
        }
    }

    z_stream m_stream{};
    bool m_headerDone = false;
};

class Bzip2 : public Members
{
public:
    ~Bzip2() override
    {
        BZ2_bzDecompressEnd(&m_stream);
    }

private:
    Result<void> beginMember() override
    {
        BZ2_bzDecompressEnd(&m_stream);
        m_stream = {};
        return BZ2_bzDecompressInit(&m_stream, 0, 0) == BZ_OK ? Result<void>() : outOfMemory();
    }

    Result<std::size_t> step(ByteView packed, const Sink &sink) override
    {
        m_stream.next_in = const_cast<char *>(reinterpret_cast<const char *>(packed.data()));
        m_stream.avail_in = static_cast<unsigned>(packed.size());
        for (;;) {
            m_stream.next_out = reinterpret_cast<char *>(m_output.data());
            m_stream.avail_out = static_cast<unsigned>(m_output.size());
            const int code = BZ2_bzDecompress(&m_stream);
            const std::size_t used = packed.size() - m_stream.avail_in;
            const std::size_t made = m_output.size() - m_stream.avail_out;
            if (code == BZ_MEM_ERROR)
                return outOfMemory();
            if (code == BZ_DATA_ERROR_MAGIC)
                return noMember("no bzip2 data");
            if (code != BZ_OK && code != BZ_STREAM_END)
                return damagedAt(m_offset + used, "");
            if (made > 0)
                PREON_CHECK(sink(ByteView(m_output).first(made)));
            if (code == BZ_STREAM_END) {
                m_inside = false;
                return used;
            }
            if (m_stream.avail_in == 0 && m_stream.avail_out > 0)
                return used;
        }
    }

    bz_stream m_stream{};
};

class Xz : public Members
{
public:
    ~Xz() override
    {
        lzma_end(&m_stream);
    }

private:
    Result<void> beginMember() override
    {
        m_stream.next_in = nullptr;
        m_stream.avail_in = 0;
        return lzma_stream_decoder(&m_stream, memoryLimit, 0) == LZMA_OK ? Result<void>() : outOfMemory();
    }

    // Behind a file there may be zeros, four at a time.
    std::size_t padding(ByteView packed) override
    {
        const std::size_t zeros = static_cast<std::size_t>(std::ranges::find_if(packed, [](std::byte b) { return b != std::byte{0}; }) - packed.begin());
        m_padding = (m_padding + zeros) % 4;
        return zeros;
    }

    bool isPadded() const override
    {
        return m_padding == 0;
    }

    Result<std::size_t> step(ByteView packed, const Sink &sink) override
    {
        m_stream.next_in = reinterpret_cast<const std::uint8_t *>(packed.data());
        m_stream.avail_in = packed.size();
        for (;;) {
            m_stream.next_out = reinterpret_cast<std::uint8_t *>(m_output.data());
            m_stream.avail_out = m_output.size();
            const lzma_ret code = lzma_code(&m_stream, LZMA_RUN);
            const std::size_t used = packed.size() - m_stream.avail_in;
            if (code != LZMA_OK && code != LZMA_STREAM_END && code != LZMA_BUF_ERROR)
                return broken(code, m_offset + used);
            if (const std::size_t made = m_output.size() - m_stream.avail_out; made > 0)
                PREON_CHECK(sink(ByteView(m_output).first(made)));
            if (code == LZMA_STREAM_END) {
                m_inside = false;
                return used;
            }
            if (m_stream.avail_in == 0 && m_stream.avail_out > 0)
                return used;
        }
    }

    std::unexpected<Error> broken(lzma_ret code, std::uint64_t offset) const
    {
        switch (code) {
        case LZMA_MEM_ERROR:
            return outOfMemory();
        case LZMA_MEMLIMIT_ERROR:
            return fail(ErrorCode::Unsupported, "The file could not be unpacked",
                        "that needs " + std::to_string(lzma_memusage(&m_stream) >> 20U) + " MiB of memory, " + std::to_string(memoryLimit >> 20U)
                            + " are allowed");
        case LZMA_OPTIONS_ERROR:
            return fail(ErrorCode::Unsupported, "The file could not be unpacked", "it was packed in a way that liblzma does not know");
        case LZMA_FORMAT_ERROR:
            return noMember("no xz data");
        default:
            return damagedAt(offset, "");
        }
    }

    lzma_stream m_stream = LZMA_STREAM_INIT;
    std::size_t m_padding = 0;
};

class Zstd : public Decompressor
{
public:
    Result<void> add(ByteView packed, const Sink &sink) override
    {
        if (!m_context)
            return outOfMemory();
        ZSTD_inBuffer input{packed.data(), packed.size(), 0};
        // Once more after the input is used up: a full output buffer may have left something inside.
        for (bool more = !packed.empty(); more;) {
            ZSTD_outBuffer output{m_output.data(), m_output.size(), 0};
            const bool atStart = m_missing == 0;
            const std::size_t before = input.pos;
            const std::size_t code = ZSTD_decompressStream(m_context.get(), &output, &input);
            if (ZSTD_isError(code))
                return broken(code, atStart, m_offset + (atStart ? before : input.pos));
            m_missing = code;
            if (output.pos > 0)
                PREON_CHECK(sink(ByteView(m_output).first(output.pos)));
            more = input.pos < input.size || (output.pos == output.size && m_missing != 0);
        }
        m_offset += packed.size();
        return {};
    }

    Result<void> finish(const Sink &) override
    {
        if (m_missing != 0 || m_offset == 0)
            return cutOff(m_offset);
        return {};
    }

private:
    static std::unexpected<Error> broken(std::size_t code, bool atStart, std::uint64_t offset)
    {
        switch (ZSTD_getErrorCode(code)) {
        case ZSTD_error_memory_allocation:
            return outOfMemory();
        case ZSTD_error_frameParameter_windowTooLarge:
            return fail(ErrorCode::Unsupported, "The file could not be unpacked", "that needs more than 128 MiB of memory: its window is too large");
        case ZSTD_error_dictionary_wrong:
            return fail(ErrorCode::Unsupported, "The file could not be unpacked", "it was packed with a dictionary of its own");
        case ZSTD_error_prefix_unknown:
            if (atStart && offset > 0)
                return followed(offset);
            [[fallthrough]];
        default:
            return damagedAt(offset, ZSTD_getErrorName(code));
        }
    }

    struct Free {
        void operator()(ZSTD_DCtx *context) const
        {
            ZSTD_freeDCtx(context);
        }
    };
    std::unique_ptr<ZSTD_DCtx, Free> m_context{ZSTD_createDCtx()};
    Bytes m_output = Bytes(outputSize);
    std::size_t m_missing = 0; // 0 between two frames
    std::uint64_t m_offset = 0; // of the next byte of input
};

class Plain : public Decompressor
{
public:
    Result<void> add(ByteView packed, const Sink &sink) override
    {
        return packed.empty() ? Result<void>() : sink(packed);
    }
    Result<void> finish(const Sink &) override
    {
        return {};
    }
};

constexpr std::size_t magicSize = 6;

class Detecting : public Decompressor
{
public:
    Result<void> add(ByteView packed, const Sink &sink) override
    {
        if (m_chosen)
            return m_chosen->add(packed, sink);
        m_beginning.insert(m_beginning.end(), packed.begin(), packed.end());
        return m_beginning.size() < magicSize ? Result<void>() : choose(sink);
    }

    Result<void> finish(const Sink &sink) override
    {
        if (!m_chosen)
            PREON_CHECK(choose(sink));
        return m_chosen->finish(sink);
    }

private:
    Result<void> choose(const Sink &sink)
    {
        const auto format = detectFormat(m_beginning);
        m_chosen = format ? make(*format) : std::make_unique<Plain>();
        const Bytes beginning = std::exchange(m_beginning, {});
        return m_chosen->add(beginning, sink);
    }

    Bytes m_beginning;
    std::unique_ptr<Decompressor> m_chosen;
};
}

std::unique_ptr<Decompressor> Decompressor::make(Format format)
{
    switch (format) {
    case Format::Gzip:
        return std::make_unique<Gzip>();
    case Format::Xz:
        return std::make_unique<Xz>();
    case Format::Zstd:
        return std::make_unique<Zstd>();
    case Format::Bzip2:
        return std::make_unique<Bzip2>();
    case Format::Detected:
        break;
    }
    return std::make_unique<Detecting>();
}

std::optional<Format> detectFormat(ByteView beginning)
{
    using namespace std::string_view_literals;
    const std::string_view text(reinterpret_cast<const char *>(beginning.data()), beginning.size());
    if (text.starts_with("\x1f\x8b\x08"sv))
        return Format::Gzip;
    if (text.starts_with("\xfd"
                         "7zXZ\0"sv))
        return Format::Xz;
    if (text.starts_with("BZh"sv) && text.size() > 3 && text[3] >= '1' && text[3] <= '9')
        return Format::Bzip2;
    // A frame, or one that its reader skips (0x184D2A50 to 5F).
    if (text.starts_with("\x28\xb5\x2f\xfd"sv)
        || (text.size() >= 4 && (static_cast<unsigned char>(text[0]) & 0xf0U) == 0x50 && text.substr(1, 3) == "\x2a\x4d\x18"sv))
        return Format::Zstd;
    return std::nullopt;
}

} // namespace Preon::Transport
