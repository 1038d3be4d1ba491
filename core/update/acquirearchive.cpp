// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/arrival.h"

#include "core/fetch/untar.h"
#include "core/update/localsource.h"
#include "core/update/treewriter.h"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>

namespace Preon::Update
{

namespace
{

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
        PREON_TRY(LocalFile file, openLocal(m_from.path));
        m_file = std::move(file.fd);
        PREON_TRY(const std::uint64_t written, unpack(file.size));
        return Acquired{.written = written};
    }

    // Of this machine, from a list: copied first, as who brought the stick may change what it says from one look to the next.
    Result<Acquired> copied()
    {
        PREON_TRY(const LocalFile file, openLocal(m_from.path));
        m_progress.phase("Fetching", file.size);
        PREON_TRY(m_file, aside());
        const auto keep = [this](std::uint64_t offset, ByteView part) {
            return writeAt(m_file, offset, part);
        };
        PREON_TRY(const Sha256Digest hash, readThrough(file.fd, file.size, keep, m_progress));
        if (hash != *m_from.sha256)
            return damaged();
        PREON_TRY(const std::uint64_t written, unpack(file.size));
        return Acquired{.written = written};
    }

private:
    std::unexpected<Error> damaged() const
    {
        return fail(ErrorCode::Corrupt, m_from.path + " is damaged", "its SHA-256 hash is another one than it should have");
    }

    // A file without a name beside the target.
    Result<Fd> aside() const
    {
        const auto folder = std::get<FolderTarget>(*m_plan.place).folder;
        auto file = openFile(folder, O_TMPFILE | O_RDWR, 0600);
        if (!file)
            return std::unexpected(file.error().during("There is no place in " + folder.string() + " for the archive until it is unpacked"));
        return file;
    }

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
        PREON_TRY(Fd file, aside());
        Waiting waiting(std::move(file), m_progress);
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
        const auto feed = [&](std::uint64_t, ByteView part) {
            return untar.feed(part, m_progress);
        };
        PREON_TRY(const Sha256Digest hash, readThrough(m_file, size, feed, m_progress));
        // Looked at first: of bytes that are not the right ones nobody needs to know how they unpack.
        if (m_from.sha256 && hash != *m_from.sha256)
            return damaged();
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

} // namespace

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
    if (pathOfFileUrl(from->path))
        return acquisition.copied();
    return acquisition.fetched();
}

} // namespace Preon::Update
