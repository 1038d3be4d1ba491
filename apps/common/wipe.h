// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Secrets in a window. Qt's texts are copied on their way (fields, the bus), and those copies are Qt's; what is ours is overwritten before it is given back.

#include <QString>

namespace Preon::Ui
{

// Overwrites the text where nobody shares it, and empties it.
void wipe(QString &secret);

} // namespace Preon::Ui
