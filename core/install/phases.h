// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The names of the steps of an installation, as they are told to its Progress and listed by phases().

namespace Preon::Install::PhaseName
{
constexpr auto checkSource = "Checking the source", checkSourceData = "Checking the data of the source", removeKernels = "Removing the old kernels",
               eraseKeys = "Erasing the old keys", erase = "Erasing the old content", clear = "Preparing the free space", copy = "Copying the system",
               bootFiles = "Writing the boot files", flush = "Flushing", check = "Checking what was written", publish = "Writing the partition table",
               addBootFiles = "Adding the boot files", firmware = "Telling the firmware";
}
