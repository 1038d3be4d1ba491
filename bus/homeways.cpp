// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/homeways.h"

#include "core/home/account.h"
#include "core/luks/recovery.h"

#include <chrono>

namespace Preon::Bus
{

namespace
{
std::uint64_t now()
{
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

Result<Secret> sectionOf(std::initializer_list<const Secret *> some)
{
    std::vector<const Secret *> all;
    for (const Secret *each : some) {
        if (each)
            all.push_back(each);
    }
    return Home::secretSection(all);
}

Result<void> writeRecord(Homed &homed, const Home::Record &record, const Secret &section)
{
    PREON_TRY(const Home::Record update, Home::forUpdate(record, now()));
    PREON_TRY(const Secret request, Home::withSecret(update, section));
    return homed.update(request, record.userName());
}

// The slots, by what shall open the home from now on.
Result<void> writeSlots(Homed &homed, const std::string &userName, const HomeWays &before, const Secret *password, const Secret *recoveryKey)
{
    PREON_TRY(const Secret fresh, sectionOf({password}));
    PREON_TRY(const Secret known, sectionOf({before.password ? &*before.password : nullptr, recoveryKey}));
    PREON_CHECK(homed.changePassword(userName, fresh, known));
    if (!recoveryKey)
        return {};
    PREON_TRY(const Secret alone, sectionOf({recoveryKey}));
    return homed.authenticate(userName, alone);
}
}

Result<Secret> HomeWays::section() const
{
    return sectionOf({password ? &*password : nullptr, recoveryKey ? &*recoveryKey : nullptr});
}

Result<std::optional<Secret>> renewWays(Homed &homed, const Home::Record &record, const HomeWays &before, const NewHomeWays &wish)
{
    const std::string name = record.userName();
    if (!wish.recoveryKey) {
        PREON_CHECK(writeSlots(homed, name, before, wish.password, before.recoveryKey ? &*before.recoveryKey : nullptr));
        return std::nullopt;
    }
    PREON_TRY(const Secret section, before.section());
    PREON_TRY(Secret key, Luks::makeRecoveryKey());
    PREON_TRY(const Home::Record renewed, Home::withRecoveryKey(record, &key));
    PREON_CHECK(writeRecord(homed, renewed, section));
    if (const auto written = writeSlots(homed, name, before, wish.password, &key); !written) {
        if (const auto back = writeRecord(homed, record, section); !back)
            return std::unexpected(written.error().during("The recovery key of " + name + " opens nothing any more, and a new one could not be made"));
        return std::unexpected(written.error());
    }
    return std::optional(std::move(key));
}

} // namespace Preon::Bus
