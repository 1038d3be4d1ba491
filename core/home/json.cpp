// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/json.h"

#include "core/base/text.h"

#include <array>
#include <cfloat>
#include <cstdio>
#include <set>
#include <utility>
#include <vector>

#include <locale.h>
#include <openssl/crypto.h>

namespace Preon::Home
{

namespace
{
using Json = nlohmann::json;

// Reads without building anything, and stops at the first thing that is refused.
class Bounds : public nlohmann::json_sax<Json>
{
public:
    std::string wrong;

    bool null() override
    {
        return one();
    }
    bool boolean(bool) override
    {
        return one();
    }
    bool number_integer(number_integer_t) override
    {
        return one();
    }
    bool number_unsigned(number_unsigned_t) override
    {
        return one();
    }
    bool number_float(number_float_t, const string_t &) override
    {
        return one();
    }
    bool string(string_t &text) override
    {
        return one() && noNul(text);
    }
    bool binary(binary_t &) override
    {
        return refuse("it has bytes that are no JSON");
    }
    bool start_object(std::size_t) override
    {
        m_names.emplace_back();
        return one() && notTooDeep();
    }
    bool key(string_t &name) override
    {
        return noNul(name) && (m_names.back().insert(name).second || refuse("it has \"" + name + "\" twice"));
    }
    bool end_object() override
    {
        m_names.pop_back();
        return true;
    }
    bool start_array(std::size_t) override
    {
        m_names.emplace_back(); // only counted
        return one() && notTooDeep();
    }
    bool end_array() override
    {
        m_names.pop_back();
        return true;
    }
    bool parse_error(std::size_t position, const std::string &, const nlohmann::detail::exception &) override
    {
        return refuse("it is no JSON from byte " + std::to_string(position) + " on");
    }

private:
    bool refuse(std::string why)
    {
        if (wrong.empty())
            wrong = std::move(why);
        return false;
    }
    bool one()
    {
        return ++m_values <= mostValues || refuse("it has more than " + std::to_string(mostValues) + " values");
    }
    bool noNul(const std::string &text)
    {
        return !text.contains('\0') || refuse("a text in it has a NUL");
    }
    bool notTooDeep()
    {
        return m_names.size() <= deepestNesting || refuse("it is nested deeper than " + std::to_string(deepestNesting) + " levels");
    }

    std::vector<std::set<std::string>> m_names;
    std::size_t m_values = 0;
};

// The short escape of a character, or 0.
constexpr char shortEscape(char letter)
{
    switch (letter) {
    case '"':
    case '\\':
        return letter;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

template<typename Put>
void eachQuoted(std::string_view text, Put put)
{
    constexpr std::string_view digits = "0123456789abcdef";
    put('"');
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (const char escape = shortEscape(letter)) {
            put('\\');
            put(escape);
        } else if (byte < ' ' || byte == 0x7F) { // systemd refuses a bare DEL
            for (const char each : {'\\', 'u', '0', '0', digits[byte >> 4U], digits[byte & 15U]})
                put(each);
        } else {
            put(letter);
        }
    }
    put('"');
}

// DECIMAL_DIG is that of the widest type, which differs between architectures; systemd's does too. It knows one zero only.
std::string formatReal(double number)
{
    std::array<char, 128> buffer{};
    const locale_t plain = ::newlocale(LC_NUMERIC_MASK, "C", nullptr);
    const locale_t before = ::uselocale(plain);
    const int size = std::snprintf(buffer.data(), buffer.size(), "%.*e", DECIMAL_DIG, number == 0 ? 0.0 : number);
    ::uselocale(before);
    ::freelocale(plain);
    return {buffer.data(), static_cast<std::size_t>(size)};
}

void append(std::string &text, const Json &value)
{
    const auto put = [&text](char letter) {
        text += letter;
    };
    bool first = true;
    if (value.is_object()) {
        text += '{';
        for (const auto &[name, member] : value.items()) { // std::map: sorted by bytes
            if (!std::exchange(first, false))
                text += ',';
            eachQuoted(name, put);
            text += ':';
            append(text, member);
        }
        text += '}';
    } else if (value.is_array()) {
        text += '[';
        for (const Json &element : value) {
            if (!std::exchange(first, false))
                text += ',';
            append(text, element);
        }
        text += ']';
    } else if (value.is_string()) {
        eachQuoted(value.get_ref<const std::string &>(), put);
    } else if (value.is_number_float()) {
        text += formatReal(value.get<double>());
    } else {
        text += value.dump();
    }
}
}

Result<Json> parseObject(std::string_view text, std::string_view what)
{
    const auto refused = [&](std::string why) {
        return fail(ErrorCode::BadFormat, std::string(what) + " could not be read", std::move(why));
    };
    if (text.size() > longestRecord)
        return refused("it has more than " + std::to_string(longestRecord) + " bytes");
    Bounds bounds;
    if (!Json::sax_parse(text, &bounds))
        return refused(bounds.wrong);
    Json value = Json::parse(text, nullptr, false);
    if (!value.is_object())
        return refused("it is no object");
    return value;
}

std::string canonical(const Json &value)
{
    std::string text;
    append(text, value);
    return text;
}

Result<Secret> quoted(const Secret &text)
{
    const std::string_view view(text.chars(), text.size());
    if (view.contains('\0') || !isUtf8(view))
        return fail(ErrorCode::BadArgument, "The password cannot be taken", "it is no text in UTF-8", "Choose letters, digits and signs of a keyboard.");
    std::size_t size = 0;
    eachQuoted(view, [&size](char) { ++size; });
    Secret all(size);
    std::size_t at = 0;
    eachQuoted(view, [&](char letter) { all.writable()[at++] = static_cast<std::byte>(letter); });
    return all;
}

void wipe(Json &value)
{
    if (value.is_string()) {
        auto &text = value.get_ref<std::string &>();
        OPENSSL_cleanse(text.data(), text.size());
    } else if (value.is_structured()) {
        for (Json &each : value)
            wipe(each);
    }
}

} // namespace Preon::Home
