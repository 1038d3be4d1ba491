// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Copies files and folders between two open folders, everything about them included. What is to be left out is known by inode, so that it is found under
// any name.

#include "core/base/fd.h"
#include "core/base/progress.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace Preon::Repart
{

using Inode = std::pair<dev_t, ino_t>;

inline Inode inodeOf(const struct stat &status)
{
    return {status.st_dev, status.st_ino};
}

enum class Leave {
    It, // itself and all that is in it
    Content, // a folder is copied empty
};

using Exclusions = std::map<Inode, Leave>;

// What is in an open folder, "." and ".." left out. shown: its path, for errors.
Result<std::vector<std::string>> namesIn(const Fd &folder, const std::string &shown);

// Mode, times and extended attributes; what may not be set is passed over.
void copyAttributes(const Fd &from, const Fd &to);

// The bytes of a file, holes kept.
Result<void> copyBytes(const Fd &from, const Fd &to, const Progress &progress);

// For one call of merge() or create().
class TreeCopy
{
public:
    TreeCopy(const Exclusions &exclusions, Progress &progress);
    // What is in `from` into `to`, an open folder that is there already: it keeps its times. Files there are replaced, folders are merged.
    Result<void> merge(const Fd &from, const Fd &to, const std::string &shown);
    // The folder `from` as `name` in `parent`, where there is none of that name.
    Result<void> create(const Fd &from, const Fd &parent, const std::string &name, const std::string &shown);

private:
    Result<void> folder(const Fd &from, const struct stat &status, const Fd &parent, const std::string &name, const std::string &shown, unsigned depth);
    Result<void> content(const Fd &from, const struct stat &status, const Fd &to, const std::string &shown, unsigned depth);
    Result<void> entry(const Fd &from, const std::string &name, const Fd &to, const std::string &shown, unsigned depth);
    Result<void> leaf(const Fd &from, const std::string &name, const struct stat &status, const Fd &to, const std::string &shown);
    Result<bool> link(const struct stat &status, const Fd &to, const std::string &name);
    void remember(const struct stat &status, const std::string &shown);
    Result<void> file(const Fd &from, const std::string &name, const struct stat &status, const Fd &to, const std::string &shown);
    Result<void> symlink(const Fd &from, const std::string &name, const struct stat &status, const Fd &to, const std::string &shown);
    Result<void> node(const std::string &name, const struct stat &status, const Fd &to, const std::string &shown);

    const Exclusions &m_exclusions;
    Progress &m_progress;
    std::map<Inode, std::string> m_linked; // files with several names that were copied: where, below m_start
    const Fd *m_start = nullptr;
    std::string m_prefix; // of paths below m_start
    std::size_t m_shownPrefix = 0; // how much of a shown path stands for that
    std::set<Inode> m_above; // folders that are being copied: a bind mount may lead back into one
};

} // namespace Preon::Repart
