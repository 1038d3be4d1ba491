// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/testrecord.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <nlohmann/json.hpp>

namespace Preon::Luks
{

namespace
{
constexpr int slotsOfLuks2 = 32;

std::unexpected<Error> wrong(std::string why)
{
    return fail(ErrorCode::BadFormat, "The note of tested keys could not be read", std::move(why));
}

// As it is written: no sign, no blanks, no zeroes before it.
std::optional<int> slotFrom(const std::string &text)
{
    int number = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0 || number >= slotsOfLuks2 || std::to_string(number) != text)
        return std::nullopt;
    return number;
}

Result<TestMark> markFrom(const nlohmann::json &json)
{
    const auto digest = json.is_object() ? json.find("digest") : json.end();
    const auto when = json.is_object() ? json.find("when") : json.end();
    if (!json.is_object() || digest == json.end() || when == json.end() || json.size() != 2 || !digest->is_string() || !when->is_number_unsigned())
        return wrong("a mark is not what it should be");
    const auto bytes = fromHex(digest->get<std::string>());
    const auto seconds = when->get<std::uint64_t>();
    TestMark mark;
    if (!bytes || bytes->size() != mark.digest.size() || seconds > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return wrong("a mark is not what it should be");
    std::ranges::copy(*bytes, mark.digest.begin());
    mark.when = static_cast<std::int64_t>(seconds);
    return mark;
}

Result<VolumeTests> testsFrom(const nlohmann::json &json)
{
    VolumeTests tests;
    if (!json.is_object())
        return wrong("what it says of a volume is no object");
    for (const auto &[key, value] : json.items()) {
        if (key == "adding") {
            if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= slotsOfLuks2)
                return wrong("there is no such key slot");
            tests.adding = value.get<int>();
        } else if (key == "tested" && value.is_object()) {
            for (const auto &[slot, mark] : value.items()) {
                const auto number = slotFrom(slot);
                if (!number)
                    return wrong("there is no such key slot");
                PREON_TRY(tests.marks[*number], markFrom(mark));
            }
        } else {
            return wrong("it says what is not known");
        }
    }
    return tests;
}
}

Result<TestRecord> parseTestRecord(std::string_view text)
{
    if (text.size() > largestTestRecord)
        return wrong("it is too long");
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || json.size() != 1 || !json.contains("volumes") || !json["volumes"].is_object())
        return wrong("it is no list of volumes");
    TestRecord record;
    for (const auto &[volume, tests] : json["volumes"].items()) {
        const auto uuid = Uuid::parse(volume);
        if (!uuid || uuid->text() != volume)
            return wrong("a volume's name is no UUID");
        PREON_TRY(record[*uuid], testsFrom(tests));
    }
    return record;
}

std::string testRecordText(const TestRecord &record)
{
    nlohmann::json volumes = nlohmann::json::object();
    for (const auto &[uuid, tests] : record) {
        nlohmann::json marks = nlohmann::json::object();
        for (const auto &[slot, mark] : tests.marks)
            marks[std::to_string(slot)] = {{"digest", toHex(mark.digest)}, {"when", static_cast<std::uint64_t>(mark.when)}};
        nlohmann::json &volume = volumes[uuid.text()];
        volume["tested"] = marks;
        if (tests.adding)
            volume["adding"] = static_cast<unsigned>(*tests.adding);
    }
    return nlohmann::json{{"volumes", volumes}}.dump(2) + "\n";
}

} // namespace Preon::Luks
