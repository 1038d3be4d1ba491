// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What `preonctl repart` is told about the TPM: which PCRs, which signer.

#include "apps/ctl/command_repart.h"

#include "core/repart/words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace Preon::Ctl
{

namespace
{
constexpr unsigned pcrCount = 24;
constexpr unsigned defaultSignedPcr = 11;
constexpr unsigned defaultPcr = 7;

// systemd-repart's names, by number.
constexpr std::array<std::string_view, pcrCount> pcrNames{"platform-code",
                                                          "platform-config",
                                                          "external-code",
                                                          "external-config",
                                                          "boot-loader-code",
                                                          "boot-loader-config",
                                                          "host-platform",
                                                          "secure-boot-policy",
                                                          "",
                                                          "kernel-initrd",
                                                          "ima",
                                                          "kernel-boot",
                                                          "kernel-config",
                                                          "sysexts",
                                                          "shim-policy",
                                                          "system-identity",
                                                          "debug",
                                                          "",
                                                          "",
                                                          "",
                                                          "",
                                                          "",
                                                          "",
                                                          "application-support"};

struct PcrWord {
    unsigned index = 0;
    std::string bank; // empty: not said
    std::optional<Bytes> value;
};

std::optional<unsigned> pcrIndex(const std::string &word)
{
    if (const auto named = std::ranges::find(pcrNames, std::string_view(word)); !word.empty() && named != pcrNames.end())
        return static_cast<unsigned>(named - pcrNames.begin());
    unsigned index = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), index);
    return error == std::errc() && end == word.data() + word.size() && !word.empty() && index < pcrCount ? std::optional(index) : std::nullopt;
}

std::optional<std::size_t> digestSize(const std::string &bank)
{
    static const std::map<std::string, std::size_t> sizes{{"sha1", 20}, {"sha256", 32}, {"sha384", 48}, {"sha512", 64}};
    const auto size = sizes.find(bank);
    return size == sizes.end() ? std::nullopt : std::optional(size->second);
}

// PCR[:BANK[=VALUE]]
std::optional<PcrWord> readPcr(const std::string &word)
{
    PcrWord pcr;
    const std::size_t colon = std::min(word.find(':'), word.size());
    const auto index = pcrIndex(word.substr(0, colon));
    if (!index)
        return std::nullopt;
    pcr.index = *index;
    if (colon + 1 >= word.size())
        return pcr;
    const std::string rest = word.substr(colon + 1);
    const std::size_t equals = std::min(rest.find('='), rest.size());
    pcr.bank = rest.substr(0, equals);
    std::ranges::transform(pcr.bank, pcr.bank.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const auto size = digestSize(pcr.bank);
    if (!size)
        return std::nullopt;
    if (equals + 1 < rest.size()) {
        std::string_view digits = std::string_view(rest).substr(equals + 1);
        if (digits.starts_with("0x") || digits.starts_with("0X"))
            digits.remove_prefix(2);
        pcr.value = fromHex(digits);
        if (!pcr.value || pcr.value->size() != *size)
            return std::nullopt;
    }
    return pcr;
}

Result<std::vector<PcrWord>> readPcrs(const std::string &option, const std::vector<std::string> &lists)
{
    std::vector<PcrWord> all;
    for (std::string list : lists) {
        std::ranges::replace(list, ',', '+');
        const auto words = Repart::allWords(Repart::Words::bySeparator(list, '+', Repart::Escapes::Literal, false));
        for (const std::string &word : words ? *words : std::vector<std::string>{"\\"}) {
            if (word.empty())
                continue;
            const auto pcr = readPcr(word);
            if (!pcr || std::ranges::contains(all, pcr->index, &PcrWord::index))
                return badOption(option, list, "Use PCRs from 0 to 23, each once, with + between them, each as NUMBER, NAME, PCR:BANK or PCR:BANK=VALUE.");
            all.push_back(*pcr);
        }
    }
    return all;
}

// Only one bank can be bound to; what names none belongs to the one that is named.
Result<std::string> bankOf(const std::vector<PcrWord> &pcrs)
{
    std::string bank;
    for (const PcrWord &pcr : pcrs) {
        if (pcr.bank.empty())
            continue;
        if (!bank.empty() && bank != pcr.bank)
            return fail(ErrorCode::BadArgument, "Multiple PCR banks selected.");
        bank = pcr.bank;
    }
    return bank;
}

Result<Tpm::PcrMask> readMask(const std::string &list)
{
    PREON_TRY(const auto pcrs, readPcrs("--tpm2-public-key-pcrs", {list}));
    Tpm::PcrMask mask = 0;
    for (const PcrWord &pcr : pcrs) {
        if (pcr.value)
            return badOption("--tpm2-public-key-pcrs", list, "Leave values out: the signature says them.");
        mask |= 1U << pcr.index;
    }
    return mask;
}
}

