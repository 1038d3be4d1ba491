// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// `preonctl repart`, shared by the files that make it up: its words, and what they mean.

#include "apps/ctl/command.h"

#include "core/repart/apply.h"
#include "core/tpm/tpm.h"

namespace Preon::Ctl
{

// As written; empty: not given.
struct RepartOptions {
    std::string device, root, image, imagePolicy, copySource, size, seed, json, architecture, sectorSize;
    std::string empty, dryRun, discard, pretty, split, factoryReset, offline, makeDdi;
    std::string keyFile, passphraseFile, recoveryKeyFile;
    std::string privateKey, privateKeySource, certificate, certificateSource;
    std::string tpmDevice, tpmDeviceKey, tpmSealKeyHandle, tpmPublicKey, tpmPublicKeyPcrs, tpmPcrlock;
    std::string fstab, crypttab;
    std::vector<std::string> definitions, copyFrom, include, exclude, defer, tpmPcrs;
    bool tpmPublicKeyPcrsGiven = false;
    bool canFactoryReset = false, listDevices = false, noPager = false, noLegend = false, version = false;
    bool sysext = false, confext = false, portable = false;
    bool standIn = false; // called by systemd-repart's name
};

enum class Output { Table, JsonPretty, JsonShort };

// What the words on the command line mean.
struct RepartRequest {
    Host host; // root: of the OS whose definitions count
    std::filesystem::path device; // empty: the disk of the host's root
    std::filesystem::path copySource; // what CopyFiles= copies from
    std::vector<std::filesystem::path> definitions; // folders; empty: those of the host
    std::vector<std::filesystem::path> copyFrom;
    Repart::Empty empty = Repart::Empty::Refuse;
    Output output = Output::Table;
    bool dryRun = true, discard = true, pretty = true, sizeAuto = false, split = false, factoryReset = false;
    bool confined = false; // --root= names somebody else's system: no devices of this machine are copied from
    std::optional<std::uint64_t> size;
    std::optional<std::uint32_t> sectorSize;
    Uuid seed;
    std::vector<Uuid> include, exclude, defer;
    std::optional<Repart::Signer> signer;
    Secret key, passphrase, recoveryKey;
};

// Understands all words but those of the TPM, which matter only where something is sealed.
Result<RepartRequest> understandRepart(const RepartOptions &options, const Host &host);
Result<Tpm::SealPolicy> repartTpmPolicy(const RepartOptions &options, const Host &host);
// Words about PCRs that make no sense, found before anything is done.
Result<void> checkRepartTpm(const RepartOptions &options);

Result<bool> readBooleanOption(const std::string &option, const std::string &value);
std::unexpected<Error> badOption(const std::string &option, const std::string &value, const std::string &todo);

// A factory reset asked for on the kernel's command line or by an EFI variable; only ever in an initrd.
bool factoryResetRequested(const Host &host);
void forgetFactoryReset(const Host &host);

// The root file system of an image, mounted read-only where only this process sees it.
Result<std::filesystem::path> mountRootOf(const std::filesystem::path &image, const std::string &architecture);

// The names of disks that could be worked on, with their links, as systemd-repart --list-devices.
std::string listRepartDevices(const Host &host);

} // namespace Preon::Ctl
