// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Homes of an earlier system, found, opened and adopted. The images are laid out as facts say that systemd-homed does (its own cannot be made where there is no device mapper; tests/vm has
// those); the records in them are the real one's, and the golden token was made by python3-cryptography.
#include "core/base/units.h"
#include "core/home/adopt.h"
#include "core/home/image.h"
#include "core/home/signature.h"

#include "core/base/hash.h"
#include "core/base/process.h"
#include "core/disk/gpt.h"
#include "core/disk/parttypes.h"
#include "core/luks/volume.h"
#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

using namespace Preon;
using namespace Preon::Home;
using Preon::Test::Folder;

namespace
{
using Json = nlohmann::json;

constexpr auto machineId = "0123456789abcdef0123456789abcdef";

Secret text(std::string_view characters)
{
    return Secret::copyOf(asBytes(characters));
}

const Secret password = text("Apfelbaum Kirsche 7");

Json recordOf(const std::string &user)
{
    return {{"userName", user},
            {"realName", "Anna Blüm"},
            {"disposition", "regular"},
            {"lastChangeUSec", 1000U},
            {"memberOf", {"sudo", "games"}},
            {"timeZone", "Europe/Berlin"},
            {"shell", "/bin/zsh"},
            {"capabilityAmbientSet", {"CAP_SYS_ADMIN"}},
            {"mountNoSuid", false},
            {"privileged", {{"hashedPassword", {hashPassword(password).value()}}, {"passwordHint", "wie immer"}}},
            {"perMachine",
             Json::array({{{"matchMachineId", "ffffffffffffffffffffffffffffffff"},
                           {"storage", "luks"},
                           {"autoResizeMode", "off"},
                           {"luksDiscard", false},
                           {"diskSize", 5U}}})}};
}

// The record as the old system signed it.
Json signedRecord(const Json &record)
{
    static const SigningKey old = SigningKey::make().value();
    return old.sign(Record::from(record).value())->json();
}

struct ImageOptions {
    std::string partitionLabel = "anna", volumeLabel = "anna", subsystem = "systemd-home";
    const char *type = "user-home";
    bool token = true;
};

// Below a folder that stands for "/".
class AdoptingMachine
{
public:
    AdoptingMachine()
    {
        host.root = (m_folder / "x").parent_path();
        std::filesystem::create_directories(m_folder / "home");
        write("etc/machine-id", std::string(machineId) + "\n");
        write("etc/shells", "# of this system\n/bin/sh\n/bin/bash\n");
    }
    std::filesystem::path at(const std::string &path) const
    {
        return m_folder / path;
    }
    void write(const std::string &path, const std::string &content) const
    {
        std::filesystem::create_directories((m_folder / path).parent_path());
        ASSERT_TRUE(replaceFile(m_folder / path, asBytes(content), 0644));
    }
    // A folder of a home, with a record in it.
    void folder(const std::string &user, const Json &record) const
    {
        write("home/" + user + ".homedir/.identity", record.dump());
    }
    // An encrypted home, made by cryptsetup and libfdisk.
    void image(const std::string &user, const Json &record, const ImageOptions &options = {}) const
    {
        const auto volume = m_folder / "volume";
        ASSERT_TRUE(replaceFile(volume, formatted(), 0600));
        // An empty subsystem is asked for as none at all.
        const auto named = runTool({"cryptsetup", "config", "--label", options.volumeLabel, "--subsystem", options.subsystem, volume.string()});
        ASSERT_TRUE(named) << named.error().text();
        if (options.token) {
            auto opened = Luks::Volume::load(volume);
            ASSERT_TRUE(opened && opened->unlock(password));
            const Bytes iv(16, std::byte{7});
            importToken(volume, toToken({.iv = iv, .record = opened->seal(iv, asBytes(record.dump())).value()}));
        }
        putIntoImage(user, volume, options);
    }
    void importToken(const std::filesystem::path &volume, const Json &token) const
    {
        write("token", token.dump());
        const auto imported = runTool({"cryptsetup", "token", "import", "--json-file", (m_folder / "token").string(), volume.string()});
        ASSERT_TRUE(imported) << imported.error().text();
    }
    void putIntoImage(const std::string &user, const std::filesystem::path &volume, const ImageOptions &options = {}) const
    {
        const auto path = m_folder / ("home/" + user + ".home");
        const auto device = Disk::Device::create(path, 24 * mebibyte).value();
        Disk::Table table = Disk::emptyTable(device.size(), 512, *Uuid::parse("11111111111111111111111111111111"));
        table.partitions.push_back({.number = 1,
                                    .start = mebibyte,
                                    .size = 20 * mebibyte,
                                    .type = Disk::partitionType(options.type).value(),
                                    .uuid = *Uuid::parse("22222222222222222222222222222222"),
                                    .label = options.partitionLabel});
        ASSERT_TRUE(Disk::writeTable(device, table));
        ASSERT_TRUE(writeAt(device.fd(), mebibyte, readFile(volume).value()));
    }
    // Made once: it measures for a second how many rounds of its digest the machine can do.
    static const Bytes &formatted()
    {
        static const Bytes bytes = [] {
            const Folder folder;
            const auto volume = folder / "volume", key = folder / "key", volumeKey = folder / "volume-key";
            replaceFile(key, password.bytes(), 0600).value();
            Bytes counted;
            for (unsigned octet = 0; octet < 32; ++octet)
                counted.push_back(static_cast<std::byte>(octet));
            replaceFile(volumeKey, counted, 0600).value();
            Disk::Device::create(volume, 20 * mebibyte).value();
            runTool({"cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", "--cipher", "aes-xts-plain64", "--key-size", "256", "--volume-key-file",
                     volumeKey.string(), "--key-file", key.string(), "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", volume.string()})
                .value();
            return readFile(volume).value();
        }();
        return bytes;
    }
    Result<Record> open(const std::string &user, const Secret &by = password) const
    {
        PREON_TRY(const FoundHome home, foundHome(host, user));
        return openHome(host, home, by);
    }
    ErrorCode refusal(const std::string &user, const Secret &by = password) const
    {
        const auto opened = open(user, by);
        EXPECT_FALSE(opened);
        return opened ? ErrorCode::Io : opened.error().code;
    }
    Host host;

private:
    Folder m_folder;
};

AdoptionFacts adoptionFacts()
{
    return {.machineId = machineId, .now = 5000, .uid = 60123, .shells = {"/bin/bash"}};
}

FoundHome annasImage()
{
    return {.userName = "anna", .path = "/home/anna.home", .storage = "luks", .size = 24 * mebibyte};
}
}

