// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// One device-mapper device through libdevmapper: for targets that libcryptsetup does not set up as we need them. Tables are secrets: they go to the kernel in
// memory that is wiped, and never onto a command line.

#include "core/base/secret.h"

#include <cstdint>
#include <string>

namespace Preon::Luks
{

class Mapping
{
public:
    enum class Udev {
        Probes, // as any disk: looked into, linked
        KeepsOff, // only /dev/mapper/NAME: nothing reads from it before we are done
    };

    // A device without a table: nothing can be read from it yet. Exists when the name is taken. uuid: as devices are told apart by their makers' prefixes.
    static Result<Mapping> create(const std::string &name, const std::string &uuid, Udev udev);

    Mapping(Mapping &&other) noexcept;
    Mapping &operator=(Mapping &&) = delete;
    ~Mapping(); // takes the device away again, unless it was kept

    // Makes the kernel set up a target of that many sectors of 512 bytes; it is used from resume() on. A second table takes the place of the first.
    Result<void> load(std::uint64_t sectors, const std::string &target, const Secret &parameters, bool readOnly);
    // What the loaded target says of itself, before it is used.
    Result<std::string> loadedStatus() const;
    // Waits for udev. Nothing is read ahead of what somebody asks the device itself for: behind it may be blocks that were never written, and a target that checks
    // blocks counts each of them as damage. File systems read ahead by themselves, within their files.
    Result<void> resume();
    void keep();

private:
    Mapping(std::string name, Udev udev);
    std::string m_name; // empty: not ours to take away
    Udev m_udev;
};

// The target and the status line of a device in use. NotFound when there is none of that name.
struct MappingStatus {
    std::uint64_t sectors = 0;
    std::string target, text;
    bool readOnly = false;
};
Result<MappingStatus> mappingStatus(const std::string &name);
// NotFound, or Busy when something uses it.
Result<void> removeMapping(const std::string &name);

} // namespace Preon::Luks
