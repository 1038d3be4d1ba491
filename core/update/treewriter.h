// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Makes the tree of an archive below an open folder that is empty and that nobody else may write to. Whatever the entries say, nothing outside that folder is
// touched: every path is resolved below it, no link on the way is followed, no other file system entered. Nobody but root gets into the tree before finish().

#include "core/base/progress.h"
#include "core/fetch/treeframes.h"

#include <functional>
#include <map>

#include <sys/stat.h>

namespace Preon::Update
{

class TreeWriter : public Fetch::TreeSink
{
public:
    // shown: the tree's path, for errors.
    TreeWriter(Fd tree, std::string shown, Progress &progress);

    // As tar does: what came earlier under the same path is replaced, folders stay and get the new attributes, missing ones are made with mode 0755.
    // BadFormat where the archive contradicts itself (a path behind a link or a file, a hard link to nothing, something in the place of a folder that is not
    // empty), NoSpace, Permission.
    Result<void> entry(const Fetch::TreeEntry &entry) override;
    Result<void> data(std::uint64_t offset, ByteView bytes) override;
    // All came: the attributes of folders, the tree's own at last. An OS (with os-release) in a folder that is all there is in the archive takes the tree's
    // place, as with systemd.
    Result<void> finish();

private:
    struct Folder {
        std::uint32_t mode = 0755;
        bool isNamed = false; // the archive has an entry of it, and so the rest is known
        Fetch::TreeEntry entry = {};
    };

    std::unexpected<Error> cannot(const std::string &path) const;
    std::unexpected<Error> contradicts(const std::string &path, std::string why) const;
    Result<Fd> openFolder(const std::string &path) const;
    Result<const Fd *> parentOf(const std::string &path);
    Result<void> makeFolder(const std::string &path);
    Result<void> remember(const std::string &path, Folder folder);
    Result<void> remove(const Fd &parent, const std::string &path);
    Result<void> placed(const Fd &parent, const std::string &path, const std::function<int(const char *name)> &make);

    Result<void> folder(const Fetch::TreeEntry &entry);
    Result<void> file(const Fetch::TreeEntry &entry);
    Result<void> finishFile();
    Result<void> hardLink(const Fetch::TreeEntry &entry);
    Result<void> other(const Fetch::TreeEntry &entry);
    Result<void> moveUp();
    Result<void> finishFolder(const std::string &path, const Folder &folder);
    Result<void> setAttributes(const Fd &fd, const Fetch::TreeEntry &entry);
    // set: as fsetxattr(2), but of that one file.
    Result<void> setExtended(const Fetch::TreeEntry &entry, const std::function<int(const char *name, ByteView value)> &set);

    Fd m_tree;
    std::string m_shown;
    Progress &m_progress;
    const bool m_isRoot;
    bool m_saidAttributes = false;
    std::map<std::string, Folder> m_folders; // by path; the tree's own is ""
    std::size_t m_remembered = 0; // bytes of them, about
    std::string m_parentPath; // of m_parent
    Fd m_parent;
    Fd m_file; // while its bytes come
    Fetch::TreeEntry m_fileEntry;
};

} // namespace Preon::Update