TEST(FoundHomes, areThoseThatNobodyHereSigned)
{
    const AdoptingMachine machine;
    EXPECT_TRUE(foundHomes(machine.host).empty());
    machine.write("home/anna.home", std::string(4096, 'x'));
    machine.folder("otto", signedRecord(recordOf("otto")));
    machine.write("home/carla/letter", "an ordinary home");
    machine.write("home/.#homeworkdora.home1234", "one that was not made to its end");
    machine.write("home/../x.home", "");
    machine.write("home/Root User.home", "");
    std::filesystem::create_directory(machine.at("home/eva.home"));
    std::filesystem::create_symlink("/etc/shadow", machine.at("home/frieda.home"));
    std::filesystem::create_symlink("otto.homedir", machine.at("home/gustav.homedir"));
    ASSERT_EQ(::mkfifo(machine.at("home/hans.home").c_str(), 0600), 0);
    EXPECT_EQ(foundHomes(machine.host),
              (std::vector<FoundHome>{{.userName = "anna", .path = "/home/anna.home", .storage = "luks", .size = 4096},
                                      {.userName = "otto", .path = "/home/otto.homedir", .storage = "directory", .size = 0}}));
    // Known by a record that a key of this system signed, and by no other.
    machine.write("var/lib/systemd/home/otto.identity", signedRecord(recordOf("otto")).dump());
    EXPECT_EQ(foundHomes(machine.host).size(), 2U);
    const SigningKey local = SigningKey::make().value();
    machine.write("var/lib/systemd/home/local.public", local.publicKey()->pem().value());
    EXPECT_EQ(foundHomes(machine.host).size(), 2U);
    machine.write("var/lib/systemd/home/otto.identity", local.sign(Record::from(recordOf("otto")).value())->text());
    EXPECT_EQ(foundHomes(machine.host).size(), 1U);
    EXPECT_EQ(foundHome(machine.host, "otto").error().code, ErrorCode::NotFound);
    EXPECT_EQ(foundHome(machine.host, "frieda").error().code, ErrorCode::NotFound);
    machine.folder("anna", signedRecord(recordOf("anna")));
    EXPECT_EQ(foundHome(machine.host, "anna").error().code, ErrorCode::Exists);
}

