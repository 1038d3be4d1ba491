// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Which definitions belong together: the data, hashes and signature of one verity tree (VerityMatchKey=), and a supplement with what it supplements
// (SupplementFor=). A pure function of the definitions, so that a list of them can be cut or extended freely.

#include "core/repart/definition.h"

namespace Preon::Repart
{

struct Relation {
    // Of verity partitions: the others, by index.
    std::optional<std::size_t> data, hash, signature;
    std::optional<std::size_t> supplements; // the definition that this one may be merged into
    std::optional<std::size_t> supplementedBy;

    std::vector<std::size_t> siblings() const;
};

// One entry a definition. BadFormat, worded "FILE:1: …" as by systemd-repart, where a sibling or target is missing, ambiguous, or does not fit.
Result<std::vector<Relation>> relate(const std::vector<Definition> &definitions);

} // namespace Preon::Repart
