// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The download of a version as a person sees it: one phase of all its bytes, however many files there are and however often one of them begins again.

#include "core/base/progress.h"

namespace Preon::Helper
{

constexpr auto fetchingPhase = "Fetching";

// Goes between the work (core/update/acquire.h) and whoever watches. Each file begins with a phase of no size, and with one of its size whenever its
// first byte comes (again); other phases pass.
class WholeDownload : public Progress
{
public:
    // all: bytes of all files, kept ones too.
    WholeDownload(Progress &watcher, std::uint64_t all);

    void phase(std::string_view name, std::uint64_t total) override;
    void advance(std::uint64_t bytes) override;
    void log(std::string_view line) override;
    bool isCancelled() const override;

private:
    Progress &m_watcher;
    const std::uint64_t m_all;
    std::uint64_t m_before = 0, m_ofThis = 0; // bytes of the files before this one, and of this one
    bool m_isFetching = false, m_hasBegun = false;
};

} // namespace Preon::Helper
