// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The token of a home's LUKS2 header, and what of the record in it (as if it had been decrypted: two lines, token and record) would hold on this system.
#include "core/home/adopt.h"
#include "core/home/image.h"

#include <cstdlib>

using namespace Preon;
using namespace Preon::Home;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (const auto token = nlohmann::json::parse(text.substr(0, end), nullptr, false); !token.is_discarded()) {
        if (const auto sealed = sealedRecordFrom(token)) {
            const auto again = sealedRecordFrom(toToken(*sealed));
            if (!again || again->iv != sealed->iv || again->record != sealed->record || sealed->iv.size() != 16 || sealed->record.size() > longestRecord)
                std::abort();
        }
    }
    const auto record = Record::parse(text.substr(std::min(end + 1, text.size())));
    if (!record)
        return 0;
    const AdoptionFacts facts{.machineId = "0123456789abcdef0123456789abcdef", .now = 1, .uid = 60001, .shells = {"/bin/bash"}};
    const FoundHome home{.userName = record->userName(), .path = "/home/x.home", .storage = "luks", .size = 1U << 30U};
    const auto plan = planAdoption(*record, home, facts, {"games"});
    if (!plan)
        return 0;
    // Whatever it asked for.
    const auto &made = plan->record.json();
    if (plan->record.memberOf() != std::vector<std::string>{"games"} || plan->record.uid(facts.machineId) != 60001U || plan->record.disposition() != "regular"
        || made.contains("uid") || made.contains("environment") || made.contains("capabilityAmbientSet") || made.contains("aliases")
        || made.contains("mountNoSuid"))
        std::abort();
    (void)toText(*plan);
    (void)toJson(*plan).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return 0;
}