TEST(HomeToken, ofAnotherImplementationIsRead)
{
    const AdoptingMachine machine;
    machine.image("zoe", {}, {.partitionLabel = "zoe", .volumeLabel = "zoe", .token = false});
    machine.importToken(machine.at("volume"), Json::parse(readTextFile(PREON_TEST_DATA "/homed-token-zoe.json").value()));
    machine.putIntoImage("zoe", machine.at("volume"), {.partitionLabel = "zoe"});
    const auto record = machine.open("zoe");
    ASSERT_TRUE(record) << record.error().text();
    EXPECT_EQ(record->realName(), "Zoë Ångström");
    EXPECT_EQ(verify(*record, *PublicKey::fromPem(readTextFile(PREON_TEST_DATA "/homed257.public").value())), Signed::Yes);
    EXPECT_EQ(machine.refusal("zoe", text("Apfelbaum Kirsche 8")), ErrorCode::Permission);
}

TEST(HomeToken, ofStrangersIsBounded)
{
    const std::string iv = toBase64(Bytes(16)), record = toBase64(Bytes(32));
    EXPECT_TRUE(sealedRecordFrom({{"type", "systemd-homed"}, {"iv", iv}, {"record", record}}));
    for (const Json &token :
         {Json(), Json::array(), Json{{"type", "systemd-tpm2"}, {"iv", iv}, {"record", record}}, Json{{"type", "systemd-homed"}, {"iv", iv}},
          Json{{"type", "systemd-homed"}, {"iv", 7}, {"record", record}}, Json{{"type", "systemd-homed"}, {"iv", toBase64(Bytes(15))}, {"record", record}},
          Json{{"type", "systemd-homed"}, {"iv", iv}, {"record", toBase64(Bytes(15))}}, Json{{"type", "systemd-homed"}, {"iv", iv}, {"record", "not base64"}},
          Json{{"type", "systemd-homed"}, {"iv", iv}, {"record", toBase64(Bytes(longestRecord + 1))}}}) {
        const auto sealed = sealedRecordFrom(token);
        ASSERT_FALSE(sealed) << token;
        EXPECT_EQ(sealed.error().code, ErrorCode::BadFormat);
    }
}

TEST(Home, opensByItsPasswordAlone)
{
    const AdoptingMachine machine;
    machine.image("anna", signedRecord(recordOf("anna")));
    machine.folder("otto", signedRecord(recordOf("otto")));
    for (const char *user : {"anna", "otto"}) {
        const auto record = machine.open(user);
        ASSERT_TRUE(record) << record.error().text();
        EXPECT_EQ(record->userName(), user);
        EXPECT_EQ(machine.refusal(user, text("apfelbaum kirsche 7")), ErrorCode::Permission);
        EXPECT_EQ(machine.refusal(user, Secret()), ErrorCode::Permission);
    }
}

TEST(Home, opensByItsRecoveryKey)
{
    const AdoptingMachine machine;
    const Secret key = text("cccccccc-bbbbbbbb-dddddddd-eeeeeeee-ffffffff-gggggggg-hhhhhhhh-iiiiiiii");
    machine.folder("otto", signedRecord(withRecoveryKey(Record::from(recordOf("otto")).value(), &key)->json()));
    EXPECT_TRUE(machine.open("otto", text("CCCCCCCCBBBBBBBBDDDDDDDDEEEEEEEEFFFFFFFFGGGGGGGGHHHHHHHHIIIIIIII")));
    EXPECT_EQ(machine.refusal("otto", text("cccccccc-bbbbbbbb-dddddddd-eeeeeeee-ffffffff-gggggggg-hhhhhhhh-iiiiiiic")), ErrorCode::Permission);
}

TEST(Home, isNotWhatItsNameDoesNotSay)
{
    const AdoptingMachine machine;
    const Json good = signedRecord(recordOf("anna"));
    // Of another user: the record, the volume, the partition.
    machine.image("anna", signedRecord(recordOf("root")));
    EXPECT_EQ(machine.refusal("anna"), ErrorCode::BadFormat);
    machine.image("anna", good, {.volumeLabel = "otto"});
    EXPECT_EQ(machine.refusal("anna"), ErrorCode::BadFormat);
    machine.image("anna", good, {.partitionLabel = "otto"});
    EXPECT_EQ(machine.refusal("anna"), ErrorCode::BadFormat);
    machine.image("anna", good, {.subsystem = ""});
    EXPECT_EQ(machine.refusal("anna"), ErrorCode::BadFormat);
    machine.image("anna", good, {.type = "linux-generic"});
    EXPECT_EQ(machine.refusal("anna"), ErrorCode::BadFormat);
    machine.image("anna", good, {.token = false});
    EXPECT_EQ(machine.refusal("anna"), ErrorCode::BadFormat);
    machine.write("home/anna.home", std::string(2 * mebibyte, 'x'));
    EXPECT_EQ(machine.refusal("anna"), ErrorCode::BadFormat);
    machine.write("home/anna.home", "");
    EXPECT_FALSE(machine.open("anna"));
    machine.folder("otto", signedRecord(recordOf("anna")));
    EXPECT_EQ(machine.refusal("otto"), ErrorCode::BadFormat);
}

