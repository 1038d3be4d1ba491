// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/errorjson.h"

#include <cstdlib>

using namespace Preon;

// The message of an error on the bus is any text that a program there liked to send. Any JSON, and none, is an error that can be shown and sent on as the same.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const auto json = nlohmann::ordered_json::parse(data, data + size, nullptr, false);
    const Error error = errorFromJson(json);
    if (errorName(error.code).empty())
        std::abort();
    if (json.is_object() && json.contains("what") && json["what"].is_string() && json["what"] != error.what)
        std::abort();
    const Error again = errorFromJson(nlohmann::ordered_json::parse(toJson(error).dump()));
    if (again.code != error.code || again.what != error.what || again.why != error.why || again.todo != error.todo || again.text() != error.text())
        std::abort();
    return 0;
}
