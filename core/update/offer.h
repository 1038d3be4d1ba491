// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What updating to a version means and costs, asked before anybody is asked for consent; and an update carried out as it was offered, with the notes
// that tell of it while it is under way. What preonctl and the helper do is the same.

#include "core/update/checked.h"
#include "core/update/system.h"
#include "core/update/updating.h"

namespace Preon::Update
{

struct Offer {
    System system;
    UpdatePlan plan;
    UpdateCost cost;
};
// Of a system that was looked at. version: empty is the candidate. Errors of System::plan and costOf.
Result<Offer> offerOf(System system, const std::string &version, const Fetching &fetching, Progress &progress);
// version: empty is the candidate. Errors of System::look, System::plan and costOf.
Result<Offer> makeOffer(const Host &host, const std::string &version, const SystemOptions &options, Progress &progress);
// The same of the candidate; nullopt where there is nothing newer.
Result<std::optional<Offer>> makeOffer(const Host &host, const SystemOptions &options, Progress &progress);

// Versions that lose a part by it, and whole ones that stay; newest first.
std::vector<std::string> removedVersions(const Offer &offer);
std::vector<std::string> stayingVersions(const Offer &offer);
// Whether the signature of each list that it takes something from was asked for.
bool isSigned(const UpdatePlan &plan);
// What the plan is made of, without estimates and how far an earlier attempt came: equal where the same would be done.
nlohmann::ordered_json essence(const UpdatePlan &plan);

nlohmann::ordered_json toJson(const Offer &offer, const std::string &running);
// In English, for people; ends with a new line.
std::string toText(const Offer &offer, const std::string &running);
// Where a part goes and what is there now, in a few words: "partition 5, Particle_1 goes".
std::string placeInWords(const TransferPlan &transfer, const VacuumPlan &vacuum);

// applyUpdate(), with a note of what was begun until it is done. What the loader was told to start for good is taken back in the end: that was chosen
// until the next update. Whoever calls holds lockUpdates().
Result<Updated> carryOut(const Host &host, const Offer &offer, const Fetching &fetching, Progress &progress);

// Removes what a download that was paused or cut off has left, in the store and at its place. Whoever calls holds lockUpdates().
Result<void> discard(const Host &host, const SystemOptions &options, Progress &progress);

} // namespace Preon::Update