TEST(Home, whoseRecordWasChangedIsRefused)
{
    const AdoptingMachine machine;
    Json changed = signedRecord(recordOf("otto"));
    changed["memberOf"] = {"wheel"};
    machine.folder("otto", changed);
    EXPECT_EQ(machine.refusal("otto"), ErrorCode::Untrusted);
    machine.folder("otto", recordOf("otto")); // signed by nobody
    EXPECT_EQ(machine.refusal("otto"), ErrorCode::Untrusted);
    Json nameless = signedRecord(recordOf("otto"));
    nameless["signature"][0].erase("key");
    machine.folder("otto", nameless);
    EXPECT_EQ(machine.refusal("otto"), ErrorCode::Untrusted);
    // The file is the user's to replace.
    std::filesystem::remove(machine.at("home/otto.homedir/.identity"));
    EXPECT_EQ(machine.refusal("otto"), ErrorCode::NotFound);
    std::filesystem::create_symlink("/etc/passwd", machine.at("home/otto.homedir/.identity"));
    EXPECT_FALSE(machine.open("otto"));
    std::filesystem::remove(machine.at("home/otto.homedir/.identity"));
    ASSERT_EQ(::mkfifo(machine.at("home/otto.homedir/.identity").c_str(), 0600), 0);
    EXPECT_EQ(machine.refusal("otto"), ErrorCode::BadFormat);
}

TEST(Home, thatWouldEatTheComputerIsNotOpened)
{
    const AdoptingMachine machine;
    // 2^32 - 1 iterations, asked for by the header.
    machine.image("anna", signedRecord(recordOf("anna")));
    const auto path = machine.at("volume");
    Bytes header = readFile(path).value();
    std::string all(reinterpret_cast<const char *>(header.data()), header.size());
    const std::string asked = R"("iterations":1000,)", worse = R"("iterations":99999999,)";
    std::size_t replaced = 0;
    // Both copies of the header, whose checksums are made anew (LUKS2 on-disk format, "Binary header": SHA-256 of the header with the field at 448 zeroed).
    for (const std::size_t copy : {std::size_t{0}, all.find("SKUL")}) {
        ASSERT_NE(copy, std::string::npos);
        std::uint64_t size = 0;
        for (unsigned octet = 0; octet < 8; ++octet)
            size = size << 8U | static_cast<unsigned char>(all[copy + 8 + octet]);
        std::string json = all.substr(copy + 4096, size - 4096);
        for (std::size_t at = json.find(asked); at != std::string::npos && at < json.find("\"digests\""); at = json.find(asked, at + 1)) {
            json.replace(at, asked.size(), worse);
            json.resize(size - 4096);
            ++replaced;
        }
        all.replace(copy + 4096, json.size(), json);
        std::fill_n(all.begin() + static_cast<std::ptrdiff_t>(copy + 448), 64, '\0');
        const Sha256Digest digest = sha256(asBytes(std::string_view(all).substr(copy, size)));
        std::copy_n(reinterpret_cast<const char *>(digest.data()), digest.size(), all.begin() + static_cast<std::ptrdiff_t>(copy + 448));
    }
    ASSERT_EQ(replaced, 2U);
    ASSERT_TRUE(replaceFile(path, asBytes(all), 0600));
    machine.putIntoImage("anna", path);
    EXPECT_EQ(machine.refusal("anna"), ErrorCode::Unsupported);
}

