// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/acquire.h"

#include "core/fetch/untar.h"
#include "core/update/kept.h"
#include "core/update/treewriter.h"

#include <algorithm>
#include <chrono>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Preon::Update
{

namespace
{

// So often it is made sure that what came survives a cut: not at every byte, which would cost more than fetching some of them again.
constexpr std::uint64_t flushBytes = 4U << 20U;
constexpr auto flushTime = std::chrono::seconds(1);
constexpr std::size_t chunkBytes = 1U << 20U;

std::string placeName(const TargetPlace &place)
{
    if (const auto *slot = std::get_if<SlotTarget>(&place))
        return slot->device.string() + '#' + std::to_string(slot->before.number);
    if (const auto *file = std::get_if<FileTarget>(&place))
        return (file->folder / file->name).string();
    return {};
}

// What arrives goes to its place, and, packed, into the store as well. Without a place (archives, which are unpacked once all is there) into the store alone.
class Arrival : public Fetch::Target
{
public:
    Arrival(TargetWriter *place, std::string name, const KeptFile &kept, const std::optional<KeptNote> &before, Progress &progress)
        : m_place(place)
        , m_kept(kept)
        , m_progress(progress)
        , m_note(before.value_or(KeptNote{}))
        , m_before(m_note.bytes)
    {
        m_note.place = std::move(name);
    }

    Result<void> begin() override
    {
        // The first time what is kept counts; whoever begins again begins with nothing.
        if (std::exchange(m_begun, true)) {
            m_before = m_end = m_unflushed = 0;
            m_note.bytes = 0;
            m_note.complete = false;
            m_bytes.reset();
            PREON_CHECK(m_kept.forget());
        }
        m_offset = 0;
        return {};
    }

    // Only now it is known how much there is; what is here already counts.
    void started(const Fetch::Start &start) override
    {
        if (!start.total)
            return;
        m_progress.phase("Fetching", *start.total);
        m_progress.advance(m_end);
    }

    Result<void> unpacking(bool packed) override
    {
        m_note.packed = packed || !m_place;
        return {};
    }

    Result<void> write(ByteView bytes) override
    {
        if (!m_place)
            return {};
        // Unpacked, the first bytes were read from this very place a moment ago.
        if (!m_note.packed && m_offset + bytes.size() <= m_before) {
            m_offset += bytes.size();
            return {};
        }
        PREON_CHECK(m_place->write(m_offset, bytes));
        m_offset += bytes.size();
        m_written += bytes.size();
        return {};
    }

    // A store that is full is no reason to end: then the next attempt begins anew. Unless there is nowhere else.
    Result<void> fetched(ByteView bytes) override
    {
        if (!m_kept.isUsed() || m_isFull)
            return {};
        auto kept = take(bytes);
        if (kept || kept.error().code != ErrorCode::NoSpace || !m_place)
            return kept;
        m_isFull = true;
        m_progress.log(kept.error().text());
        m_bytes.reset();
        return m_kept.forget();
    }

    // What came so far is there after a cut.
    Result<void> keep()
    {
        if (!m_kept.isUsed() || m_isFull || m_unflushed == 0)
            return {};
        if (m_note.packed)
            PREON_CHECK(flush(m_bytes));
        else
            PREON_CHECK(m_place->flush());
        m_note.bytes = m_end;
        m_unflushed = 0;
        m_flushed = std::chrono::steady_clock::now();
        return m_kept.write(m_note);
    }

    Result<void> keepAll()
    {
        m_note.complete = true;
        if (!m_kept.isUsed() || m_isFull)
            return {};
        PREON_CHECK(keep());
        return m_kept.write(m_note);
    }

    // Where the bytes of the file begin that come through the network.
    void startAt(std::uint64_t offset)
    {
        m_end = offset;
    }
    std::uint64_t written() const
    {
        return m_written;
    }

private:
    Result<void> take(ByteView bytes)
    {
        if (m_note.packed) {
            if (!m_bytes.isOpen()) {
                PREON_TRY(m_bytes, m_kept.bytes(m_note.bytes == 0));
            }
            PREON_CHECK(writeAt(m_bytes, m_end, bytes));
        }
        m_end += bytes.size();
        m_unflushed += bytes.size();
        if (m_unflushed < flushBytes || std::chrono::steady_clock::now() - m_flushed < flushTime)
            return {};
        return keep();
    }

    TargetWriter *m_place;
    const KeptFile &m_kept;
    Progress &m_progress;
    KeptNote m_note;
    std::uint64_t m_before; // bytes that are in the place since an earlier attempt
    std::uint64_t m_offset = 0, m_written = 0;
    std::uint64_t m_end = 0, m_unflushed = 0; // of the file as it lies on the server
    std::chrono::steady_clock::time_point m_flushed = std::chrono::steady_clock::now();
    Fd m_bytes;
    bool m_begun = false, m_isFull = false;
};

// Bytes that the place can take.
std::uint64_t roomFor(const TransferPlan &plan)
{
    if (const auto *slot = std::get_if<SlotTarget>(&*plan.place))
        return slot->before.size;
    return plan.bytesFree.value_or(Fetch::Wanted().sizeLimit);
}

Fetch::Wanted wantedFor(const TransferPlan &plan, const OfferedBytes &from, const Fetching &fetching)
{
    Fetch::Wanted wanted;
    wanted.program = fetching.program;
    wanted.hash = *from.sha256;
    wanted.format = Fetch::Format::Detected;
    wanted.sizeLimit = roomFor(plan);
    wanted.request.bytesPerSecond = fetching.bytesPerSecond;
    wanted.request.proxy = fetching.proxy;
    wanted.request.caFile = fetching.caFile;
    wanted.request.mirrors.push_back({.url = from.path});
    for (const std::string &mirror : mirrorsOf(from.path, fetching))
        wanted.request.mirrors.push_back({.url = mirror});
    return wanted;
}

// The one transfer: its place, what is kept of it, and how it ends.
class Acquisition
{
public:
    Acquisition(const TransferPlan &plan, const OfferedBytes &from, const Fetching &fetching, Progress &progress)
        : m_plan(plan)
        , m_kept(fetching.store, *from.sha256)
        , m_progress(progress)
        , m_place(makeTarget(*plan.place))
        , m_wanted(wantedFor(plan, from, fetching))
    {
    }

    Result<Acquired> run()
    {
        PREON_CHECK(begin());
        Arrival arrival(m_place.get(), placeName(*m_plan.place), m_kept, m_note, m_progress);
        arrival.startAt(m_wanted.request.offset);
        auto received = Fetch::receive(m_wanted, arrival, m_progress);
        if (!received) {
            // What came is worth keeping, unless it is what was wrong.
            if (received.error().code == ErrorCode::Corrupt || received.error().code == ErrorCode::BadFormat) {
                PREON_CHECK(m_kept.forget());
                PREON_CHECK(m_place->abandon());
            } else if (const auto kept = arrival.keep(); !kept) {
                m_progress.log(kept.error().text());
            }
            return std::unexpected(std::move(received).error());
        }
        PREON_CHECK(arrival.keepAll());
        PREON_CHECK(m_place->finish(received->unpacked));
        return Acquired{.fetched = received->fetched, .kept = m_wanted.request.offset, .written = arrival.written()};
    }

private:
    // Takes up what an earlier attempt left, where it is of use here.
    Result<void> begin()
    {
        m_note = m_kept.note();
        if (m_note && !m_note->packed && m_note->place != placeName(*m_plan.place))
            m_note.reset();
        if (m_note && m_note->packed) {
            auto bytes = m_kept.bytes(false);
            struct stat status{};
            if (!bytes || fstat(bytes->get(), &status) < 0 || static_cast<std::uint64_t>(status.st_size) < m_note->bytes)
                m_note.reset();
            else
                m_bytes = std::move(*bytes);
        }
        const bool inPlace = m_note && !m_note->packed && m_note->bytes > 0;
        auto begun = m_place->begin(inPlace ? Begin::Resume : Begin::Anew);
        if (begun && inPlace && m_place->size().value_or(0) < m_note->bytes)
            begun = fail(ErrorCode::NotFound, m_plan.targetPath + " is shorter than it was");
        if (!begun && inPlace && begun.error().code == ErrorCode::NotFound) {
            m_note.reset();
            begun = m_place->begin(Begin::Anew);
        }
        PREON_CHECK(begun);
        if (!m_note)
            return m_kept.forget();
        m_wanted.request.offset = m_note->bytes;
        m_wanted.complete = m_note->complete;
        m_wanted.kept = [this](std::uint64_t offset, std::span<std::byte> buffer) {
            return m_note->packed ? readAt(m_bytes, offset, buffer) : m_place->read(offset, buffer);
        };
        return {};
    }

    const TransferPlan &m_plan;
    KeptFile m_kept;
    Progress &m_progress;
    std::unique_ptr<TargetWriter> m_place;
    Fetch::Wanted m_wanted;
    std::optional<KeptNote> m_note;
    Fd m_bytes;
};

// Where the bytes of an archive wait until all of them are there: in the store, for the next attempt too, or in a file without a name.
class Waiting : public Fetch::Target
{
public:
    Waiting(Fd file, Progress &progress)
        : m_file(std::move(file))
        , m_progress(progress)
    {
    }
    Result<void> begin() override
    {
        m_size = 0;
        return {};
    }
    void started(const Fetch::Start &start) override
    {
        if (start.total)
            m_progress.phase("Fetching", *start.total);
    }
    Result<void> write(ByteView bytes) override
    {
        PREON_CHECK(writeAt(m_file, m_size, bytes));
        m_size += bytes.size();
        return {};
    }
    Fd take()
    {
        return std::move(m_file);
    }

private:
    Fd m_file;
    Progress &m_progress;
    std::uint64_t m_size = 0;
};

// An archive to its folder: all of it is fetched and found to be the right one before a byte of it is unpacked.
class ArchiveAcquisition
{
public:
    ArchiveAcquisition(const TransferPlan &plan, const OfferedBytes &from, const Fetching &fetching, Progress &progress)
        : m_plan(plan)
        , m_from(from)
        , m_fetching(fetching)
        , m_progress(progress)
        , m_place(makeTarget(*plan.place))
    {
    }

    Result<Acquired> fetched()
    {
        m_wanted = wantedFor(m_plan, m_from, m_fetching);
        m_wanted.format = std::nullopt;
        m_wanted.sizeLimit = Fetch::Wanted().sizeLimit; // of the archive, which lies elsewhere
        PREON_TRY(const Fetch::Received received, m_fetching.store.empty() ? fetchAside() : fetchToStore());
        auto unpacked = unpack(received.size);
        if (!unpacked) {
            // What was right a moment ago and is another file now is worth nothing; neither is what cannot be unpacked.
            if (unpacked.error().code == ErrorCode::Corrupt || unpacked.error().code == ErrorCode::BadFormat)
                PREON_CHECK(KeptFile(m_fetching.store, *m_from.sha256).forget());
            return std::unexpected(std::move(unpacked).error());
        }
        return Acquired{.fetched = received.fetched, .kept = m_wanted.request.offset, .written = *unpacked};
    }

    Result<Acquired> local()
    {
        PREON_TRY(m_file, openFile(m_from.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
        struct stat status{};
        if (fstat(m_file.get(), &status) < 0 || !S_ISREG(status.st_mode))
            return fail(ErrorCode::Changed, m_from.path + " is no longer the file that it was");
        PREON_TRY(const std::uint64_t written, unpack(static_cast<std::uint64_t>(status.st_size)));
        return Acquired{.written = written};
    }

private:
    Result<Fetch::Received> fetchToStore()
    {
        const KeptFile kept(m_fetching.store, *m_from.sha256);
        auto note = kept.note();
        Fd bytes;
        if (note && note->packed) {
            if (auto opened = kept.bytes(false)) {
                struct stat status{};
                if (fstat(opened->get(), &status) == 0 && static_cast<std::uint64_t>(status.st_size) >= note->bytes)
                    bytes = std::move(*opened);
            }
        }
        if (!bytes.isOpen()) {
            note.reset();
            PREON_CHECK(kept.forget());
        } else {
            m_wanted.request.offset = note->bytes;
            m_wanted.complete = note->complete;
            m_wanted.kept = [&bytes](std::uint64_t offset, std::span<std::byte> buffer) {
                return readAt(bytes, offset, buffer);
            };
        }
        Arrival arrival(nullptr, placeName(*m_plan.place), kept, note, m_progress);
        arrival.startAt(m_wanted.request.offset);
        auto received = Fetch::receive(m_wanted, arrival, m_progress);
        m_wanted.kept = {};
        if (!received) {
            if (received.error().code == ErrorCode::Corrupt || received.error().code == ErrorCode::BadFormat)
                PREON_CHECK(kept.forget());
            else if (const auto left = arrival.keep(); !left)
                m_progress.log(left.error().text());
            return received;
        }
        PREON_CHECK(arrival.keepAll());
        PREON_TRY(m_file, kept.bytes(false));
        return received;
    }

    // Where nothing is kept for a next attempt.
    Result<Fetch::Received> fetchAside()
    {
        const auto folder = std::get<FolderTarget>(*m_plan.place).folder;
        auto file = openFile(folder, O_TMPFILE | O_RDWR, 0600);
        if (!file)
            return std::unexpected(file.error().during("There is no place in " + folder.string() + " for the archive until it is unpacked"));
        Waiting waiting(std::move(*file), m_progress);
        PREON_TRY(const Fetch::Received received, Fetch::receive(m_wanted, waiting, m_progress));
        m_file = waiting.take();
        return received;
    }

    // m_file, of that size. What was made of it goes where that does not end well.
    Result<std::uint64_t> unpack(std::uint64_t size)
    {
        m_progress.phase("Unpacking", size);
        auto written = makeTree(size);
        if (written)
            return written;
        if (const auto abandoned = m_place->abandon(); !abandoned)
            m_progress.log(abandoned.error().text());
        return written;
    }

    Result<std::uint64_t> makeTree(std::uint64_t size)
    {
        PREON_CHECK(m_place->begin(Begin::Anew));
        PREON_TRY(Fd folder, openFile(m_place->tree(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        TreeWriter tree(std::move(folder), m_place->tree().string(), m_progress);
        PREON_TRY(auto untar, Fetch::Untar::start(tree, {}, m_fetching.program));
        Sha256 hash;
        Bytes chunk(std::min<std::uint64_t>(size, chunkBytes));
        for (std::uint64_t offset = 0; offset < size;) {
            PREON_CHECK(m_progress.check());
            const auto part = std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), size - offset));
            PREON_CHECK(readAt(m_file, offset, part));
            hash.add(part);
            PREON_CHECK(untar.feed(part, m_progress));
            offset += part.size();
            m_progress.advance(part.size());
        }
        // Looked at first: of bytes that are not the right ones nobody needs to know how they unpack.
        if (m_from.sha256 && hash.finish() != *m_from.sha256)
            return fail(ErrorCode::Corrupt, m_from.path + " is damaged", "its SHA-256 hash is another one than it should have");
        if (auto ended = untar.finish(m_progress); !ended)
            return std::unexpected(ended.error().during(m_from.path + " could not be unpacked"));
        PREON_CHECK(tree.finish());
        PREON_CHECK(m_place->finish(0));
        return untar.seen().bytes;
    }

    const TransferPlan &m_plan;
    const OfferedBytes &m_from;
    const Fetching &m_fetching;
    Progress &m_progress;
    std::unique_ptr<TargetWriter> m_place;
    Fetch::Wanted m_wanted;
    Fd m_file; // the archive
};

// HASH.json and HASH.part, by their hash. Other names are what a cut left of one that was being replaced.
Result<void> forgetWhere(const Fetching &fetching, const auto &isMeant)
{
    std::error_code error;
    for (std::filesystem::directory_iterator each(fetching.store, error), end; !error && each != end; each.increment(error)) {
        const auto hash = fromHex(each->path().stem().string());
        const auto kind = each->path().extension();
        if (!hash || hash->size() != Sha256Digest().size() || (kind != ".json" && kind != ".part")) {
            std::error_code ignored;
            std::filesystem::remove(each->path(), ignored);
            continue;
        }
        Sha256Digest digest{};
        std::ranges::copy(*hash, digest.begin());
        if (isMeant(digest))
            PREON_CHECK(KeptFile(fetching.store, digest).forget());
    }
    return {};
}

} // namespace

std::vector<std::string> mirrorsOf(const std::string &url, const Fetching &fetching)
{
    const std::string name = url.substr(url.rfind('/') + 1);
    std::vector<std::string> mirrors;
    for (const std::string &mirror : fetching.mirrors)
        mirrors.push_back(mirror + (mirror.ends_with('/') ? "" : "/") + name);
    return mirrors;
}

Result<Acquired> acquire(const TransferPlan &plan, const Fetching &fetching, Progress &progress)
{
    if (plan.installed || plan.acquired)
        return Acquired{};
    const OfferedBytes *from = plan.wholeOffer();
    if (!from || !plan.place || plan.sourceType != ResourceType::UrlFile || std::holds_alternative<FolderTarget>(*plan.place))
        return fail(ErrorCode::Unsupported, plan.sourcePath + " cannot be fetched to " + plan.targetPath);
    if (!from->sha256)
        return fail(ErrorCode::Untrusted, plan.sourcePath + " cannot be fetched", "its hash is not known");
    if (const auto *file = std::get_if<FileTarget>(&*plan.place))
        PREON_CHECK(makeFolders("/", file->folder.relative_path()));
    progress.phase("Fetching", 0);
    progress.log("Fetching " + std::filesystem::path(from->path).filename().string());
    return Acquisition(plan, *from, fetching, progress).run();
}

Result<Acquired> acquireArchive(const TransferPlan &plan, const Fetching &fetching, Progress &progress)
{
    if (plan.installed || plan.acquired)
        return Acquired{};
    const OfferedBytes *from = plan.wholeOffer();
    const auto *folder = plan.place ? std::get_if<FolderTarget>(&*plan.place) : nullptr;
    if (!from || !folder || (plan.sourceType != ResourceType::UrlTar && plan.sourceType != ResourceType::Tar))
        return fail(ErrorCode::Unsupported, plan.sourcePath + " cannot be unpacked to " + plan.targetPath);
    PREON_CHECK(makeFolders("/", folder->folder.relative_path()));
    ArchiveAcquisition acquisition(plan, *from, fetching, progress);
    if (plan.sourceType == ResourceType::Tar)
        return acquisition.local();
    if (!from->sha256)
        return fail(ErrorCode::Untrusted, plan.sourcePath + " cannot be fetched", "its hash is not known");
    progress.phase("Fetching", 0);
    progress.log("Fetching " + std::filesystem::path(from->path).filename().string());
    return acquisition.fetched();
}

Result<Acquired> acquirePacked(const TransferPlan &plan, const Fetching &fetching, Progress &progress)
{
    const OfferedBytes *from = plan.wholeOffer();
    if (!from || !plan.place || plan.sourceType != ResourceType::RegularFile || std::holds_alternative<FolderTarget>(*plan.place))
        return fail(ErrorCode::Unsupported, plan.sourcePath + " cannot be unpacked to " + plan.targetPath);
    if (const auto *file = std::get_if<FileTarget>(&*plan.place))
        PREON_CHECK(makeFolders("/", file->folder.relative_path()));
    PREON_TRY(const Fd file, openFile(from->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    struct stat status{};
    if (fstat(file.get(), &status) < 0 || !S_ISREG(status.st_mode))
        return fail(ErrorCode::Changed, from->path + " is no longer the file that it was");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    progress.phase("Unpacking", size);
    const auto place = makeTarget(*plan.place);
    PREON_CHECK(place->begin(Begin::Anew));
    PREON_TRY(auto unpacker, Fetch::Unpacker::start(Fetch::Format::Detected, roomFor(plan), fetching.program));
    Acquired acquired;
    const Fetch::Unpacker::Sink sink = [&](ByteView bytes) -> Result<void> {
        PREON_CHECK(place->write(acquired.written, bytes));
        acquired.written += bytes.size();
        return {};
    };
    Sha256 hash;
    Bytes chunk(std::min<std::uint64_t>(size, chunkBytes));
    for (std::uint64_t offset = 0; offset < size;) {
        PREON_CHECK(progress.check());
        const auto part = std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), size - offset));
        PREON_CHECK(readAt(file, offset, part));
        hash.add(part);
        PREON_CHECK(unpacker.feed(part, sink, progress));
        offset += part.size();
        progress.advance(part.size());
    }
    PREON_CHECK(unpacker.finish(sink, progress));
    if (from->sha256 && hash.finish() != *from->sha256)
        return fail(ErrorCode::Corrupt, from->path + " is damaged", "its SHA-256 hash is another one than it should have");
    PREON_CHECK(place->finish(acquired.written));
    return acquired;
}

std::uint64_t keptBytes(const Fetching &fetching, const Sha256Digest &hash)
{
    const auto note = KeptFile(fetching.store, hash).note();
    return note ? note->bytes : 0;
}

Result<void> forgetKept(const Fetching &fetching, const std::vector<Sha256Digest> &hashes)
{
    return fetching.store.empty() ? Result<void>() : forgetWhere(fetching, [&hashes](const Sha256Digest &hash) { return std::ranges::contains(hashes, hash); });
}

Result<void> forgetAllBut(const Fetching &fetching, const std::vector<Sha256Digest> &hashes)
{
    return fetching.store.empty() ? Result<void>()
                                  : forgetWhere(fetching, [&hashes](const Sha256Digest &hash) { return !std::ranges::contains(hashes, hash); });
}

} // namespace Preon::Update
