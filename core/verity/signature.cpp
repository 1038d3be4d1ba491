// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/verity/signature.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace Preon::Verity
{

namespace
{

constexpr std::size_t largestPartition = 4U << 20U; // systemd reads no larger one either

// A field that must be text; nullptr when it is not there.
const std::string *textField(const nlohmann::json &object, const char *name)
{
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get_ptr<const std::string *>() : nullptr;
}

// The object alone: what follows the first zero must be zeros.
Result<std::string_view> withoutPadding(ByteView content)
{
    const auto end = std::ranges::find(content, std::byte{0});
    if (std::any_of(end, content.end(), [](std::byte byte) { return byte != std::byte{0}; }))
        return fail(ErrorCode::BadFormat, "The verity signature makes no sense", "something follows the zeros behind it");
    const auto length = static_cast<std::size_t>(end - content.begin());
    if (length == 0)
        return fail(ErrorCode::NotFound, "There is no verity signature");
    return std::string_view(reinterpret_cast<const char *>(content.data()), length);
}

} // namespace

Result<RootHashSignature> signRootHash(ByteView rootHash, const Sign::Key &key, const Sign::Certificate &certificate)
{
    PREON_TRY(Bytes signature, Sign::signDetached(asBytes(toHex(rootHash)), key, certificate));
    return RootHashSignature{.rootHash = Bytes(rootHash.begin(), rootHash.end()), .fingerprint = certificate.fingerprint(), .signature = std::move(signature)};
}

Result<std::string> signatureJson(const RootHashSignature &signature)
{
    nlohmann::ordered_json object = {{"rootHash", toHex(signature.rootHash)}};
    if (signature.fingerprint)
        object["certificateFingerprint"] = toHex(*signature.fingerprint);
    object["signature"] = toBase64(signature.signature);
    std::string text = object.dump();
    if (text.size() > signaturePartitionSize) {
        return fail(ErrorCode::NoSpace, "The verity signature does not fit into its partition",
                    "it takes " + std::to_string(text.size()) + " bytes, the partition has " + std::to_string(signaturePartitionSize));
    }
    return text;
}

Result<RootHashSignature> parseSignature(ByteView content)
{
    const std::string bad = "The verity signature makes no sense";
    if (content.size() > largestPartition)
        return fail(ErrorCode::BadFormat, bad, std::to_string(content.size()) + " bytes, at most " + std::to_string(largestPartition) + " are read");
    PREON_TRY(const std::string_view text, withoutPadding(content));
    const auto object = nlohmann::json::parse(text, nullptr, false);
    if (!object.is_object())
        return fail(ErrorCode::BadFormat, bad, "it is no JSON object");
    const std::string *rootHash = textField(object, "rootHash");
    const std::string *signature = textField(object, "signature");
    if (!rootHash || !signature)
        return fail(ErrorCode::BadFormat, bad, std::string("it has no ") + (rootHash ? "signature" : "rootHash"));

    RootHashSignature parsed;
    const auto hash = fromHex(*rootHash);
    const auto der = fromBase64(*signature);
    if (!hash || hash->empty() || !der || der->empty())
        return fail(ErrorCode::BadFormat, bad, hash && !hash->empty() ? "the signature is not in base64" : "the root hash is not in hexadecimal digits");
    parsed.rootHash = *hash;
    parsed.signature = *der;
    if (object.contains("certificateFingerprint")) {
        const std::string *digits = textField(object, "certificateFingerprint");
        const auto bytes = digits ? fromHex(*digits) : std::nullopt;
        if (!bytes || bytes->size() != Sha256Digest().size())
            return fail(ErrorCode::BadFormat, bad, "the certificate's fingerprint is no SHA-256");
        std::ranges::copy(*bytes, parsed.fingerprint.emplace().begin());
    }
    return parsed;
}

Result<void> checkSignature(const RootHashSignature &signature, std::span<const Sign::Certificate> trusted)
{
    const auto isNamed = [&](const Sign::Certificate &certificate) {
        return certificate.fingerprint() == *signature.fingerprint;
    };
    if (signature.fingerprint && std::ranges::none_of(trusted, isNamed)) {
        return fail(ErrorCode::Untrusted, "The signature of the root hash is not trusted",
                    "it is by the certificate with the fingerprint " + toHex(*signature.fingerprint) + ", which is not among the "
                        + std::to_string(trusted.size()) + " trusted ones");
    }
    auto verified = Sign::verifyDetached(signature.signature, asBytes(toHex(signature.rootHash)), trusted);
    if (!verified)
        return std::unexpected(verified.error().during("The signature of the root hash " + toHex(signature.rootHash) + " is not accepted"));
    return {};
}

} // namespace Preon::Verity
