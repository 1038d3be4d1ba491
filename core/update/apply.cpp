// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/apply.h"

#include "core/base/hash.h"
#include "core/repart/copytree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Preon::Update
{

namespace
{
constexpr std::size_t copiedAtOnce = 1U << 20U;

Result<void> copyFile(const OfferedBytes &source, TargetWriter &target, Progress &progress)
{
    PREON_TRY(const Fd file, openFile(source.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    struct stat status{};
    if (fstat(file.get(), &status) < 0 || !S_ISREG(status.st_mode))
        return fail(ErrorCode::Changed, source.path + " is no longer the file that it was");
    progress.phase("Copying the new version", static_cast<std::uint64_t>(status.st_size));
    Sha256 hash;
    Bytes chunk(copiedAtOnce);
    std::uint64_t done = 0;
    for (;;) {
        PREON_CHECK(progress.check());
        const ssize_t got = ::pread(file.get(), chunk.data(), chunk.size(), static_cast<off_t>(done));
        if (got < 0)
            return failErrno(source.path + " could not be read");
        if (got == 0)
            break;
        const ByteView bytes = ByteView(chunk).first(static_cast<std::size_t>(got));
        hash.add(bytes);
        PREON_CHECK(target.write(done, bytes));
        done += bytes.size();
        progress.advance(bytes.size());
    }
    if (source.sha256 && hash.finish() != *source.sha256)
        return fail(ErrorCode::Corrupt, source.path + " is damaged", "its SHA-256 hash is another one than it should have");
    return target.finish(done);
}

Result<void> copyFolder(const OfferedBytes &source, TargetWriter &target, Progress &progress)
{
    PREON_TRY(const Fd from, openFile(source.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    PREON_TRY(const Fd to, openFile(target.tree(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    progress.phase("Copying the new version", 0);
    const Repart::Exclusions nothing;
    PREON_CHECK(Repart::TreeCopy(nothing, progress).merge(from, to, source.path));
    Repart::copyAttributes(from, to);
    return target.finish(0);
}
}

Result<void> applyVacuum(const VacuumPlan &plan, Progress &progress, const std::function<void(const Removal &)> &removing)
{
    for (const auto &path : plan.temporary)
        PREON_CHECK(removeInstance(path.parent_path(), path));
    for (const Removal &removal : plan.removals) {
        PREON_CHECK(progress.check());
        if (removing)
            removing(removal);
        if (removal.instance.slot)
            PREON_CHECK(changeSlot(removal.folder, removal.sectorSize, *removal.instance.slot, removal.emptied));
        else
            PREON_CHECK(removeInstance(removal.folder, removal.instance.path));
    }
    return {};
}

bool isLocal(const TransferPlan &plan)
{
    if (plan.installed || plan.acquired)
        return true;
    const bool local = plan.sourceType == ResourceType::RegularFile || plan.sourceType == ResourceType::Directory || plan.sourceType == ResourceType::Subvolume;
    return local && !plan.packed && plan.wholeOffer();
}

Result<void> acquireLocal(const TransferPlan &plan, Progress &progress)
{
    if (plan.installed || plan.acquired)
        return {};
    if (!isLocal(plan))
        return fail(ErrorCode::Unsupported, plan.sourcePath + " has to be fetched or unpacked");
    const auto target = makeTarget(*plan.place);
    if (const auto *file = std::get_if<FileTarget>(&*plan.place))
        PREON_CHECK(makeFolders("/", file->folder.relative_path()));
    if (const auto *folder = std::get_if<FolderTarget>(&*plan.place))
        PREON_CHECK(makeFolders("/", folder->folder.relative_path()));
    // What an earlier attempt copied is copied again: reading it costs as much.
    PREON_CHECK(target->begin(Begin::Anew));
    const bool tree = !target->tree().empty();
    auto copied = tree ? copyFolder(*plan.wholeOffer(), *target, progress) : copyFile(*plan.wholeOffer(), *target, progress);
    if (copied)
        return {};
    if (const auto abandoned = target->abandon(); !abandoned)
        progress.log(abandoned.error().text());
    return copied;
}

Result<void> install(const TransferPlan &plan)
{
    if (!plan.installed)
        PREON_CHECK(makeTarget(*plan.place)->install());
    return plan.link.empty() ? Result<void>() : pointLink(plan.link, plan.linkTarget);
}

} // namespace Preon::Update
