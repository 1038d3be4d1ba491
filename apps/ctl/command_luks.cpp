// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/luks_way.h"

#include "core/base/hash.h"
#include "core/tpm/pcrs.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>

namespace Preon::Ctl
{

namespace
{

using Json = nlohmann::ordered_json;

struct LuksOptions : LuksWay {
    std::string name;
    bool readOnly = false;
    bool json = false;
};

Result<void> unlock(const LuksOptions &options, const Host &host)
{
    PREON_TRY(Luks::Volume volume, options.open(host));
    if (!options.name.empty())
        PREON_CHECK(volume.activate(options.name, options.readOnly));
    if (options.json)
        std::cout
            << Json{{"unlocked", true}, {"slot", *volume.openedBy()}, {"device", options.name.empty() ? Json() : Json("/dev/mapper/" + options.name)}}.dump(2)
            << '\n';
    else
        std::cout << options.volume
                  << (options.name.empty() ? " can be unlocked, by key slot " + std::to_string(*volume.openedBy()) + "."
                                           : " is open as /dev/mapper/" + options.name + ".")
                  << '\n';
    return {};
}

Json tokenJson(const nlohmann::json &token)
{
    Json object = {{"type", Luks::tokenType(token)}, {"slots", Luks::tokenSlots(token)}};
    if (Luks::tokenType(token) != Luks::tpmToken)
        return object;
    const auto sealed = Luks::fromToken(token);
    if (!sealed) {
        object["problem"] = sealed.error().text();
        return object;
    }
    object["bank"] = sealed->bank;
    object["pcrs"] = pcrList(sealed->literalPcrs);
    object["signedPcrs"] = pcrList(sealed->signedPcrs);
    object["pin"] = sealed->pin;
    object["pcrlock"] = sealed->pcrlock;
    object["storageKey"] = sealed->primaryAlgorithm.empty() ? "ecc" : sealed->primaryAlgorithm;
    object["policyHashes"] = Json::array();
    for (const Tpm::Shard &shard : sealed->shards)
        object["policyHashes"].push_back(toHex(shard.policyHash));
    if (!sealed->unknown.empty())
        object["unknown"] = sealed->unknown;
    return object;
}

std::string tokenText(const nlohmann::json &token)
{
    const auto sealed = Luks::fromToken(token);
    if (!sealed)
        return "a TPM's key that cannot be used here: " + sealed.error().text();
    std::string text = "released by a TPM";
    if (sealed->literalPcrs != 0)
        text += ", bound to the values of " + Tpm::describePcrs(sealed->literalPcrs);
    if (sealed->signedPcrs != 0)
        text += ", for a kernel signed for " + Tpm::describePcrs(sealed->signedPcrs);
    if (sealed->bank != "sha256")
        text += ", by the bank " + sealed->bank;
    if (sealed->pcrlock)
        text += ", under a policy of systemd-pcrlock (Preon does not open it)";
    return text + (sealed->pin ? ", with a PIN" : "");
}

Result<void> dump(const LuksOptions &options)
{
    PREON_TRY(const Luks::Volume volume, Luks::Volume::load(options.volume));
    PREON_TRY(const auto tokens, volume.tokens());
    const auto slots = volume.slots();
    if (options.json) {
        Json json = {{"uuid", volume.uuid().text()}, {"label", volume.label()}, {"dataOffset", volume.dataOffset()}, {"sectorSize", volume.sectorSize()}};
        json["slots"] = Json::array();
        for (const Luks::Slot &slot : slots)
            json["slots"].push_back({{"number", slot.number}, {"kdf", slot.kdf}, {"token", slot.token}});
        json["tokens"] = Json::array();
        for (const auto &token : tokens)
            json["tokens"].push_back(tokenJson(token));
        std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
        return {};
    }
    std::cout << "LUKS2 volume " << volume.uuid().text() << (volume.label().empty() ? "" : " \"" + volume.label() + "\"") << '\n';
    for (const Luks::Slot &slot : slots) {
        std::cout << "  key slot " << slot.number << ": ";
        const auto token = std::ranges::find_if(
            tokens, [&](const auto &each) { return Luks::tokenType(each) == Luks::tpmToken && std::ranges::contains(Luks::tokenSlots(each), slot.number); });
        if (token != tokens.end())
            std::cout << tokenText(*token);
        else if (slot.token == Luks::recoveryToken)
            std::cout << "a recovery key";
        else
            std::cout << (slot.token.empty() ? "a passphrase or key file" : slot.token) << " (" << slot.kdf << ")";
        std::cout << '\n';
    }
    return {};
}
}

void addLuks(CLI::App &app, Invocation &invocation)
{
    // The TPM's library writes what a TPM refuses to standard error by itself; our errors say it in words. Set while there is one thread.
    ::setenv("TSS2_LOG", "all+NONE", 0);

    auto options = std::make_shared<LuksOptions>();
    auto *luks = app.add_subcommand("luks", "Encrypted volumes: what opens them, and opening them")->require_subcommand(1);

    auto *dumping = luks->add_subcommand("dump", "Say which keys open a volume");
    dumping->add_option("VOLUME", options->volume, "A block device or file")->required();
    dumping->add_flag("--json", options->json, "Print an object");
    dumping->footer("  preonctl luks dump /dev/disk/by-preon/root");
    dumping->callback([options, &invocation] {
        invocation.json = options->json;
        invocation.finish(dump(*options));
    });

    auto *unlocking = luks->add_subcommand("unlock", "Unlock a volume, and open it under a name");
    options->addTo(*unlocking);
    unlocking->add_option("NAME", options->name, "Open it as /dev/mapper/NAME; without it only whether the key fits is tried");
    unlocking->add_flag("--read-only", options->readOnly, "Open it for reading only");
    unlocking->add_flag("--json", options->json, "Print an object");
    unlocking->footer("Without --tpm2 and --key-file the passphrase or recovery key is asked for (or read from standard input, one line).\n"
                      "A recovery key may be typed in capitals and without its dashes.\n\n"
                      "  preonctl luks unlock --tpm2 /dev/disk/by-preon/root\n  preonctl luks unlock --tpm2 --pin-file=pin /dev/vda4 root\n"
                      "  preonctl luks unlock --key-file=home.key /dev/vda8 home");
    unlocking->callback([options, &invocation] {
        invocation.json = options->json;
        invocation.finish(unlock(*options, invocation.host));
    });

    auto *closing = luks->add_subcommand("close", "Close an opened volume");
    closing->add_option("NAME", options->name, "Its name in /dev/mapper")->required();
    closing->add_flag("--json", options->json, "Print an object");
    closing->footer("  preonctl luks close home");
    closing->callback([options, &invocation] {
        invocation.json = options->json;
        const auto closed = Luks::deactivate(options->name);
        if (closed && options->json)
            std::cout << Json{{"closed", options->name}}.dump(2) << '\n';
        invocation.finish(closed);
    });

    addLuksKeys(*luks, invocation);
}

} // namespace Preon::Ctl
