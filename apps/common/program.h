// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// How each program with a window begins: what must be settled before Qt is there, and who it says that it is.

#include <KLazyLocalizedString>

#include <QString>

namespace Preon::Ui
{

// Before the application object is made.
void prepare();

// name: the app's folder and the last part of its id ("installer"); title: what a person calls it.
void introduce(const QString &name, const KLazyLocalizedString &title);

} // namespace Preon::Ui
