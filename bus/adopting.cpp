// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/adopting.h"

#include "bus/running.h"
#include "core/home/password.h"

#include <array>
#include <chrono>
#include <thread>

namespace Preon::Bus
{

namespace
{
constexpr auto patience = std::chrono::seconds(30);
constexpr auto pause = std::chrono::milliseconds(200);

// Until systemd-homed has read the record: it is being started anew, and while it ends its name belongs to the one before it.
Result<void> waitForRecord(const Home::Record &record)
{
    const auto end = std::chrono::steady_clock::now() + patience;
    for (;;) {
        auto homed = Homed::open(Homed::Asking::Nobody);
        const auto kept = homed ? homed->record(record.userName()) : std::unexpected(homed.error());
        const auto read = kept ? Home::Record::parse(kept->json) : std::unexpected(kept.error());
        if (read && read->lastChange() == record.lastChange())
            return {};
        if (std::chrono::steady_clock::now() > end)
            return read ? fail(ErrorCode::Timeout, "systemd-homed does not know the new record of " + record.userName(),
                               "it did not take it within " + std::to_string(patience.count()) + " seconds", "Look into its journal.")
                        : Result<void>(std::unexpected(read.error()));
        std::this_thread::sleep_for(pause);
    }
}

Result<void> tryIt(const Home::Adoption &plan, const Secret &passwordOrKey)
{
    PREON_CHECK(restartHomed());
    PREON_CHECK(waitForRecord(plan.record));
    PREON_TRY(Homed homed, Homed::open(Homed::Asking::Nobody));
    const std::array only{&passwordOrKey};
    PREON_TRY(const Secret section, Home::secretSection(only));
    return homed.authenticate(plan.home.userName, section);
}
}

Result<Home::Adoption> planAdoption(Homed &homed, const Host &host, const std::string &userName, const Secret &passwordOrKey,
                                    const std::vector<std::string> &groups)
{
    PREON_TRY(const Home::FoundHome found, Home::foundHome(host, userName));
    // Before anything that takes its time: it lists what lies in /home, whoever signed it.
    PREON_TRY(const Homed::Home known, homed.home(userName));
    PREON_TRY(const Home::Record record, Home::openHome(host, found, passwordOrKey));
    Home::AdoptionFacts facts = Home::readAdoptionFacts(host);
    facts.uid = known.uid;
    return Home::planAdoption(record, found, facts, groups);
}

Result<void> adopt(const Home::Adoption &plan, const Host &host, const Secret &passwordOrKey, Progress &progress)
{
    PREON_CHECK(Home::writeAdopted(plan, host));
    const auto tried = tryIt(plan, passwordOrKey);
    if (tried)
        return {};
    if (const auto gone = Home::forgetAdopted(plan, host); !gone)
        progress.log(gone.error().text());
    if (const auto again = restartHomed(); !again)
        progress.log(again.error().text());
    return std::unexpected(tried.error().during("The home of " + plan.home.userName + " could not be adopted"));
}

} // namespace Preon::Bus