Result<void> checkRepartTpm(const RepartOptions &options)
{
    PREON_CHECK(readPcrs("--tpm2-pcrs", options.tpmPcrs));
    if (options.tpmPublicKeyPcrsGiven)
        PREON_CHECK(readMask(options.tpmPublicKeyPcrs));
    const std::string &handle = options.tpmSealKeyHandle;
    std::uint32_t number = 0;
    const char *begin = handle.data() + (handle.starts_with("0x") || handle.starts_with("0X") ? 2 : 0);
    const auto [end, error] = std::from_chars(begin, handle.data() + handle.size(), number, 16);
    if (!handle.empty() && (error != std::errc() || end != handle.data() + handle.size()))
        return badOption("--tpm2-seal-key-handle", handle, "Use a hexadecimal number.");
    return {};
}

Result<Tpm::SealPolicy> repartTpmPolicy(const RepartOptions &options, const Host &host)
{
    const auto lacks = [](const char *option) {
        return fail(ErrorCode::Unsupported, std::string(option) + "= is something that preonctl does not do", {}, "Use systemd-repart for this.");
    };
    constexpr auto storageRootKey = "81000001";
    if (!options.tpmDeviceKey.empty())
        return lacks("--tpm2-device-key");
    if (!options.tpmPcrlock.empty())
        return lacks("--tpm2-pcrlock");
    if (!options.tpmSealKeyHandle.empty() && options.tpmSealKeyHandle.find_first_not_of("0x") != std::string::npos
        && !options.tpmSealKeyHandle.ends_with(storageRootKey))
        return lacks("--tpm2-seal-key-handle");
    Tpm::SealPolicy policy;
    policy.literalPcrs = 1U << defaultPcr;
    if (!options.tpmPcrs.empty()) { // an empty list means none
        PREON_TRY(const auto pcrs, readPcrs("--tpm2-pcrs", options.tpmPcrs));
        PREON_TRY(const std::string bank, bankOf(pcrs));
        policy.bank = bank.empty() ? policy.bank : bank;
        policy.literalPcrs = 0;
        for (const PcrWord &pcr : pcrs) {
            policy.literalPcrs |= 1U << pcr.index;
            if (pcr.value)
                policy.expected.push_back({pcr.index, *pcr.value});
        }
    }
    policy.signedPcrs = 1U << defaultSignedPcr;
    if (options.tpmPublicKeyPcrsGiven) {
        PREON_TRY(policy.signedPcrs, readMask(options.tpmPublicKeyPcrs));
        if (policy.signedPcrs == 0)
            return policy;
    }
    if (!options.tpmPublicKey.empty()) {
        PREON_TRY(policy.publicKeyPem, readTextFile(options.tpmPublicKey));
        return policy;
    }
    // As systemd-repart: the signer that the booted kernel brought along, where there is one.
    for (const char *folder : {"/etc/systemd", "/run/systemd", "/usr/lib/systemd"}) {
        if (auto key = readTextFile(host.path(std::filesystem::path(folder) / "tpm2-pcr-public-key.pem"))) {
            policy.publicKeyPem = std::move(*key);
            break;
        }
    }
    return policy;
}

} // namespace Preon::Ctl
