// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/relations.h"

#include <algorithm>
#include <array>

namespace Preon::Repart
{

namespace
{
std::string_view verityName(Verity verity)
{
    switch (verity) {
    case Verity::Data:
        return "data";
    case Verity::Hash:
        return "hash";
    case Verity::Signature:
        return "signature";
    case Verity::Off:
        break;
    }
    return "off";
}

std::unexpected<Error> refuse(const Definition &definition, const std::string &text)
{
    return fail(ErrorCode::BadFormat, definition.path.string() + ":1: " + text);
}

Result<std::optional<std::size_t>> findSibling(const std::vector<Definition> &definitions, std::size_t index, Verity wanted)
{
    const Definition &own = definitions[index];
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < definitions.size(); ++i) {
        if (i == index || definitions[i].verity != wanted || definitions[i].verityMatchKey != own.verityMatchKey)
            continue;
        if (found)
            return refuse(own,
                          "Multiple verity " + std::string(verityName(wanted)) + " partitions found for verity " + std::string(verityName(own.verity))
                              + " partition with VerityMatchKey=" + own.verityMatchKey + ".");
        found = i;
    }
    if (!found && wanted != Verity::Signature)
        return refuse(own,
                      "Missing verity " + std::string(verityName(wanted)) + " partition for verity " + std::string(verityName(own.verity))
                          + " partition with VerityMatchKey=" + own.verityMatchKey + ".");
    if (found && definitions[*found].priority != own.priority)
        return refuse(own,
                      "Priority mismatch (" + std::to_string(own.priority) + " != " + std::to_string(definitions[*found].priority)
                          + ") for verity sibling partitions with VerityMatchKey=" + own.verityMatchKey + ".");
    return found;
}

Result<void> relateVerity(const std::vector<Definition> &definitions, std::vector<Relation> &relations)
{
    for (std::size_t i = 0; i < definitions.size(); ++i) {
        if (definitions[i].verity == Verity::Off)
            continue;
        Relation &relation = relations[i];
        for (const auto &[mode, sibling] :
             {std::pair(Verity::Data, &relation.data), std::pair(Verity::Hash, &relation.hash), std::pair(Verity::Signature, &relation.signature)}) {
            if (definitions[i].verity != mode) {
                PREON_TRY(*sibling, findSibling(definitions, i, mode));
            }
        }
    }
    for (std::size_t i = 0; i < definitions.size(); ++i) {
        const Definition &hash = definitions[i];
        if (hash.verity != Verity::Hash || hash.minimize == Minimize::Off)
            continue;
        const Definition &data = definitions[*relations[i].data];
        if (data.minimize == Minimize::Off && !data.isCopied())
            return refuse(hash, "Minimize= set for verity hash partition but data partition does not set CopyBlocks= or Minimize=.");
    }
    return {};
}

bool rangesMeet(const std::optional<std::uint64_t> &minimum, const std::optional<std::uint64_t> &maximum, const std::optional<std::uint64_t> &otherMinimum,
                const std::optional<std::uint64_t> &otherMaximum)
{
    return std::max(minimum.value_or(0), otherMinimum.value_or(0)) <= std::min(maximum.value_or(UINT64_MAX), otherMaximum.value_or(UINT64_MAX));
}

bool hasPlainContent(const Definition &definition)
{
    return !definition.isCopied() && definition.encrypt == Encrypt::Off && definition.verity == Verity::Off;
}

Result<std::size_t> findTarget(const std::vector<Definition> &definitions, const std::vector<Relation> &relations, std::size_t index)
{
    const Definition &own = definitions[index];
    for (std::size_t i = 0; i < definitions.size(); ++i) {
        const Definition &candidate = definitions[i];
        if (i == index || own.supplementFor != candidate.path.stem())
            continue;
        if (!candidate.supplementFor.empty())
            return refuse(own, "SupplementFor= target is itself configured as a supplement.");
        if (relations[i].supplementedBy)
            return refuse(own, "SupplementFor= target already has a supplement defined: " + definitions[*relations[i].supplementedBy].path.string());
        return i;
    }
    return refuse(own, "Couldn't find target partition for SupplementFor=" + own.supplementFor);
}

Result<void> relateSupplements(const std::vector<Definition> &definitions, std::vector<Relation> &relations)
{
    for (std::size_t i = 0; i < definitions.size(); ++i) {
        const Definition &own = definitions[i];
        if (own.supplementFor.empty())
            continue;
        PREON_TRY(const std::size_t target, findTarget(definitions, relations, i));
        const Definition &other = definitions[target];
        if (!hasPlainContent(other))
            return refuse(own, "SupplementFor= target uses CopyBlocks=/Encrypt=/Verity=");
        if (!rangesMeet(own.sizeMin, own.sizeMax, other.sizeMin, other.sizeMax))
            return refuse(own, "SizeMinBytes= larger than SizeMaxBytes= when merged with SupplementFor= target.");
        if (!rangesMeet(own.paddingMin, own.paddingMax, other.paddingMin, other.paddingMax))
            return refuse(own, "PaddingMinBytes= larger than PaddingMaxBytes= when merged with SupplementFor= target.");
        relations[i].supplements = target;
        relations[target].supplementedBy = i;
    }
    return {};
}
}

std::vector<std::size_t> Relation::siblings() const
{
    std::vector<std::size_t> all;
    for (const auto &sibling : {data, hash, signature}) {
        if (sibling)
            all.push_back(*sibling);
    }
    return all;
}

Result<std::vector<Relation>> relate(const std::vector<Definition> &definitions)
{
    std::vector<Relation> relations(definitions.size());
    PREON_CHECK(relateVerity(definitions, relations));
    PREON_CHECK(relateSupplements(definitions, relations));
    return relations;
}

} // namespace Preon::Repart
