// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/policy.h"

#include "core/base/fd.h"
#include "core/repart/specifiers.h"
#include "core/update/transfer.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace Preon::Update
{

namespace
{

using Json = nlohmann::ordered_json;

constexpr const char *policyPath = "/var/lib/preon/update/policy.json";
constexpr std::size_t longestPolicy = 1U << 16U;
using std::filesystem::perms;
constexpr perms readableByAll = perms::owner_all | perms::group_read | perms::group_exec | perms::others_read | perms::others_exec;
constexpr std::array<std::string_view, 3> automatics{"off", "check", "fetch"};

bool boolOr(const Json &json, const char *member, bool otherwise)
{
    const auto found = json.find(member);
    return found != json.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}

Result<Feature> findFeature(const Host &host, const std::string &id)
{
    const DefinitionOptions how{.specifiers = Repart::readSpecifiers(host), .architecture = {}, .hasExplicitSource = false};
    PREON_TRY(const Definitions definitions, loadDefinitions(definitionFolders(host), how, host.root));
    const auto found = std::ranges::find(definitions.features, id, &Feature::id);
    if (found == definitions.features.end())
        return fail(ErrorCode::NotFound, "This system has no such feature", id.substr(0, 64));
    return *found;
}

} // namespace

std::string_view automaticName(Automatic automatic)
{
    return automatics[static_cast<std::size_t>(automatic)];
}

std::optional<Automatic> automaticFrom(std::string_view name)
{
    const auto found = std::ranges::find(automatics, name);
    if (found == automatics.end())
        return std::nullopt;
    return static_cast<Automatic>(found - automatics.begin());
}

Result<void> checkPolicy(const Policy &policy)
{
    if (policy.rate != 0 && (policy.rate < slowestRate || policy.rate > fastestRate))
        return fail(ErrorCode::BadArgument, "So fast updates cannot be fetched", std::to_string(policy.rate) + " bytes a second",
                    "It has to be 0 (as fast as it goes), or " + std::to_string(slowestRate) + " to " + std::to_string(fastestRate) + ".");
    return {};
}

Policy parsePolicy(std::string_view text)
{
    Policy policy;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object())
        return policy;
    if (const auto automatic = json.find("automatic"); automatic != json.end() && automatic->is_string())
        policy.automatic = automaticFrom(automatic->get_ref<const std::string &>()).value_or(policy.automatic);
    policy.metered = boolOr(json, "metered", policy.metered);
    policy.notify = boolOr(json, "notify", policy.notify);
    if (const auto rate = json.find("rate"); rate != json.end() && rate->is_number_unsigned())
        policy.rate = rate->get<std::uint64_t>();
    if (!checkPolicy(policy))
        policy.rate = 0;
    return policy;
}

std::string policyText(const Policy &policy)
{
    const Json json{{"automatic", automaticName(policy.automatic)}, {"metered", policy.metered}, {"rate", policy.rate}, {"notify", policy.notify}};
    return json.dump(2) + '\n';
}

Policy readPolicy(const Host &host)
{
    return parsePolicy(readTextFile(host.path(policyPath), longestPolicy).value_or(std::string()));
}

Result<void> writePolicy(const Host &host, const Policy &policy)
{
    PREON_CHECK(checkPolicy(policy));
    const auto path = host.path(policyPath);
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
        return failErrno(error.value(), "Could not make " + path.parent_path().string());
    return replaceFile(path, asBytes(policyText(policy)));
}

Result<void> setFeature(const Host &host, const std::string &id, bool enabled)
{
    // It is one of those that are there, so that its name is a file's and no path.
    PREON_CHECK(findFeature(host, id));
    const auto folder = host.path("/etc/sysupdate.d") / (id + ".feature.d");
    std::error_code error;
    for (const auto &each : {folder.parent_path(), folder}) {
        // Settings are for all to read, whatever the umask of whoever writes them.
        if (std::filesystem::create_directory(each, error))
            std::filesystem::permissions(each, readableByAll, error);
        if (error)
            return failErrno(error.value(), "Could not make " + each.string());
    }
    const auto theirs = folder / "50-systemd-sysupdate-enabled.conf";
    const auto path = std::filesystem::exists(theirs, error) ? theirs : folder / "50-preon.conf";
    PREON_CHECK(replaceFile(path, asBytes(std::string("[Feature]\nEnabled=") + (enabled ? "yes" : "no") + '\n')));
    PREON_TRY(const Feature feature, findFeature(host, id));
    if (feature.enabled != enabled)
        return fail(ErrorCode::Unsupported, "The feature " + id + " is switched elsewhere", "a drop-in that is read after " + path.string() + " says otherwise",
                    "Change it there.");
    return {};
}

} // namespace Preon::Update
