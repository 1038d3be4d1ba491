// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/transfer.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    using namespace Preon;
    UnitFile file;
    file.name = "x.transfer";
    file.path = "x.transfer";
    parseUnitText({reinterpret_cast<const char *>(data), size}, "x.transfer", file);
    Update::DefinitionOptions options{.specifiers = {}, .architecture = "x86-64", .hasExplicitSource = false};
    options.specifiers.values['A'] = "2";
    const auto transfer = Update::parseTransfer(file, options);
    if (transfer
        && (transfer->source.patterns.empty() || transfer->target.patterns.empty() || (!transfer->target.pathAuto && !transfer->target.path.starts_with('/'))))
        std::abort();
    Update::parseFeature(file, options);
    return 0;
}
