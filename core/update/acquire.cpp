// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/acquire.h"

#include "core/update/arrival.h"
#include "core/update/localsource.h"

#include <algorithm>

#include <sys/stat.h>

namespace Preon::Update
{

namespace
{

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

// A file of this machine on its way to its place. Returns how many bytes were written.
Result<std::uint64_t> unpackTo(TargetWriter &place, const LocalFile &file, const OfferedBytes &from, std::uint64_t room, const Fetching &fetching,
                               Progress &progress)
{
    PREON_TRY(auto unpacker, Fetch::Unpacker::start(Fetch::Format::Detected, room, fetching.program));
    std::uint64_t written = 0;
    const Fetch::Unpacker::Sink sink = [&](ByteView bytes) -> Result<void> {
        PREON_CHECK(place.write(written, bytes));
        written += bytes.size();
        return {};
    };
    const auto feed = [&](std::uint64_t, ByteView part) {
        return unpacker.feed(part, sink, progress);
    };
    PREON_TRY(const Sha256Digest hash, readThrough(file.fd, file.size, feed, progress));
    if (from.sha256 && hash != *from.sha256)
        return fail(ErrorCode::Corrupt, from.path + " is damaged", "its SHA-256 hash is another one than it should have");
    PREON_CHECK(unpacker.finish(sink, progress));
    return written;
}

// Nothing of it is kept for a next attempt, as it can be read again.
Result<Acquired> unpackLocal(const TransferPlan &plan, const OfferedBytes &from, const char *phase, const Fetching &fetching, Progress &progress)
{
    if (const auto *file = std::get_if<FileTarget>(&*plan.place))
        PREON_CHECK(makeFolders("/", file->folder.relative_path()));
    PREON_TRY(const LocalFile file, openLocal(from.path));
    progress.phase(phase, file.size);
    const auto place = makeTarget(*plan.place);
    PREON_CHECK(place->begin(Begin::Anew));
    auto written = unpackTo(*place, file, from, roomFor(plan), fetching, progress);
    if (!written) {
        if (const auto abandoned = place->abandon(); !abandoned)
            progress.log(abandoned.error().text());
        return std::unexpected(std::move(written).error());
    }
    PREON_CHECK(place->finish(*written));
    return Acquired{.written = *written};
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
    progress.phase("Fetching", 0);
    progress.log("Fetching " + std::filesystem::path(from->path).filename().string());
    if (pathOfFileUrl(from->path))
        return unpackLocal(plan, *from, "Fetching", fetching, progress);
    if (const auto *file = std::get_if<FileTarget>(&*plan.place))
        PREON_CHECK(makeFolders("/", file->folder.relative_path()));
    return Acquisition(plan, *from, fetching, progress).run();
}

Result<Acquired> acquirePacked(const TransferPlan &plan, const Fetching &fetching, Progress &progress)
{
    const OfferedBytes *from = plan.wholeOffer();
    if (!from || !plan.place || plan.sourceType != ResourceType::RegularFile || std::holds_alternative<FolderTarget>(*plan.place))
        return fail(ErrorCode::Unsupported, plan.sourcePath + " cannot be unpacked to " + plan.targetPath);
    return unpackLocal(plan, *from, "Unpacking", fetching, progress);
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
