// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// preond, asked over the system bus (helper/interfaces): what whoever is not root goes by, since disks are not theirs to open. Questions wait for their answers; nothing here
// decides anything. Where polkit asks for a password and no desktop does it, the terminal does (polkit's own text agent).

#include "core/base/progress.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace sdbus
{
class IConnection;
class Variant;
} // namespace sdbus

namespace Preon::Ctl
{

class HelperClient
{
public:
    using Json = nlohmann::ordered_json;

    // NotFound: there is no bus, or no helper on it.
    static Result<HelperClient> open();
    HelperClient(HelperClient &&) noexcept;
    HelperClient &operator=(HelperClient &&) noexcept;
    ~HelperClient();

    // Errors of all of these are the helper's own, whole (docs/errors.md).
    Result<Json> disks(); // as ListDisks has them
    struct Plan {
        std::string id;
        Json json;
    };
    Result<Plan> plan(const std::string &disk, const std::string &mode, const std::map<std::string, sdbus::Variant> &options);
    Result<std::string> apply(const std::string &planId); // the job's object path
    Result<Json> updates(); // as Updates1.Describe has them
    Result<Json> askForUpdates(); // as Updates1.Check has it
    Result<Plan> planUpdate(const std::string &version); // empty: the newest that did not fail here
    Result<std::string> applyUpdate(const std::string &planId); // the job's object path
    Result<std::vector<std::string>> jobs(); // object paths, newest first

    struct Job {
        std::string kind, target, state, phase; // state: "running", "done", "failed", "interrupted"
        std::uint64_t done = 0, total = 0; // bytes of the phase
        std::int64_t began = 0; // seconds since 1970
    };
    Result<Job> job(const std::string &path);
    Result<void> stop(const std::string &path);
    Result<void> forget(const std::string &path);
    // Tells the progress of it until it has ended; gives its result or its error. The progress being cancelled stops the job where it may be stopped, and the answer is what became of it.
    Result<Json> follow(const std::string &path, Progress &progress);

private:
    explicit HelperClient(std::unique_ptr<sdbus::IConnection> bus);
    std::unique_ptr<sdbus::IConnection> m_bus;
};

} // namespace Preon::Ctl
