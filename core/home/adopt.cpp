// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/adopt.h"

#include "core/home/image.h"
#include "core/home/signature.h"
#include "core/home/username.h"
#include "core/luks/recovery.h"

#include <algorithm>
#include <chrono>

#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Preon::Home
{

namespace
{
using Json = nlohmann::json;

constexpr const char *identities = "/var/lib/systemd/home";
constexpr std::size_t mostKeys = 256;

// Where the records of this system and the keys that it trusts are.
std::filesystem::path stateOf(const Host &host, const std::string &name)
{
    return host.path(std::string(identities) + '/' + name);
}

std::vector<PublicKey> trustedKeys(const Host &host)
{
    std::vector<PublicKey> keys;
    std::error_code error;
    for (std::filesystem::directory_iterator each(host.path(identities), error), end; !error && each != end && keys.size() < mostKeys; each.increment(error)) {
        if (each->path().extension() != ".public")
            continue;
        const auto text = readTextFile(each->path(), longestRecord);
        if (auto key = text ? PublicKey::fromPem(*text) : std::unexpected(text.error()))
            keys.push_back(std::move(*key));
    }
    return keys;
}

// As systemd-homed takes it: by at least one of the keys that it trusts.
bool isKnownHere(const Host &host, const std::string &userName, const std::vector<PublicKey> &keys)
{
    const auto text = readTextFile(stateOf(host, userName + ".identity"), longestRecord);
    const auto record = text ? Record::parse(*text) : std::unexpected(text.error());
    return record && std::ranges::any_of(keys, [&record](const PublicKey &key) {
               const auto verified = verify(*record, key);
               return verified && (*verified == Signed::Yes || *verified == Signed::Also);
           });
}

std::optional<FoundHome> homeAt(const std::filesystem::path &path)
{
    const std::string name = path.filename().string();
    struct stat status = {};
    if (::lstat(path.c_str(), &status) < 0)
        return std::nullopt;
    FoundHome home;
    if (name.ends_with(".home") && S_ISREG(status.st_mode))
        home = {.userName = name.substr(0, name.size() - 5), .path = "/home/" + name, .storage = "luks", .size = static_cast<std::uint64_t>(status.st_size)};
    else if (name.ends_with(".homedir") && S_ISDIR(status.st_mode))
        home = {.userName = name.substr(0, name.size() - 8), .path = "/home/" + name, .storage = "directory", .size = 0};
    else
        return std::nullopt;
    return checkUserName(home.userName) ? std::optional(home) : std::nullopt;
}

// Whoever made the file: it is opened as what it was found as.
Result<Fd> openFound(const Host &host, const FoundHome &home)
{
    PREON_TRY(Fd folder, openFile(host.path("/home"), O_RDONLY | O_DIRECTORY));
    const bool isFolder = home.storage == "directory";
    const std::string name = home.path.substr(std::string("/home/").size());
    Fd file(::openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (isFolder ? O_DIRECTORY : 0)));
    if (!file.isOpen())
        return failErrno(home.path + " could not be opened");
    struct stat status = {};
    if (::fstat(file.get(), &status) < 0 || (!isFolder && !S_ISREG(status.st_mode)))
        return fail(ErrorCode::BadFormat, home.path + " could not be opened", "it is no file");
    return file;
}

// The user may write to it.
Result<Record> recordInFolder(const Fd &folder, const std::string &userName)
{
    const std::string what = "The home of " + userName + " could not be read";
    const Fd file(::openat(folder.get(), ".identity", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.isOpen())
        return failErrno(what + ": there is no record in it");
    struct stat status = {};
    if (::fstat(file.get(), &status) < 0 || !S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) > longestRecord)
        return fail(ErrorCode::BadFormat, what, "its record is no file, or too large");
    Bytes text(static_cast<std::size_t>(status.st_size));
    PREON_CHECK(readAt(file, 0, text));
    auto record = Record::parse({reinterpret_cast<const char *>(text.data()), text.size()});
    if (!record)
        return std::unexpected(record.error().during(what));
    return record;
}

const Json *memberOf(const Json &object, const char *name)
{
    const auto found = object.is_object() ? object.find(name) : object.end();
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

// The record's hashes stand for a lock: nothing is encrypted in a folder.
bool opensFolder(const Record &record, const Secret &passwordOrKey)
{
    constexpr std::size_t mostTried = 8; // each takes its time
    const Json *privileged = memberOf(record.json(), "privileged");
    if (!privileged)
        return false;
    std::size_t tried = 0;
    if (const Json *hashes = memberOf(*privileged, "hashedPassword")) {
        for (const Json &hash : *hashes) {
            if (++tried <= mostTried && matchesHash(passwordOrKey, hash.get<std::string>()))
                return true;
        }
    }
    const auto recovery = Luks::recoveryKeyFrom(passwordOrKey);
    const Json *keys = recovery ? memberOf(*privileged, "recoveryKey") : nullptr;
    if (!keys)
        return false;
    return std::ranges::any_of(*keys, [&](const Json &key) {
        const Json *hash = memberOf(key, "hashedPassword");
        return hash && ++tried <= mostTried && matchesHash(*recovery, hash->get<std::string>());
    });
}

// Not trust, but wholeness: the record is as somebody signed it.
Result<void> checkWhole(const Record &record, const std::string &userName)
{
    const Json *signatures = memberOf(record.json(), "signature");
    for (const Json &each : signatures ? *signatures : Json::array()) {
        const Json *pem = memberOf(each, "key");
        const auto key = pem ? PublicKey::fromPem(pem->get<std::string>()) : fail(ErrorCode::BadFormat, "no key");
        const auto verified = key ? verify(record, *key) : std::unexpected(key.error());
        if (verified && (*verified == Signed::Yes || *verified == Signed::Also))
            return {};
    }
    return fail(ErrorCode::Untrusted, "What the home of " + userName + " says of its user is not as it was signed", "it was damaged, or changed by others");
}
}

std::vector<FoundHome> foundHomes(const Host &host)
{
    std::vector<FoundHome> homes;
    const std::vector<PublicKey> keys = trustedKeys(host);
    std::error_code error;
    for (std::filesystem::directory_iterator each(host.path("/home"), error), end; !error && each != end; each.increment(error)) {
        auto home = homeAt(each->path());
        if (home && !isKnownHere(host, home->userName, keys))
            homes.push_back(std::move(*home));
    }
    std::ranges::sort(homes, {}, [](const FoundHome &home) { return std::pair(home.userName, home.path); });
    return homes;
}

Result<FoundHome> foundHome(const Host &host, const std::string &userName)
{
    const std::vector<FoundHome> homes = foundHomes(host);
    const auto found = std::ranges::find(homes, userName, &FoundHome::userName);
    if (found == homes.end())
        return fail(ErrorCode::NotFound, "There is no home of " + userName.substr(0, longestUserName) + " to adopt",
                    "none lies in /home that this system does not know already");
    if (std::ranges::count(homes, userName, &FoundHome::userName) > 1)
        return fail(ErrorCode::Exists, "There are two homes of " + userName, "an encrypted one and a folder", "Move one of them out of /home.");
    return *found;
}

Result<Record> openHome(const Host &host, const FoundHome &home, const Secret &passwordOrKey)
{
    PREON_TRY(const Fd file, openFound(host, home));
    const bool isFolder = home.storage == "directory";
    PREON_TRY(Record record, isFolder ? recordInFolder(file, home.userName) : openHomeImage(file, home.userName, passwordOrKey));
    if (record.userName() != home.userName)
        return fail(ErrorCode::BadFormat, "The home of " + home.userName + " is somebody else's", "its record names another user");
    if (isFolder && !opensFolder(record, passwordOrKey))
        return fail(ErrorCode::Permission, "This password does not open the home of " + home.userName, {},
                    "Type the password that it had, or its recovery key.");
    PREON_CHECK(checkWhole(record, home.userName));
    return record;
}

AdoptionFacts readAdoptionFacts(const Host &host)
{
    AdoptionFacts facts;
    if (const auto id = host.machineId())
        facts.machineId = id->hex();
    facts.now = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
    const auto file = host.resolved("/etc/shells");
    std::string text = file ? readTextFile(*file).value_or(std::string()) : std::string();
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        if (const std::string line = text.substr(begin, end - begin); line.starts_with('/'))
            facts.shells.push_back(line);
        begin = end + 1;
    }
    return facts;
}

