// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// An archive of tar in (ustar, pax, GNU; not packed), tree frames (core/fetch/treeframes.h) out. What is said of an entry is what the archive says of it:
// numbers of owners and no names, times to the nanosecond, extended attributes, holes. Access lists in words (SCHILY.acl) and file flags are passed over, as
// systemd 257 does.

#include "core/fetch/treeframes.h"

#include <functional>
#include <span>

namespace Preon::Transport
{

// Before the process is confined: what names in UTF-8 need of the C library.
void prepareTar();

// How many bytes of the archive were put there; 0: it is complete.
using TarSource = std::function<Result<std::size_t>(std::span<std::byte>)>;
using TarSink = std::function<Result<void>(ByteView)>;

// All of the source is read, archives one behind the other too. BadFormat with the entry for what is damaged, leads out of the archive or is more than a
// frame holds; Unsupported where memory does not suffice; the errors of source and sink.
Result<void> untar(const TarSource &source, const TarSink &sink);

} // namespace Preon::Transport
