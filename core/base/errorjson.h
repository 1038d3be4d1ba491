// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Errors as JSON objects, whole: in records of jobs, on D-Bus, and from programs that are asked for JSON. {"code", "what", "why", "todo"}, all strings.

#include "core/base/result.h"

#include <nlohmann/json.hpp>

namespace Preon
{

nlohmann::ordered_json toJson(const Error &error);
// Fields that are missing or no strings are empty; a code that is not known is Io.
Error errorFromJson(const nlohmann::ordered_json &json);

} // namespace Preon
