// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/start.h"

namespace Preon::Install
{

using State = Boot::SecureBoot::State;

StartFacts readStartFacts(const Host &host, const Source &source)
{
    const Boot::SecureBoot machine = Boot::readSecureBoot(host);
    StartFacts facts{.state = machine.state};
    const auto signers = [&](const std::string &path, Boot::Start start) {
        const Boot::BootFile *file = source.find(path, start);
        return file ? Boot::signersOf(file->content.bytes()) : std::vector<Sign::Certificate>();
    };
    const auto kernel = signers(source.facts.installedKernelPath, Boot::Start::Own);
    const bool kernelTrusted = Boot::isVouchedFor(kernel, machine.trusted);
    facts.trustsOwn = kernelTrusted && Boot::isVouchedFor(signers(Boot::loaderPath(), Boot::Start::Own), machine.trusted);
    facts.trustsOthers = Boot::vouchesForOthers(machine.trusted, kernel);
    facts.trustsShim = Boot::isVouchedFor(signers(Boot::shimPath(), Boot::Start::Shim), machine.trusted);
    facts.allowsKernel = kernelTrusted || Boot::isVouchedFor(kernel, machine.allowed);
    return facts;
}

Result<StartWay> chooseStart(const StartFacts &facts, bool hasShim, bool ask, const std::string &system)
{
    if (facts.state == State::Unknown || facts.state == State::Setup || facts.trustsOwn)
        return StartWay{};
    const bool isOn = facts.state == State::On;
    if (hasShim && facts.trustsShim)
        return StartWay{.start = Boot::Start::Shim, .couldAsk = !facts.allowsKernel, .asks = !facts.allowsKernel && (isOn || ask)};
    if (isOn)
        return fail(ErrorCode::Unsupported, "Secure Boot would not let " + system + " start on this computer",
                    hasShim ? "the firmware does not trust the key that Microsoft signs loaders of other systems with"
                            : "the firmware's keys are others' and this medium has no loader for them",
                    hasShim ? "In the firmware's settings, allow \"Microsoft 3rd Party UEFI CA\", or switch Secure Boot off."
                            : "Switch Secure Boot off in the firmware's settings.");
    return StartWay{};
}

} // namespace Preon::Install
