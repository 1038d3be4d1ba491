// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/transport/tar.h"

#include "core/fetch/frames.h"

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <limits>
#include <memory>
#include <optional>

#include <archive.h>
#include <archive_entry.h>

namespace Preon::Transport
{

namespace
{
using Fetch::EntryKind;
using Fetch::TreeEntry;

constexpr std::size_t tarInputSize = 256U << 10U;
constexpr std::size_t tarOutputSize = 256U << 10U;

const std::string notUnpacked = "The archive could not be unpacked";

struct FreeReader {
    void operator()(archive *reader) const
    {
        archive_read_free(reader);
    }
};

std::unexpected<Error> badArchive(std::string why)
{
    return fail(ErrorCode::BadFormat, notUnpacked, std::move(why));
}

class Untarring
{
public:
    Untarring(const TarSource &source, const TarSink &sink)
        : m_source(source)
        , m_sink(sink)
        , m_reader(archive_read_new())
    {
    }

    Result<void> run()
    {
        if (!m_reader || archive_read_support_filter_none(reader()) != ARCHIVE_OK || archive_read_support_format_tar(reader()) != ARCHIVE_OK
            || archive_read_set_option(reader(), "tar", "read_concatenated_archives", "1") != ARCHIVE_OK)
            return fail(ErrorCode::Unsupported, notUnpacked, "libarchive has no tar, or there is not enough memory");
        if (archive_read_open2(reader(), this, nullptr, &Untarring::read, nullptr, nullptr) != ARCHIVE_OK)
            return broken({});
        for (;;) {
            archive_entry *entry = nullptr;
            const int code = archive_read_next_header(reader(), &entry);
            if (code == ARCHIVE_EOF)
                break;
            const char *path = code == ARCHIVE_OK || code == ARCHIVE_WARN ? archive_entry_pathname(entry) : nullptr;
            const std::string shown = path ? '"' + Fetch::printableText(path) + "\": " : std::string();
            // A warning is an entry that is not exactly what the archive says.
            if (code != ARCHIVE_OK || !path)
                return broken(shown);
            PREON_CHECK(take(entry, path, shown));
        }
        if (m_failure)
            return std::unexpected(*m_failure);
        PREON_CHECK(say(Fetch::encode(m_seen)));
        return flush();
    }

private:
    archive *reader() const
    {
        return m_reader.get();
    }

    static la_ssize_t read(archive *reader, void *data, const void **buffer)
    {
        auto &self = *static_cast<Untarring *>(data);
        auto got = self.m_source(self.m_input);
        if (!got) {
            self.m_failure = std::move(got).error();
            archive_set_error(reader, EIO, "reading failed");
            return -1;
        }
        *buffer = self.m_input.data();
        return static_cast<la_ssize_t>(*got);
    }

    std::unexpected<Error> broken(const std::string &shown) const
    {
        if (m_failure)
            return std::unexpected(*m_failure);
        if (archive_errno(reader()) == ENOMEM)
            return fail(ErrorCode::Unsupported, notUnpacked, "there is not enough memory");
        const char *said = archive_error_string(reader());
        return badArchive(shown + Fetch::printableText(said ? said : "it is damaged"));
    }

    Result<void> say(ByteView bytes)
    {
        m_output.insert(m_output.end(), bytes.begin(), bytes.end());
        return m_output.size() < tarOutputSize ? Result<void>() : flush();
    }

    Result<void> flush()
    {
        const auto sent = m_output.empty() ? Result<void>() : m_sink(m_output);
        m_output.clear();
        return sent;
    }

    // Which kind it is, with what only that kind has.
    static Result<void> describe(archive_entry *from, TreeEntry &entry)
    {
        if (const char *target = archive_entry_hardlink(from)) {
            entry.kind = EntryKind::HardLink;
            PREON_TRY(entry.target, Fetch::treePath(target));
            return entry.target.empty() ? Result<void>(badArchive("it is a link to the archive's own folder")) : Result<void>();
        }
        const auto device = [&](EntryKind kind) {
            entry.kind = kind;
            entry.major = static_cast<std::uint32_t>(archive_entry_rdevmajor(from));
            entry.minor = static_cast<std::uint32_t>(archive_entry_rdevminor(from));
        };
        switch (archive_entry_filetype(from)) {
        case AE_IFDIR:
            entry.kind = EntryKind::Folder;
            return {};
        case AE_IFREG:
            entry.kind = EntryKind::File;
            if (archive_entry_size(from) < 0)
                return badArchive("its size is below zero");
            entry.size = static_cast<std::uint64_t>(archive_entry_size(from));
            return {};
        case AE_IFLNK: {
            entry.kind = EntryKind::SymbolicLink;
            const char *target = archive_entry_symlink(from);
            entry.target = target ? target : "";
            if (entry.target.empty() || entry.target.size() > Fetch::pathLimit)
                return badArchive("it is a link that points nowhere, or has a target that is too long");
            return {};
        }
        case AE_IFCHR:
            device(EntryKind::CharacterDevice);
            return {};
        case AE_IFBLK:
            device(EntryKind::BlockDevice);
            return {};
        case AE_IFIFO:
            entry.kind = EntryKind::Fifo;
            return {};
        default:
            return badArchive("it is of a kind that is not known");
        }
    }