Result<void> writeAdopted(const Adoption &plan, const Host &host)
{
    const std::filesystem::path privatePath = stateOf(host, "local.private");
    std::error_code error;
    if (!std::filesystem::exists(privatePath.parent_path(), error))
        std::filesystem::create_directories(privatePath.parent_path(), error);
    if (error)
        return failErrno(error.value(), privatePath.parent_path().string() + " could not be made");
    std::optional<SigningKey> key;
    if (std::filesystem::exists(privatePath, error)) {
        PREON_TRY(Bytes text, readFile(privatePath, longestRecord));
        const Secret pem = Secret::copyOf(text);
        ::explicit_bzero(text.data(), text.size());
        PREON_TRY(key, SigningKey::fromPem(pem));
    } else {
        // As systemd-homed makes it with the first account. The public half first: a private one without it is no pair for systemd-homed, the other way round it makes a new one.
        PREON_TRY(key, SigningKey::make());
        PREON_TRY(const PublicKey publicKey, key->publicKey());
        PREON_TRY(const std::string publicPem, publicKey.pem());
        PREON_TRY(const Secret privatePem, key->pem());
        PREON_CHECK(replaceFile(stateOf(host, "local.public"), asBytes(publicPem), 0644));
        PREON_CHECK(replaceFile(privatePath, privatePem.bytes(), 0600));
    }
    PREON_TRY(const Record record, key->sign(plan.record));
    return replaceFile(stateOf(host, plan.home.userName + ".identity"), asBytes(record.text() + '\n'), 0600);
}

Result<void> forgetAdopted(const Adoption &plan, const Host &host)
{
    std::error_code error;
    const std::filesystem::path path = stateOf(host, plan.home.userName + ".identity");
    std::filesystem::remove(path, error);
    if (error)
        return failErrno(error.value(), path.string() + " could not be removed");
    return flushFolder(path.parent_path());
}

} // namespace Preon::Home
