// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
//   bench_core copy DATA TREE ROOTHASH TARGET [check]    copies as an installation does: each block checked on its way, flushed; check: and read back
//   bench_core plan FOLDER SIZE                          plans an empty disk of that size (bytes) by the definitions; prints microseconds for one plan
#include "core/base/format.h"
#include "core/install/copy.h"
#include "core/repart/plan.h"
#include "core/verity/hashtree.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

namespace
{

using namespace Preon;

Result<void> copy(const std::vector<std::string> &words)
{
    SilentProgress progress;
    PREON_TRY(const Disk::Device data, Disk::Device::open(words[0], Disk::Access::Read));
    PREON_TRY(const Disk::Device treeFile, Disk::Device::open(words[1], Disk::Access::Read));
    const auto rootHash = fromHex(words[2]);
    if (!rootHash)
        return fail(ErrorCode::BadArgument, words[2] + " is no root hash");
    PREON_CHECK(data.dropCache());
    PREON_TRY(const Verity::HashTree tree, Verity::HashTree::load(treeFile, {0, treeFile.size()}, *rootHash, progress));
    PREON_TRY(const Disk::Device target, Disk::Device::create(words[3], data.size()));
    PREON_CHECK(Install::copyVerified(data, {0, data.size()}, tree, target, 0, progress));
    PREON_CHECK(target.flush());
    if (words.size() < 5)
        return {};
    PREON_CHECK(target.dropCache());
    return Verity::verifyData(target, {0, target.size()}, tree, progress);
}

Result<void> planOften(const std::vector<std::string> &words)
{
    constexpr std::size_t rounds = 101;
    Repart::Snapshot snapshot;
    snapshot.device = "disk";
    snapshot.empty = Repart::Empty::Force;
    snapshot.table.deviceSize = std::stoull(words[1]);
    snapshot.seed = Uuid::parse("0123456789abcdef0123456789abcdef").value_or(Uuid());
    PREON_TRY(snapshot.definitions, Repart::loadDefinitions({words[0]}, {}));
    std::vector<double> took;
    for (std::size_t i = 0; i < rounds; ++i) {
        const auto began = std::chrono::steady_clock::now();
        PREON_TRY(const Repart::Plan plan, Repart::plan(snapshot));
        took.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count());
    }
    std::ranges::nth_element(took, took.begin() + rounds / 2);
    std::cout << took[rounds / 2] << '\n';
    return {};
}

}

int main(int argc, char **argv)
{
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() < 3 || (words[0] != "copy" && words[0] != "plan"))
        return 2;
    const std::vector<std::string> rest(words.begin() + 1, words.end());
    if (words[0] == "copy" && rest.size() < 4)
        return 2;
    const auto done = words[0] == "copy" ? copy(rest) : planOften(rest);
    if (!done)
        std::cerr << done.error().text() << '\n';
    return done ? 0 : 1;
}