    static Result<std::uint32_t> ownerFrom(la_int64_t number)
    {
        // The last number means nobody at all.
        if (number < 0 || number >= std::numeric_limits<std::uint32_t>::max())
            return badArchive("its owner has the number " + std::to_string(number));
        return static_cast<std::uint32_t>(number);
    }

    static Result<void> takeAttributes(archive_entry *from, TreeEntry &entry)
    {
        std::size_t total = 0;
        archive_entry_xattr_reset(from);
        const char *name = nullptr;
        const void *value = nullptr;
        std::size_t size = 0;
        while (archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK) {
            const std::string_view named = name ? name : "";
            total += named.size() + size;
            if (named.empty() || named.size() > Fetch::nameLimit || total > Fetch::attributesLimit || entry.attributes.size() == Fetch::attributeLimit)
                return badArchive("its extended attributes are too many or too large");
            const ByteView bytes(static_cast<const std::byte *>(value), size);
            entry.attributes.emplace_back(named, Bytes(bytes.begin(), bytes.end()));
        }
        return {};
    }

    static Result<TreeEntry> entryFrom(archive_entry *from, const char *path)
    {
        TreeEntry entry;
        PREON_TRY(entry.path, Fetch::treePath(path));
        PREON_CHECK(describe(from, entry));
        if (entry.path.empty() && entry.kind != EntryKind::Folder)
            return badArchive("the archive's own folder is none");
        entry.mode = static_cast<std::uint32_t>(archive_entry_perm(from)) & 07777U;
        PREON_TRY(entry.owner, ownerFrom(archive_entry_uid(from)));
        PREON_TRY(entry.group, ownerFrom(archive_entry_gid(from)));
        entry.modified = archive_entry_mtime(from);
        entry.modifiedNanoseconds = static_cast<std::uint32_t>(std::clamp<long>(archive_entry_mtime_nsec(from), 0, 999'999'999));
        PREON_CHECK(takeAttributes(from, entry));
        return entry;
    }

    Result<void> take(archive_entry *from, const char *path, const std::string &shown)
    {
        const auto entry = entryFrom(from, path);
        if (!entry)
            return badArchive(shown + entry.error().why);
        ++m_seen.entries;
        PREON_CHECK(say(Fetch::encode(*entry)));
        return entry->kind == EntryKind::File ? takeData(entry->size, shown) : Result<void>();
    }

    Result<void> takeData(std::uint64_t whole, const std::string &shown)
    {
        std::uint64_t position = 0;
        for (;;) {
            const void *data = nullptr;
            std::size_t size = 0;
            la_int64_t offset = 0;
            const int code = archive_read_data_block(reader(), &data, &size, &offset);
            if (code == ARCHIVE_EOF)
                return {};
            if (code != ARCHIVE_OK)
                return broken(shown);
            ByteView bytes(static_cast<const std::byte *>(data), size);
            if (bytes.empty())
                continue;
            // A map of holes may say anything.
            if (offset < 0 || static_cast<std::uint64_t>(offset) < position || static_cast<std::uint64_t>(offset) > whole
                || size > whole - static_cast<std::uint64_t>(offset))
                return badArchive(shown + "bytes of it lie before those that came already, or behind its end");
            position = static_cast<std::uint64_t>(offset) + size;
            for (auto at = static_cast<std::uint64_t>(offset); !bytes.empty();) {
                const ByteView part = bytes.first(std::min(bytes.size(), Fetch::treeDataLimit));
                PREON_CHECK(say(Fetch::treeDataHeader(at, part.size())));
                PREON_CHECK(say(part));
                m_seen.bytes += part.size();
                at += part.size();
                bytes = bytes.subspan(part.size());
            }
        }
    }

    const TarSource &m_source;
    const TarSink &m_sink;
    std::unique_ptr<archive, FreeReader> m_reader;
    Bytes m_input = Bytes(tarInputSize);
    Bytes m_output;
    Fetch::TreeEnd m_seen;
    std::optional<Error> m_failure; // of the source
};
}

void prepareTar()
{
    std::setlocale(LC_CTYPE, "C.UTF-8");
}

Result<void> untar(const TarSource &source, const TarSink &sink)
{
    return Untarring(source, sink).run();
}

} // namespace Preon::Transport
