// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/wipe.h"

#include <cstring>

namespace Preon::Ui
{

void wipe(QString &secret)
{
    if (secret.isDetached() && !secret.isEmpty())
        explicit_bzero(secret.data(), std::size_t(secret.size()) * sizeof(QChar));
    secret.clear();
}

} // namespace Preon::Ui
