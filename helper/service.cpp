// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/service.h"

namespace Preon::Helper
{

std::string callerOf(const sdbus::IObject &object)
{
    return object.getCurrentlyProcessedMessage().getSender();
}

} // namespace Preon::Helper
