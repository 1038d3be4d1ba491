// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A folder as mkfs.xfs takes it: a list of what is in it (mkfs.xfs(8), "-p protofile"). The format knows no extended attributes, no hard links and no
// sockets, which are left out, and cannot say a link's target with blanks in it.

#include "core/repart/filesystem.h"

namespace Preon::Repart
{

class Protofile
{
public:
    // The value of mkfs.xfs's -p.
    const std::string &option() const
    {
        return m_option;
    }

private:
    friend Result<Protofile> makeProtofile(const std::filesystem::path &tree, const std::filesystem::path &scratch);
    explicit Protofile(ScratchFolder folder);
    ScratchFolder m_folder; // the list, and links to files whose names it could not hold
    std::string m_option;
};

Result<Protofile> makeProtofile(const std::filesystem::path &tree, const std::filesystem::path &scratch);

} // namespace Preon::Repart
