// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

#include "core/base/format.h"
#include "core/verity/signature.h"

#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace Preon::Ctl
{

namespace
{

constexpr std::size_t largestFile = 4U << 20U;

struct SignOptions {
    std::string rootHash, key, certificate, output;
    bool json = false;
};

struct CheckOptions {
    std::string file, rootHash;
    std::vector<std::string> certificates;
    bool json = false;
};

Result<Bytes> rootHashFrom(const std::string &text)
{
    const auto rootHash = fromHex(text);
    if (!rootHash || rootHash->empty())
        return fail(ErrorCode::BadArgument, "\"" + text + "\" is no root hash", "it must be hexadecimal digits");
    return *rootHash;
}

Result<std::vector<Sign::Certificate>> readCertificates(const std::string &path)
{
    PREON_TRY(const Bytes text, readFile(path, largestFile));
    auto certificates = Sign::Certificate::parse(text);
    if (!certificates)
        return std::unexpected(certificates.error().during(path + " cannot be used"));
    return certificates;
}

Result<void> signWith(const SignOptions &options)
{
    PREON_TRY(const Bytes rootHash, rootHashFrom(options.rootHash));
    PREON_TRY(const auto certificates, readCertificates(options.certificate));
    PREON_TRY(const auto key, Sign::Key::read(options.key));
    PREON_TRY(const auto signature, Verity::signRootHash(rootHash, key, certificates.front()));
    Bytes content = signature.signature;
    if (options.json) {
        PREON_TRY(const std::string text, Verity::signatureJson(signature));
        const ByteView bytes = asBytes(text);
        content.assign(bytes.begin(), bytes.end());
    }
    if (!options.output.empty())
        return replaceFile(options.output, content);
    if (!options.json && ::isatty(STDOUT_FILENO))
        return fail(ErrorCode::BadArgument, "A binary signature would disturb the terminal", {}, "Name a file with --output=, or ask for --json.");
    std::cout.write(reinterpret_cast<const char *>(content.data()), static_cast<std::streamsize>(content.size()));
    if (options.json)
        std::cout << '\n';
    if (!std::cout.flush())
        return fail(ErrorCode::Io, "The signature could not be printed");
    return {};
}

// The partition's JSON, or the bare signature, which does not say what it is of.
Result<Verity::RootHashSignature> readSignature(const CheckOptions &options)
{
    PREON_TRY(const Bytes content, readFile(options.file, largestFile));
    constexpr std::byte derSequence{0x30};
    if (content.empty() || content.front() != derSequence) {
        PREON_TRY(auto signature, Verity::parseSignature(content));
        if (!options.rootHash.empty()) {
            PREON_TRY(const Bytes expected, rootHashFrom(options.rootHash));
            if (expected != signature.rootHash)
                return fail(ErrorCode::Untrusted, options.file + " is the signature of another root hash", "it is of " + toHex(signature.rootHash));
        }
        return signature;
    }
    if (options.rootHash.empty())
        return fail(ErrorCode::BadArgument, options.file + " does not say which root hash it signs", {}, "Name the root hash with --root-hash=.");
    PREON_TRY(Bytes rootHash, rootHashFrom(options.rootHash));
    return Verity::RootHashSignature{.rootHash = std::move(rootHash), .fingerprint = std::nullopt, .signature = content};
}

Result<void> checkWith(const CheckOptions &options)
{
    std::vector<Sign::Certificate> trusted;
    for (const std::string &path : options.certificates) {
        PREON_TRY(const auto certificates, readCertificates(path));
        trusted.insert(trusted.end(), certificates.begin(), certificates.end());
    }
    PREON_TRY(const auto signature, readSignature(options));
    PREON_CHECK(Verity::checkSignature(signature, trusted));
    if (options.json) {
        nlohmann::ordered_json json = {{"trusted", true}, {"rootHash", toHex(signature.rootHash)}};
        if (signature.fingerprint)
            json["certificateFingerprint"] = toHex(*signature.fingerprint);
        std::cout << json.dump(2) << '\n';
    } else {
        std::cout << toHex(signature.rootHash) << '\n';
    }
    return {};
}

void addSign(CLI::App &verity, Invocation &invocation)
{
    auto *sign = verity.add_subcommand("sign", "Sign a root hash");
    sign->footer(
        "Makes what the kernel (veritysetup open --root-hash-signature=) and systemd take: PKCS#7 in DER over the root hash as text, without attributes,\n"
        "the same bytes as openssl smime -sign -binary -noattr -outform DER. With --json the object that systemd-repart puts into a partition\n"
        "\"usr-verity-sig\". Goes to standard output unless --output names a file.\n\n"
        "  preonctl verity sign 8d5f… --key=db.key --certificate=db.crt --output=usr.roothash.p7s\n"
        "  preonctl verity sign $(cat usr.roothash) --key=db.key --certificate=db.crt --json --output=usr-verity-sig.raw");
    auto options = std::make_shared<SignOptions>();
    sign->add_option("ROOTHASH", options->rootHash, "The root hash, hexadecimal")->required();
    sign->add_option("--key", options->key, "The private key, PEM, not encrypted")->required()->type_name("FILE");
    sign->add_option("--certificate", options->certificate, "Its certificate, PEM or DER; of several the first")->required()->type_name("FILE");
    sign->add_option("--output", options->output, "Write here, whole or not at all")->type_name("FILE");
    sign->add_flag("--json", options->json, "Make the JSON of a signature partition");
    sign->callback([options, &invocation] {
        invocation.json = options->json;
        invocation.finish(signWith(*options));
    });
}

void addCheckSignature(CLI::App &verity, Invocation &invocation)
{
    auto *check = verity.add_subcommand("check-signature", "Check the signature of a root hash against trusted certificates");
    check->footer(
        "FILE is a partition \"usr-verity-sig\", its JSON, or a bare PKCS#7 signature in DER. Prints the root hash and exits with 0 when one of the\n"
        "certificates signed it; otherwise says why not and exits with 1. Dates of certificates are not looked at, as the kernel and systemd do it.\n\n"
        "  preonctl verity check-signature /dev/disk/by-preon/usr-verity-sig --certificate=/usr/lib/verity.d/vendor.crt\n"
        "  preonctl verity check-signature usr.roothash.p7s --root-hash=8d5f… --certificate=db.crt");
    auto options = std::make_shared<CheckOptions>();
    check->add_option("FILE", options->file, "The signature")->required();
    check->add_option("--certificate", options->certificates, "Trusted certificates, PEM or DER; may be given several times")
        ->required()
        ->expected(1)
        ->take_all()
        ->type_name("FILE");
    check->add_option("--root-hash", options->rootHash, "The root hash that must have been signed")->type_name("HEX");
    check->add_flag("--json", options->json, "Print an object");
    check->callback([options, &invocation] {
        invocation.json = options->json;
        invocation.finish(checkWith(*options));
    });
}

} // namespace

void addVeritySign(CLI::App &verity, Invocation &invocation)
{
    addSign(verity, invocation);
    addCheckSignature(verity, invocation);
}

} // namespace Preon::Ctl
