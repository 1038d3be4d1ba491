// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/secureboot.h"

#include "core/boot/efivars.h"
#include "core/boot/pe.h"

#include <algorithm>
#include <format>

namespace Preon::Boot
{

namespace
{

// 605dab50-e046-4300-abb6-3dd810dd8b23
const Uuid &shimVendor()
{
    static const Uuid id = *Uuid::parse("605dab50-e046-4300-abb6-3dd810dd8b23");
    return id;
}

// EFI_IMAGE_SECURITY_DATABASE_GUID (UEFI 2.10, 32.6.1)
const Uuid &databaseVendor()
{
    static const Uuid id = *Uuid::parse("d719b2cb-3d3a-4596-a3bc-dad00e67656f");
    return id;
}

// EFI_CERT_X509_GUID
const Uuid &x509Type()
{
    static const Uuid id = *Uuid::parse("a5c059a1-94e4-4aa7-87b5-ab155c2bf072");
    return id;
}

// In memory the first three fields are little-endian (UEFI 2.10, appendix A).
Bytes mixedEndian(const Uuid &id)
{
    Bytes bytes(id.bytes().begin(), id.bytes().end());
    std::reverse(bytes.begin(), bytes.begin() + 4);
    std::reverse(bytes.begin() + 4, bytes.begin() + 6);
    std::reverse(bytes.begin() + 6, bytes.begin() + 8);
    return bytes;
}

constexpr std::size_t idSize = 16, listHeader = idSize + 12;

std::uint32_t number(ByteView bytes, std::size_t at)
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value |= std::to_integer<std::uint32_t>(bytes[at + i]) << 8U * i;
    return value;
}

void addNumber(Bytes &bytes, std::uint32_t value)
{
    for (unsigned i = 0; i < 4; ++i)
        bytes.push_back(static_cast<std::byte>(value >> 8U * i & 0xFFU));
}

std::optional<bool> flag(const Host &host, std::string_view name)
{
    const auto variable = readVariable(host, name, globalVendor());
    return variable && variable->data.size() == 1 ? std::optional(variable->data[0] == std::byte{1}) : std::nullopt;
}

std::vector<Sign::Certificate> listed(const Host &host, std::string_view name, const Uuid &vendor)
{
    const auto variable = readVariable(host, name, vendor);
    return variable ? parseSignatureLists(variable->data).value_or(std::vector<Sign::Certificate>()) : std::vector<Sign::Certificate>();
}

constexpr std::uint32_t codes = 100'000'000;

} // namespace

std::string_view stateName(SecureBoot::State state)
{
    switch (state) {
    case SecureBoot::State::Off:
        return "off";
    case SecureBoot::State::Setup:
        return "setup";
    case SecureBoot::State::On:
        return "on";
    case SecureBoot::State::Unknown:
        break;
    }
    return "unknown";
}

SecureBoot readSecureBoot(const Host &host)
{
    SecureBoot facts;
    const auto on = flag(host, "SecureBoot");
    if (flag(host, "SetupMode") == true)
        facts.state = SecureBoot::State::Setup;
    else if (on)
        facts.state = *on ? SecureBoot::State::On : SecureBoot::State::Off;
    facts.trusted = listed(host, "db", databaseVendor());
    facts.allowed = listed(host, "MokListRT", shimVendor());
    return facts;
}

Result<std::vector<Sign::Certificate>> parseSignatureLists(ByteView lists)
{
    const std::string what = "A list of certificates of the firmware makes no sense";
    std::vector<Sign::Certificate> certificates;
    while (!lists.empty()) {
        if (lists.size() < listHeader)
            return fail(ErrorCode::BadFormat, what, "it is cut off");
        const std::uint64_t size = number(lists, idSize), header = number(lists, idSize + 4), each = number(lists, idSize + 8);
        if (size < listHeader || size > lists.size() || header > size - listHeader || each <= idSize || (size - listHeader - header) % each != 0)
            return fail(ErrorCode::BadFormat, what, "its lengths do not add up");
        const bool isX509 = std::ranges::equal(lists.first(idSize), mixedEndian(x509Type()));
        for (std::uint64_t at = listHeader + header; isX509 && size - at >= each; at += each) {
            auto certificate = Sign::Certificate::parse(lists.subspan(at + idSize, each - idSize));
            if (certificate)
                std::ranges::move(*certificate, std::back_inserter(certificates));
        }
        lists = lists.subspan(size);
    }
    return certificates;
}

Bytes signatureListOf(ByteView certificate)
{
    Bytes list = mixedEndian(x509Type());
    const auto each = static_cast<std::uint32_t>(idSize + certificate.size());
    addNumber(list, static_cast<std::uint32_t>(listHeader) + each);
    addNumber(list, 0);
    addNumber(list, each);
    const Bytes owner = mixedEndian(shimVendor());
    list.insert(list.end(), owner.begin(), owner.end());
    list.insert(list.end(), certificate.begin(), certificate.end());
    return list;
}

std::vector<Sign::Certificate> signersOf(ByteView program)
{
    std::vector<Sign::Certificate> signers;
    for (const ByteView signature : readPeSignatures(program).value_or(std::vector<ByteView>())) {
        if (auto included = Sign::Certificate::includedIn(signature))
            std::ranges::move(*included, std::back_inserter(signers));
    }
    return signers;
}

bool isVouchedFor(const std::vector<Sign::Certificate> &signers, const std::vector<Sign::Certificate> &trusted)
{
    return std::ranges::any_of(signers, [&](const Sign::Certificate &signer) {
        return std::ranges::any_of(trusted, [&](const Sign::Certificate &each) { return signer.isVouchedForBy(each); });
    });
}

bool vouchesForOthers(const std::vector<Sign::Certificate> &trusted, const std::vector<Sign::Certificate> &signers)
{
    return std::ranges::any_of(trusted, [&](const Sign::Certificate &each) { return !isVouchedFor(signers, {each}); });
}

Result<std::string> requestPermission(const Host &host, const Sign::Certificate &certificate)
{
    const std::string what = "This computer's owner could not be asked to allow " + certificate.subject();
    const Bytes list = signatureListOf(certificate.der());
    if (const auto there = readVariable(host, "MokNew", shimVendor()); there && there->data != list)
        return fail(ErrorCode::Exists, what, "another program has asked for something else, which is shown at the next start",
                    "Restart, answer that, and try again.");
    PREON_TRY(const Uuid random, Uuid::random());
    const std::string code = std::format("{:08}", number(random.bytes(), 0) % codes);

    // The older of the two forms that MokManager takes: the hash of the request and the code. It need not withstand guessing: who reads it can only say yes to this very request,
    // sitting at the screen.
    Bytes secret = list;
    Bytes typed = toUtf16(code);
    typed.resize(typed.size() - 2); // without the terminator
    secret.insert(secret.end(), typed.begin(), typed.end());
    const Sha256Digest digest = sha256(secret);
    const auto written = [&]() -> Result<void> {
        // The answer first: a request that nobody can answer would only be in the way.
        PREON_CHECK(writeVariable(host, "MokAuth", shimVendor(), digest));
        return writeVariable(host, "MokNew", shimVendor(), list);
    }();
    if (!written)
        return std::unexpected(written.error().during(what));
    return code;
}

} // namespace Preon::Boot
