# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tools of a newer systemd than the one installed: from Debian forky, unpacked by `./dev` and run by their own dynamic loader with their own libraries.
What they call, mkfs above all, is what is installed, so that both peers fill partitions alike."""

import os
import subprocess
from pathlib import Path


def newer(tool):
    """The command that is this tool of forky's."""
    root = Path(os.environ.get("PREON_NEWER", "/nowhere"))
    loader = next(root.glob("usr/lib*/ld-linux-*.so.*"), None) or next(root.glob("usr/lib/*/ld-linux-*.so.*"), None)
    if loader is None:
        raise FileNotFoundError("forky's systemd is not there; type: ./dev setup")
    libraries = next(root.glob("usr/lib/*/libc.so.6")).parent
    return [str(loader), "--library-path", f"{libraries}:{libraries}/systemd", str(root / "usr/bin" / tool)]


def version():
    """As the tool says it: "systemd 262 (262-1)"."""
    return subprocess.run([*newer("systemd-repart"), "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
