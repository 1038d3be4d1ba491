// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

#include "core/luks/volume.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>

#include <openssl/crypto.h>
#include <termios.h>
#include <unistd.h>

namespace Preon::Ctl
{

namespace
{

using Json = nlohmann::ordered_json;

constexpr std::size_t longestKey = 8U << 20U; // as cryptsetup takes

struct LuksOptions {
    std::string volume, name, keyFile, pinFile, signature, tpmDevice;
    bool tpm = false;
    bool readOnly = false;
    bool json = false;
};

Json pcrList(Tpm::PcrMask mask)
{
    Json list = Json::array();
    for (unsigned index = 0; index < 24; ++index) {
        if (mask >> index & 1U)
            list.push_back(index);
    }
    return list;
}

std::string pcrText(Tpm::PcrMask mask)
{
    std::string text;
    for (const auto &index : pcrList(mask))
        text += (text.empty() ? "" : "+") + std::to_string(index.get<unsigned>());
    return text;
}

// Restores the terminal's echo, whatever happens in between.
class SilentTerminal
{
public:
    SilentTerminal()
    {
        m_changed = ::isatty(STDIN_FILENO) && ::tcgetattr(STDIN_FILENO, &m_before) == 0;
        if (!m_changed)
            return;
        termios silent = m_before;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    SilentTerminal(const SilentTerminal &) = delete;
    SilentTerminal &operator=(const SilentTerminal &) = delete;
    ~SilentTerminal()
    {
        if (!m_changed)
            return;
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &m_before);
        std::cerr << '\n';
    }

private:
    termios m_before{};
    bool m_changed = false;
};

// One line of standard input, byte by byte into a buffer that is wiped.
Result<Secret> askPassphrase(const std::string &volume)
{
    if (::isatty(STDIN_FILENO))
        std::cerr << "Passphrase or recovery key of " << volume << ": " << std::flush;
    const SilentTerminal silent;
    Secret line(512); // the longest passphrase that cryptsetup's own prompt takes
    std::size_t size = 0;
    for (;;) {
        std::byte next{};
        const ssize_t got = ::read(STDIN_FILENO, &next, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failErrno("The passphrase could not be read");
        if (got == 0 || next == std::byte{'\n'})
            break;
        if (size == line.size())
            return fail(ErrorCode::BadArgument, "The passphrase is too long", "512 bytes are taken at most");
        line.writable()[size++] = next;
    }
    return Secret::copyOf(line.bytes().first(size));
}

Result<Secret> readSecret(const std::string &path)
{
    PREON_TRY(Bytes bytes, readFile(path, longestKey));
    Secret secret = Secret::copyOf(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return secret;
}

Result<std::optional<nlohmann::json>> readSignature(const Host &host, const std::string &given)
{
    std::vector<std::filesystem::path> places;
    if (!given.empty())
        places = {given};
    else // where the kernel's stub and systemd put what came with the kernel
        places
            = {host.path("/etc/systemd/tpm2-pcr-signature.json"), host.run / "systemd/tpm2-pcr-signature.json", host.path("/.extra/tpm2-pcr-signature.json")};
    for (const auto &place : places) {
        const auto text = readTextFile(place);
        if (!text && text.error().code == ErrorCode::NotFound && given.empty())
            continue;
        if (!text)
            return std::unexpected(text.error());
        auto document = nlohmann::json::parse(*text, nullptr, false);
        if (document.is_discarded())
            return fail(ErrorCode::BadFormat, place.string() + " could not be read", "it is no JSON");
        return document;
    }
    return std::nullopt;
}

Result<void> unlockWithTpm(Luks::Volume &volume, const LuksOptions &options, Host host)
{
    if (!options.tpmDevice.empty() && options.tpmDevice != "auto")
        host.tpm = options.tpmDevice.contains(':') ? options.tpmDevice : "device:" + options.tpmDevice;
    PREON_TRY(const auto signature, readSignature(host, options.signature));
    Secret pin;
    if (!options.pinFile.empty()) {
        PREON_TRY(pin, readSecret(options.pinFile));
        if (!pin.empty() && pin.bytes().back() == std::byte{'\n'})
            pin = Secret::copyOf(pin.bytes().first(pin.size() - 1));
    }
    PREON_TRY(Tpm::Context tpm, Tpm::Context::open(host));
    return volume.unlockTpm(tpm, signature ? &*signature : nullptr, pin.empty() ? nullptr : &pin);
}

Result<void> unlock(const LuksOptions &options, const Host &host)
{
    PREON_TRY(Luks::Volume volume, Luks::Volume::load(options.volume));
    if (options.tpm) {
        PREON_CHECK(unlockWithTpm(volume, options, host));
    } else if (!options.keyFile.empty()) {
        PREON_TRY(const Secret key, readSecret(options.keyFile));
        PREON_CHECK(volume.unlock(key));
    } else {
        PREON_TRY(const Secret passphrase, askPassphrase(options.volume));
        PREON_CHECK(volume.unlock(passphrase));
    }
    if (!options.name.empty())
        PREON_CHECK(volume.activate(options.name, options.readOnly));
    if (options.json)
        std::cout << Json{{"unlocked", true}, {"device", options.name.empty() ? Json() : Json("/dev/mapper/" + options.name)}}.dump(2) << '\n';
    else
        std::cout << options.volume << (options.name.empty() ? " can be unlocked." : " is open as /dev/mapper/" + options.name + ".") << '\n';
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
    object["policyHash"] = toHex(sealed->policyHash);
    return object;
}

std::string tokenText(const nlohmann::json &token)
{
    const auto sealed = Luks::fromToken(token);
    if (!sealed)
        return sealed.error().text();
    std::string text = "released by a TPM";
    if (sealed->literalPcrs != 0)
        text += ", bound to the values of PCR " + pcrText(sealed->literalPcrs);
    if (sealed->signedPcrs != 0)
        text += ", for a kernel signed for PCR " + pcrText(sealed->signedPcrs);
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
    unlocking->add_option("VOLUME", options->volume, "A block device or file")->required();
    unlocking->add_option("NAME", options->name, "Open it as /dev/mapper/NAME; without it only whether the key fits is tried");
    auto *keyFile = unlocking->add_option("--key-file", options->keyFile, "Read the key from this file, all of it");
    auto *tpm = unlocking->add_flag("--tpm2", options->tpm, "Let the TPM release the key");
    tpm->excludes(keyFile);
    unlocking->add_option("--tpm2-device", options->tpmDevice, "TPM to use: auto, a device, or a TCTI")->needs(tpm);
    unlocking->add_option("--tpm2-signature", options->signature, "PCR signatures (default: those that came with the kernel)")->needs(tpm);
    unlocking->add_option("--pin-file", options->pinFile, "Read the TPM's PIN from this file")->needs(tpm);
    unlocking->add_flag("--read-only", options->readOnly, "Open it for reading only");
    unlocking->add_flag("--json", options->json, "Print an object");
    unlocking->footer("Without --tpm2 and --key-file the passphrase or recovery key is asked for (or read from standard input, one line).\n\n"
                      "  preonctl luks unlock --tpm2 /dev/disk/by-preon/root\n  preonctl luks unlock --key-file=home.key /dev/vda8 home");
    unlocking->callback([options, &invocation] {
        invocation.json = options->json;
        invocation.finish(unlock(*options, invocation.host));
    });

    auto *closing = luks->add_subcommand("close", "Close an opened volume");
    closing->add_option("NAME", options->name, "Its name in /dev/mapper")->required();
    closing->callback([options, &invocation] { invocation.finish(Luks::deactivate(options->name)); });
}

} // namespace Preon::Ctl
