// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Brings the bytes of one new instance to its place: fetched by preon-fetch, unpacked where they are packed, hashed by us, gone on with where an earlier attempt ended.
// Between applyVacuum() and install() of apply.h; what lies on this machine unpacked acquireLocal() copies. Publishes nothing.

#include "core/fetch/receive.h"
#include "core/update/plan.h"

namespace Preon::Update
{

// How things are fetched here; what is fetched is the plan's matter.
struct Fetching {
    std::filesystem::path program = Fetch::installedProgram;
    // Keeps, for the next attempt, how far the last one came, and what was fetched of packed files: those cannot be gone on with in their middle. Made when needed, for
    // root alone. Empty: each attempt begins anew.
    std::filesystem::path store = {};
    std::uint64_t bytesPerSecond = 0; // 0: as fast as it goes
    std::string proxy = {}, caFile = {}; // as in fetch/request.h
    std::vector<std::string> mirrors = {}; // folders with the same files as the transfers' own: tried in their order after it
};

// The same file in the other folders.
std::vector<std::string> mirrorsOf(const std::string &url, const Fetching &fetching);

struct Acquired {
    std::uint64_t fetched = 0; // through the network
    std::uint64_t kept = 0; // of the file on the server, from an earlier attempt
    std::uint64_t written = 0; // to the place
};

// After it the instance is pending. Corrupt when the bytes are not those whose hash the plan has, from every mirror; Cancelled leaves what came for the next time, and so does
// every error of the network; of what a file:// URL names nothing is kept, and it is read again. progress: one phase, of the file's bytes as it lies on the server.
Result<Acquired> acquire(const TransferPlan &plan, const Fetching &fetching, Progress &progress);

// The same for a packed file of this machine (source type regular-file): read, unpacked by preon-fetch, written.
Result<Acquired> acquirePacked(const TransferPlan &plan, const Fetching &fetching, Progress &progress);

// An archive (source types url-tar and tar) to the tree of its target. What is fetched is all here, in the store or else in a file without a name beside the
// target, and has the right hash before a byte of it is unpacked; it is hashed again as it is unpacked. Of a local one the hash is looked at where it is
// known. Whatever ends it, Cancelled too, nothing of the tree stays; what was fetched is kept as above. progress: "Fetching", then "Unpacking", in bytes of
// the archive.
Result<Acquired> acquireArchive(const TransferPlan &plan, const Fetching &fetching, Progress &progress);

// How many bytes of the file with this hash are here already.
std::uint64_t keptBytes(const Fetching &fetching, const Sha256Digest &hash);
// Removes what attempts left in the store: of those hashes, or of all but them.
Result<void> forgetKept(const Fetching &fetching, const std::vector<Sha256Digest> &hashes);
Result<void> forgetAllBut(const Fetching &fetching, const std::vector<Sha256Digest> &hashes);

} // namespace Preon::Update
