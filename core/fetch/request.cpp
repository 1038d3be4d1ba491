// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/fetch/request.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace Preon::Fetch
{

namespace
{
using Json = nlohmann::json;

std::unexpected<Error> wrong(std::string why)
{
    return fail(ErrorCode::BadFormat, "What is to be fetched cannot be read", std::move(why));
}

// A number that is there; what is there and is none is an error.
template<typename T>
Result<void> takeNumber(const Json &json, const char *key, T &into)
{
    const auto found = json.find(key);
    if (found == json.end())
        return {};
    if (!found->is_number_unsigned() || found->get<std::uint64_t>() > std::numeric_limits<T>::max())
        return wrong(std::string(key) + " is no number that fits");
    into = found->get<T>();
    return {};
}

Result<void> takeText(const Json &json, const char *key, std::string &into)
{
    const auto found = json.find(key);
    if (found == json.end())
        return {};
    if (!found->is_string())
        return wrong(std::string(key) + " is no text");
    into = found->get<std::string>();
    return {};
}

Result<Mirror> mirrorFromJson(const Json &json)
{
    Mirror mirror;
    std::string validator;
    if (!json.is_object())
        return wrong("a mirror is no object");
    PREON_CHECK(takeText(json, "url", mirror.url));
    PREON_CHECK(takeText(json, "validator", validator));
    if (validator.empty())
        return mirror;
    const auto bytes = fromHex(validator);
    if (!bytes || bytes->size() != mirror.validator.size())
        return wrong("a validator is not 64 hexadecimal digits");
    std::ranges::copy(*bytes, mirror.validator.begin());
    return mirror;
}
}

std::string toJson(const Request &request)
{
    Json json{{"offset", request.offset},         {"limit", request.limit},   {"bytesPerSecond", request.bytesPerSecond},
              {"proxy", request.proxy},           {"caFile", request.caFile}, {"stallSeconds", static_cast<std::uint64_t>(request.stallTime.count())},
              {"stallBytes", request.stallBytes}, {"tries", request.tries},   {"retryMilliseconds", static_cast<std::uint64_t>(request.retryDelay.count())},
              {"mirrors", Json::array()}};
    if (request.sizeOnly)
        json["sizeOnly"] = true;
    if (request.expectedSize)
        json["expectedSize"] = *request.expectedSize;
    for (const Mirror &mirror : request.mirrors)
        json["mirrors"].push_back({{"url", mirror.url}, {"validator", toHex(mirror.validator)}});
    return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Result<Request> requestFromJson(std::string_view text)
{
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object())
        return wrong("it is no JSON object");
    Request request;
    std::uint32_t stall = 30;
    std::uint32_t delay = 500;
    PREON_CHECK(takeNumber(json, "offset", request.offset));
    PREON_CHECK(takeNumber(json, "limit", request.limit));
    PREON_CHECK(takeNumber(json, "bytesPerSecond", request.bytesPerSecond));
    PREON_CHECK(takeText(json, "proxy", request.proxy));
    PREON_CHECK(takeText(json, "caFile", request.caFile));
    PREON_CHECK(takeNumber(json, "stallSeconds", stall));
    PREON_CHECK(takeNumber(json, "stallBytes", request.stallBytes));
    PREON_CHECK(takeNumber(json, "tries", request.tries));
    PREON_CHECK(takeNumber(json, "retryMilliseconds", delay));
    request.stallTime = std::chrono::seconds(stall);
    request.retryDelay = std::chrono::milliseconds(delay);
    if (json.contains("expectedSize")) {
        std::uint64_t size = 0;
        PREON_CHECK(takeNumber(json, "expectedSize", size));
        request.expectedSize = size;
    }
    if (const auto sizeOnly = json.find("sizeOnly"); sizeOnly != json.end())
        request.sizeOnly = sizeOnly->is_boolean() && sizeOnly->get<bool>();
    const auto mirrors = json.find("mirrors");
    if (mirrors == json.end() || !mirrors->is_array() || mirrors->empty())
        return fail(ErrorCode::BadArgument, "Nothing can be fetched", "no address is given");
    for (const Json &each : *mirrors) {
        PREON_TRY(Mirror mirror, mirrorFromJson(each));
        request.mirrors.push_back(std::move(mirror));
    }
    return request;
}

} // namespace Preon::Fetch
