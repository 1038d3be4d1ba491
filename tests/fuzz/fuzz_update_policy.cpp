// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/policy.h"

#include <cstdlib>

using namespace Preon;

// The file may be damaged or by another version: what is taken of it is a policy that could have been chosen.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const Update::Policy policy = Update::parsePolicy(std::string_view(reinterpret_cast<const char *>(data), size));
    if (!Update::checkPolicy(policy) || Update::parsePolicy(Update::policyText(policy)) != policy)
        std::abort();
    return 0;
}