TEST(Adoption, takesOverWhoSomebodyIsAndNoRights)
{
    const auto plan = planAdoption(Record::from(signedRecord(recordOf("anna"))).value(), annasImage(), adoptionFacts(), {"sudo"});
    ASSERT_TRUE(plan) << plan.error().text();
    const Json &record = plan->record.json();
    EXPECT_EQ(plan->realName, "Anna Blüm");
    EXPECT_EQ(record["memberOf"], Json({"sudo"}));
    EXPECT_EQ(record["timeZone"], "Europe/Berlin");
    EXPECT_EQ(record["privileged"]["passwordHint"], "wie immer");
    EXPECT_EQ(record["lastChangeUSec"], 5000);
    EXPECT_EQ(
        record["perMachine"],
        Json::parse(
            R"([{"matchMachineId":"0123456789abcdef0123456789abcdef","storage":"luks","autoResizeMode":"off","luksDiscard":false,"diskSize":25165824}])"));
    EXPECT_EQ(plan->record.uid(machineId), 60123U);
    EXPECT_EQ(plan->record.imagePath(machineId), "/home/anna.home");
    for (const char *member : {"shell", "capabilityAmbientSet", "mountNoSuid", "signature"})
        EXPECT_FALSE(record.contains(member)) << member;
    const std::string said = toText(*plan);
    for (const char *word : {"games", "/bin/zsh", "capabilityAmbientSet", "mountNoSuid"})
        EXPECT_TRUE(said.contains(word)) << said;
    EXPECT_FALSE(said.contains("$y$"));
    EXPECT_FALSE(toJson(*plan).dump().contains("$y$"));
    // The newest record wins for systemd-homed: that is this one, whatever the clocks said.
    Json later = recordOf("anna");
    later["lastChangeUSec"] = 9000U;
    EXPECT_EQ(planAdoption(Record::from(later).value(), annasImage(), adoptionFacts(), {})->record.lastChange(), 9001U);
}

TEST(Adoption, isRefusedForRecordsOfNoPerson)
{
    const std::vector<std::pair<std::string, Json>> changes{{"uid", 0U},
                                                            {"uid", 1000U},
                                                            {"gid", 0U},
                                                            {"homeDirectory", "/root"},
                                                            {"disposition", "system"},
                                                            {"disposition", "intrinsic"},
                                                            {"realm", "example.org"}};
    for (const auto &[member, value] : changes) {
        Json record = recordOf("anna");
        record[member] = value;
        const auto plan = planAdoption(Record::from(record).value(), annasImage(), adoptionFacts(), {});
        ASSERT_FALSE(plan) << member;
        EXPECT_EQ(plan.error().code, ErrorCode::Untrusted);
        if (member == "disposition" || member == "realm")
            continue;
        Json hidden = recordOf("anna");
        hidden["perMachine"][0][member] = value;
        EXPECT_FALSE(planAdoption(Record::from(hidden).value(), annasImage(), adoptionFacts(), {})) << member;
    }
    Json fine = recordOf("anna");
    fine["uid"] = 60200U;
    fine["homeDirectory"] = "/home/anna";
    EXPECT_TRUE(planAdoption(Record::from(fine).value(), annasImage(), adoptionFacts(), {}));
    AdoptionFacts unborn = adoptionFacts();
    unborn.machineId.clear();
    EXPECT_FALSE(planAdoption(Record::from(fine).value(), annasImage(), unborn, {}));
}

TEST(Adoption, signsTheRecordByThisSystemsKey)
{
    const AdoptingMachine machine;
    machine.folder("anna", signedRecord(recordOf("anna")));
    const auto plan = planAdoption(machine.open("anna").value(), foundHome(machine.host, "anna").value(), adoptionFacts(), {});
    ASSERT_TRUE(plan && writeAdopted(*plan, machine.host));
    const auto state = machine.at("var/lib/systemd/home");
    struct stat status = {};
    ASSERT_EQ(::stat((state / "local.private").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
    ASSERT_EQ(::stat((state / "anna.identity").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
    const auto key = PublicKey::fromPem(readTextFile(state / "local.public").value());
    EXPECT_EQ(verify(*Record::parse(readTextFile(state / "anna.identity").value()), *key), Signed::Yes);
    EXPECT_TRUE(foundHomes(machine.host).empty());
    // The key stays the same for the next one, and no other was let in.
    machine.folder("otto", signedRecord(recordOf("otto")));
    const auto next = planAdoption(machine.open("otto").value(), foundHome(machine.host, "otto").value(), adoptionFacts(), {});
    ASSERT_TRUE(next && writeAdopted(*next, machine.host));
    EXPECT_EQ(verify(*Record::parse(readTextFile(state / "otto.identity").value()), *key), Signed::Yes);
    EXPECT_EQ(std::ranges::count_if(std::filesystem::directory_iterator(state), [](const auto &each) { return each.path().extension() == ".public"; }), 1);
    ASSERT_TRUE(forgetAdopted(*next, machine.host));
    EXPECT_EQ(foundHomes(machine.host).size(), 1U);
}
