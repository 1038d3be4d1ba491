// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/arguments.h"

namespace Preon::Helper
{

Result<Install::Wishes> readWishes(const std::map<std::string, sdbus::Variant> &options)
{
    Install::Wishes wishes;
    for (const auto &[name, value] : options) {
        if (name == "allow-removable" || name == "prepare-secure-boot") {
            if (!value.containsValueOfType<bool>())
                return fail(ErrorCode::BadArgument, "The option " + name + " is yes or no");
            (name == "allow-removable" ? wishes.allowRemovable : wishes.prepareSecureBoot) = value.get<bool>();
        } else if (name == "wifi") {
            PREON_TRY(auto network, Install::parseWirelessNetwork(value.containsValueOfType<std::string>() ? value.get<std::string>() : std::string()));
            wishes.network = std::make_shared<const Install::WirelessNetwork>(std::move(network));
        } else {
            PREON_CHECK(Install::setChoice(wishes.choices, name, value.containsValueOfType<std::string>() ? value.get<std::string>() : std::string()));
        }
    }
    return wishes;
}

} // namespace Preon::Helper
