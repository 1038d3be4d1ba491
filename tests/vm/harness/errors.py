# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The one error the harness raises."""


class Trouble(Exception):
    """Something a test waited for did not happen. The text says what, and ends with what the console last showed."""
