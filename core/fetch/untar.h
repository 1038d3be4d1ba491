// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Unpacking an archive seen from root: where it is packed a fresh `preon-fetch unpack FORMAT`, then a fresh `preon-fetch untar`, neither of which has a
// network, files or rights. Root sees entries of a fixed binary form and no byte of the archive's own; what they say is as true as what was fed.

#include "core/fetch/treeframes.h"
#include "core/fetch/unpacker.h"

namespace Preon::Fetch
{

class Untar
{
public:
    // `sink` has to outlive it.
    static Result<Untar> start(TreeSink &sink, TreeLimits limits = {}, const std::filesystem::path &program = installedProgram);

    // Gives it all of the archive, packed or not, which its first bytes tell (at least six of them in the first piece, unless that is all); entries come as
    // they are ready. BadFormat where the archive is none, is damaged or larger than the limits; Unsupported where it needs too much memory; the sink's own
    // errors.
    Result<void> feed(ByteView bytes, const Progress &progress);
    // There is no more.
    Result<void> finish(const Progress &progress);

    const TreeEnd &seen() const
    {
        return m_decoder.seen();
    }

private:
    Untar(TreeSink &sink, TreeLimits limits, std::filesystem::path program, Unpacker tar);
    Result<void> feedTar(ByteView bytes, const Progress &progress);

    TreeSink *m_sink;
    TreeDecoder m_decoder;
    std::uint64_t m_archiveLimit; // bytes of it unpacked
    std::filesystem::path m_program;
    Unpacker m_tar;
    std::optional<Unpacker> m_unpacker;
    bool m_begun = false;
};

} // namespace Preon::Fetch
