// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The running system, seen as something to update: its settings, what is here, what is on offer, and what nothing may take away. One look, from which preonctl and the helper plan; and what a
// version costs, asked of the server before anybody is asked for consent.

#include "core/base/host.h"
#include "core/boot/starts.h"
#include "core/update/online.h"
#include "core/update/plan.h"

#include <memory>
#include <set>

namespace Preon::Update
{

struct SystemOptions {
    std::string component = {}; // empty: the OS itself
    bool offline = false; // only what is here
    std::optional<bool> verify = {}; // whether lists have to be signed; nullopt: as the settings say
    std::optional<std::uint64_t> instancesMax = {};
    std::filesystem::path disk = {}; // what Path=auto means, where it is not the disk of the running system: a disk image
    Fetching fetching = {};
};

// Where on this machine things lie that settings only call "auto" or "boot".
Places placesOf(const Host &host);
// Versions that nothing removes: the one that runs, the last one that came up before it (boot/starts.h), and those that a person wants to keep (keptPath).
std::set<std::string> keptVersions(const Host &host);
constexpr const char *keptPath = "/var/lib/preon/update/keep";
Result<void> keepVersion(const Host &host, const std::string &version, bool keep);
std::vector<std::string> wishedVersions(const Host &host);
std::string runningVersion(const Host &host); // IMAGE_VERSION=; empty where there is none

class System
{
public:
    // NotFound where no sysupdate.d says anything; what a server says is an error here only when it was asked.
    static Result<System> look(const Host &host, const SystemOptions &options, Progress &progress);

    const Definitions &definitions() const
    {
        return *m_definitions;
    }
    const Look &seen() const
    {
        return m_look;
    }
    const Sets &sets() const
    {
        return m_sets;
    }
    const std::set<std::string> &kept() const
    {
        return m_kept;
    }
    // The kernels of versions that are here, as the loader has them in its menu (its order, entries of the normal profile), known by their names
    // alone: no kernel is read.
    const std::vector<Boot::Entry> &kernels() const
    {
        return m_kernels;
    }
    const std::vector<Boot::StartRecord> &starts() const
    {
        return m_starts;
    }
    // Versions that the loader has given up here; newest first.
    const std::vector<Boot::LeftVersion> &left() const
    {
        return m_left;
    }
    // Whether that version was tried here and never came up; false for the one that runs.
    bool failedHere(const std::string &version) const;
    // The percentage of computers that a version is handed out to, where this one is not among them yet; nullopt also for one that was begun here. 0: its maker has stopped it.
    std::optional<unsigned> heldBack(const UpdateSet &set) const;
    // What to update to unasked: newer than what runs and than all that is whole here, not one that failed here, and not one that is held back. nullptr: there is none.
    const UpdateSet *candidate() const;
    // The newest version on offer that is held back here and not stopped, where it is newer than what runs and than all that is whole here: given to who asks for it. nullptr: none.
    const UpdateSet *laterOffer() const;
    // The newest version on offer that failed here, where it is newer than what runs: offered only by its name. nullptr: there is none.
    const UpdateSet *failedOffer() const;
    // Empty: the candidate. NotFound when there is nothing newer; the rest as planUpdate(). A version that the loader has given up gets another
    // kernel, with all its tries, in the place of the one that is here.
    Result<UpdatePlan> plan(const std::string &version) const;
    Result<VacuumPlan> planRoom() const;

private:
    System() = default;
    std::unique_ptr<Definitions> m_definitions; // what was seen points into it
    Look m_look;
    Sets m_sets;
    void lookAtStarts(const Host &host);
    bool isGivenUp(const UpdateSet &set) const;
    Result<UpdatePlan> planAgain(const std::string &version, const UpdateOptions &how) const;
    std::set<std::string> m_kept;
    std::optional<std::uint64_t> m_instancesMax;
    std::string m_running, m_machineId, m_begun;
    std::vector<Boot::Entry> m_kernels;
    std::vector<Boot::StartRecord> m_starts;
    std::vector<Boot::LeftVersion> m_left;
};

// Bytes, of one part and of all. What is not known counts as 0 in sums and says so.
struct PartCost {
    std::string id; // of the transfer
    std::string target; // for people
    std::optional<std::uint64_t> fetch; // of the file on the server, all of it
    std::uint64_t kept = 0; // of that, already here
    std::optional<std::uint64_t> write; // unpacked; for a slot that does not say at most its size
};
struct UpdateCost {
    std::vector<PartCost> parts;
    std::uint64_t fetch = 0, kept = 0, write = 0; // fetch: still to be fetched
    bool exact = true; // every part's sizes are known
};
// Held for as long as versions are changed: two updates at once would fill the same slot. Busy while another holds it.
Result<Fd> lockUpdates(const Host &host);

// Asks the server for sizes; fetches nothing. NoSpace, with numbers, where a file would not fit to where it goes.
Result<UpdateCost> costOf(const UpdatePlan &plan, const Fetching &fetching, Progress &progress);
nlohmann::ordered_json toJson(const UpdateCost &cost);

} // namespace Preon::Update
