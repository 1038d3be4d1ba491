// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/job/job.h"

#include <cstdlib>

using namespace Preon;

// Records outlive the program that wrote them, a power cut and a change of version. What is taken of one stays the same when it is written again, and says of its owner
// what it said: that decides who may stop or forget the work.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const auto record = Job::parseRecord(text);
    if (!record)
        return 0;
    if (Job::stateName(record->state).empty())
        std::abort();
    const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
    if (record->owner && json["owner"] != *record->owner)
        std::abort();
    const std::string written = Job::recordText(*record);
    const auto again = Job::parseRecord(written);
    if (!again || again->id != record->id || again->state != record->state || again->owner != record->owner || Job::recordText(*again) != written)
        std::abort();
    return 0;
}
