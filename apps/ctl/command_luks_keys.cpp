// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// preonctl luks: what changes the keys of a volume.
#include "apps/ctl/command.h"
#include "apps/ctl/luks_way.h"
#include "apps/ctl/secrets.h"

#include "core/luks/recovery.h"
#include "core/tpm/pcrs.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>

namespace Preon::Ctl
{

namespace
{

using Json = nlohmann::ordered_json;

struct KeyOptions : LuksWay {
    std::vector<std::string> pcrs;
    std::string publicKey, publicKeyPcrs, newPinFile, passwordFile;
    bool publicKeyGiven = false, withPin = false, withPinGiven = false, now = false, json = false;
    int slot = -1;
};

void print(const KeyOptions &options, const Json &object, const std::string &text)
{
    if (options.json)
        std::cout << object.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    else
        std::cout << text << '\n';
}

std::string nameOf(const KeyOptions &options, int slot)
{
    return options.volume + ": key slot " + std::to_string(slot);
}

// "--tpm2-pcrs=" without a value takes back what stood before it, as systemd-cryptenroll has it.
std::string joined(std::vector<std::string> lists)
{
    std::ranges::replace(lists, std::string(1, emptyValue), std::string());
    return Tpm::joinPcrLists(lists);
}

// The one given, else the signer that the booted kernel brought along, where there is one.
Result<std::string> policyKey(const KeyOptions &options, const Host &host)
{
    if (options.publicKey == std::string(1, emptyValue))
        return std::string();
    if (!options.publicKey.empty())
        return readTextFile(options.publicKey);
    for (const std::filesystem::path &place : {host.path("/etc/systemd"), host.run / "systemd", host.path("/usr/lib/systemd")}) {
        if (auto key = readTextFile(place / "tpm2-pcr-public-key.pem"))
            return key;
    }
    return std::string();
}

Result<void> addPin(const KeyOptions &options, Tpm::SealPolicy &policy)
{
    if (!options.newPinFile.empty()) {
        PREON_TRY(policy.pin, readSecretLine(options.newPinFile));
    } else if (options.withPin) {
        PREON_TRY(policy.pin, askNewSecret("New PIN of " + options.volume));
    }
    return {};
}

Result<Tpm::SealPolicy> policyAskedFor(const KeyOptions &options, const Host &host)
{
    Tpm::SealPolicy policy;
    PREON_CHECK(Tpm::chooseLiteralPcrs(options.pcrs.empty() ? "7" : joined(options.pcrs), policy));
    PREON_TRY(policy.publicKeyPem, policyKey(options, host));
    if (!options.publicKeyPcrs.empty()) {
        PREON_TRY(policy.signedPcrs, Tpm::parsePcrMask(options.publicKeyPcrs == std::string(1, emptyValue) ? "" : options.publicKeyPcrs));
    }
    return policy;
}

std::string policyText(const Tpm::SealPolicy &policy)
{
    std::string text = "opens with this TPM";
    if (policy.literalPcrs != 0)
        text += ", bound to " + Tpm::describePcrs(policy.literalPcrs);
    if (!policy.publicKeyPem.empty())
        text += ", for kernels signed for " + Tpm::describePcrs(policy.signedPcrs);
    return text + (policy.pin.empty() ? "" : ", with the PIN");
}

Result<void> enrollTpm(const KeyOptions &options, const Host &host)
{
    // What was asked for is looked at before anything is asked.
    Tpm::SealPolicy words;
    PREON_CHECK(Tpm::chooseLiteralPcrs(joined(options.pcrs), words));
    PREON_TRY(Luks::Volume volume, options.open(host));
    PREON_TRY(Tpm::SealPolicy policy, policyAskedFor(options, host));
    PREON_CHECK(addPin(options, policy));
    PREON_TRY(Tpm::Context tpm, Tpm::Context::open(options.hostWithTpm(host)));
    PREON_TRY(const int slot, volume.enrollTpm(tpm, policy));
    print(options,
          {{"slot", slot},
           {"bank", policy.bank},
           {"pcrs", pcrList(policy.literalPcrs)},
           {"signedPcrs", pcrList(policy.publicKeyPem.empty() ? 0 : policy.signedPcrs)},
           {"pin", !policy.pin.empty()}},
          nameOf(options, slot) + " " + policyText(policy) + ".");
    return {};
}

Result<void> enrollRecovery(const KeyOptions &options, const Host &host)
{
    PREON_TRY(Luks::Volume volume, options.open(host));
    PREON_TRY(const Secret key, Luks::makeRecoveryKey());
    PREON_TRY(const int slot, volume.addRecoveryKey(key));
    const std::string text(key.chars(), key.size());
    if (!options.json)
        std::cerr << nameOf(options, slot) << " opens with this recovery key. Write it down and keep it away from this machine; it is not shown again:\n";
    print(options, {{"slot", slot}, {"recoveryKey", text}}, text);
    return {};
}

Result<void> enrollPassword(const KeyOptions &options, const Host &host)
{
    PREON_TRY(Luks::Volume volume, options.open(host));
    PREON_TRY(const Secret password, options.passwordFile.empty() ? askNewSecret("New passphrase of " + options.volume) : readSecretLine(options.passwordFile));
    PREON_TRY(const int slot, volume.addPassphrase(password));
    print(options, {{"slot", slot}}, nameOf(options, slot) + " opens with the new passphrase.");
    return {};
}

Result<void> removeSlot(const KeyOptions &options, const Host &host)
{
    PREON_TRY(Luks::Volume volume, options.open(host));
    PREON_CHECK(volume.removeSlot(options.slot, std::array{*volume.openedBy()}));
    print(options, {{"removed", options.slot}, {"openedBy", *volume.openedBy()}}, nameOf(options, options.slot) + " was removed.");
    return {};
}

// The token by which the TPM opened the volume; nullopt when it was opened otherwise, or when several claim to speak of that slot. Of any other the header only
// claims something, and anybody may have written the header.
Result<std::optional<Tpm::SealedSecret>> openedByToken(const KeyOptions &options, const Luks::Volume &volume)
{
    std::optional<Tpm::SealedSecret> found;
    PREON_TRY(const auto tokens, volume.tokens());
    for (const auto &token : tokens) {
        if (!options.tpm || Luks::tokenType(token) != Luks::tpmToken || !std::ranges::contains(Luks::tokenSlots(token), *volume.openedBy()))
            continue;
        auto sealed = Luks::fromToken(token);
        if (found || !sealed)
            return std::nullopt;
        found = std::move(*sealed);
    }
    return found;
}

Result<void> likeOpenedSlot(const KeyOptions &options, const Luks::Volume &volume, Tpm::SealPolicy &policy)
{
    const std::string what = "The policy key of " + options.volume + " was not changed";
    PREON_TRY(const auto sealed, openedByToken(options, volume));
    if (!sealed)
        return fail(ErrorCode::BadArgument, what, "to which PCRs it shall be bound is not known, for it was not opened by the TPM",
                    "Say it with --tpm2-pcrs= (which may be empty), for example --tpm2-pcrs=12:sha256=" + std::string(64, '0')
                        + " for a root volume of Preon.");
    if (sealed->pin && !options.withPinGiven && options.newPinFile.empty())
        return fail(ErrorCode::BadArgument, what, "its present slot asks for a PIN", "Add --tpm2-with-pin=yes, or --tpm2-with-pin=no to go without.");
    policy.literalPcrs = sealed->literalPcrs;
    policy.bank = sealed->bank;
    if (options.publicKeyPcrs.empty() && sealed->signedPcrs != 0)
        policy.signedPcrs = sealed->signedPcrs;
    return {};
}

Result<void> rotate(const KeyOptions &options, const Host &host)
{
    PREON_TRY(Luks::Volume volume, options.open(host));
    PREON_TRY(Tpm::SealPolicy policy, policyAskedFor(options, host));
    if (options.pcrs.empty())
        PREON_CHECK(likeOpenedSlot(options, volume, policy));
    PREON_CHECK(addPin(options, policy));
    PREON_TRY(const auto signatures, options.signatures(host));
    PREON_TRY(Tpm::Context tpm, Tpm::Context::open(options.hostWithTpm(host)));
    PREON_TRY(const Luks::Rotation done, volume.rotateTpm(tpm, policy, {.signature = signatures ? &*signatures : nullptr, .trustOpenedSlot = options.now}));
    std::string text = nameOf(options, done.slot) + " " + policyText(policy) + ".";
    for (const int slot : done.removed)
        text += "\nKey slot " + std::to_string(slot) + ", of another policy key, was removed.";
    if (done.untested)
        text += "\nIt could not be tried now: " + done.untested->text();
    if (done.untested && done.removed.empty())
        text += "\nThe old key slots stay until it opens: start the kernel that is signed with the new key, and give this command once more.";
    print(options,
          {{"slot", done.slot}, {"tested", !done.untested}, {"removed", done.removed}, {"untested", done.untested ? Json(done.untested->text()) : Json()}},
          text);
    return {};
}

void addPolicyOptions(CLI::App &command, KeyOptions &options)
{
    command
        .add_option("--tpm2-pcrs", options.pcrs,
                    "PCRs to whose values the key is bound: numbers or names with + between, \"7+11\", \"secure-boot-policy\"; with a bank "
                    "\"7:sha384\"; with an expected value \"12:sha256=HEX\". Empty: none")
        ->allow_extra_args(false);
    command.add_option("--tpm2-public-key-pcrs", options.publicKeyPcrs, "PCRs that the kernel's signatures speak of (default: 11)");
    auto *withPin = command.add_flag("--tpm2-with-pin", options.withPin, "Ask for a PIN too, and set it now");
    withPin->each([&options](const std::string &) { options.withPinGiven = true; });
    command.add_option("--new-pin-file", options.newPinFile, "Set the PIN that stands in this file instead of asking for it");
}

using Work = Result<void> (*)(const KeyOptions &, const Host &);

CLI::App *addCommand(CLI::App &luks, Invocation &invocation, const std::shared_ptr<KeyOptions> &options, const char *name, const char *purpose, Work work)
{
    CLI::App *command = luks.add_subcommand(name, purpose);
    options->addTo(*command);
    command->add_flag("--json", options->json, "Print an object");
    command->callback([options, &invocation, work] {
        invocation.json = options->json;
        invocation.finish(work(*options, invocation.host));
    });
    return command;
}

constexpr auto unlocksFirst = "The volume is unlocked first: by a passphrase or recovery key that is asked for (or read from standard input, one line), by "
                              "--key-file, or by --tpm2.\n\n";
}

void addLuksKeys(CLI::App &luks, Invocation &invocation)
{
    auto options = std::make_shared<KeyOptions>();

    CLI::App *tpm = addCommand(luks, invocation, options, "enroll-tpm", "Let this machine's TPM open a volume", enrollTpm);
    addPolicyOptions(*tpm, *options);
    tpm->add_option("--tpm2-public-key", options->publicKey,
                    "Kernels signed by this key open it (PEM; default: the running kernel's, where it has one; empty: none)");
    tpm->footer(
        std::string(unlocksFirst)
        + "Without --tpm2-pcrs the key is bound to PCR 7, the Secure Boot policy, as systemd-cryptenroll does. Literal values change with updates of what "
          "they measure; what the vendor signs is better bound by --tpm2-public-key.\n\n"
          "  preonctl luks enroll-tpm /dev/vda4\n"
          "  preonctl luks enroll-tpm --tpm2-with-pin /dev/vda4\n"
          "  preonctl luks enroll-tpm --key-file=root.key --tpm2-pcrs= --tpm2-public-key=policy.pem /dev/vda4");

    CLI::App *recovery = addCommand(luks, invocation, options, "enroll-recovery", "Make a recovery key for a volume", enrollRecovery);
    recovery->footer(std::string(unlocksFirst)
                     + "The key alone goes to standard output. Have it confirmed before you rely on it: preonctl luks unlock VOLUME.\n\n"
                       "  preonctl luks enroll-recovery --tpm2 /dev/vda4");

    CLI::App *password = addCommand(luks, invocation, options, "enroll-password", "Add a passphrase to a volume", enrollPassword);
    password->add_option("--password-file", options->passwordFile, "Read the new passphrase from this file (one line) instead of asking for it");
    password->footer(std::string(unlocksFirst) + "  preonctl luks enroll-password --tpm2 /dev/vda4");

    CLI::App *removing = addCommand(luks, invocation, options, "remove", "Remove a key slot, with what is noted of it", removeSlot);
    removing->add_option("SLOT", options->slot, "Its number, as `preonctl luks dump` shows it")->required();
    removing->footer("The volume is unlocked by another of its keys, which remains for certain; the slot that it was unlocked by cannot be removed.\n\n"
                     "  preonctl luks remove --key-file=root.key /dev/vda4 2");

    CLI::App *rotating = addCommand(luks, invocation, options, "rotate", "Change the key that kernels must be signed by", rotate);
    addPolicyOptions(*rotating, *options);
    rotating->add_option("--tpm2-public-key", options->publicKey, "The new policy key (PEM)")->required();
    rotating->add_flag("--now", options->now,
                       "Remove the old slots even where the new one cannot be tried now; the key that unlocks the volume here must remain");
    rotating->footer(
        std::string(unlocksFirst)
        + "A slot under the new key is added and opened; then the slots under other policy keys are removed. While the running kernel is not signed "
          "with the new key it cannot be opened yet, and the old ones stay: give the command again after the update. Cut off at any moment, at "
          "least one way works.\n\n"
          "  preonctl luks rotate --tpm2 --tpm2-public-key=new.pem /dev/vda4\n"
          "  preonctl luks rotate --key-file=root.key --tpm2-pcrs= --tpm2-public-key=new.pem --now /dev/vda4");
}

} // namespace Preon::Ctl
