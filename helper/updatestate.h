// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What is known of versions, as org.preon.Updates1 tells it: JSON made of what was seen. Looks at small files besides, asks nobody.

#include "core/update/offer.h"
#include "helper/work.h"

namespace Preon::Helper
{

struct SystemNames {
    std::string name, version, title;
};
SystemNames namesOf(const Host &host); // of os-release, printable

// What the loader takes if nobody chooses at its menu: what it was told, or else the newest with tries left; empty where there is no kernel of ours.
std::string versionThatStartsNext(const Host &host, const Update::System &system);
// next: as above, or the running one.
nlohmann::ordered_json versionsJson(const Host &host, const Update::System &system, const std::string &running, const std::string &next);
// Installed, whole, newer than what runs, and the next to be started; empty: none.
std::string pendingVersion(const Update::System &system, const std::string &running, const std::string &next);
// null while an update is at work.
nlohmann::ordered_json partialJson(const Host &host, const Update::System &system, const Update::Fetching &fetching);
nlohmann::ordered_json candidateJson(const Update::Candidate &candidate, bool failedHere);
// What was answered last, as far as it is still news; else null.
nlohmann::ordered_json candidateNow(const Update::Checked &checked, const Update::System &system, const std::string &running);
nlohmann::ordered_json featureList(const std::vector<Update::Feature> &features);
std::vector<Update::CandidatePart> partsOf(const Update::UpdatePlan &plan, const Update::UpdateCost &cost);
nlohmann::ordered_json partsJson(const std::vector<Update::CandidatePart> &parts);
nlohmann::ordered_json phasesJson(const std::vector<WorkPhase> &phases);

} // namespace Preon::Helper
