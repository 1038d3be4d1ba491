# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A scenario told as sentences: each is one fact about what the system did, and is either true or not."""

import os
import shutil
import sys
import time
import traceback
from pathlib import Path

from . import child
from .errors import Trouble


def top():
    return Path(os.environ.get("PREON_TOP") or Path(__file__).resolve().parents[3])


def image_path(profile="base"):
    """PREON_IMAGE stands in for the profile `base`."""
    made = top() / ("out/image" if profile == "base" else f"out/image-{profile}") / "Particle_1.raw"
    image = Path(profile == "base" and os.environ.get("PREON_IMAGE") or made)
    if not image.exists():
        raise Trouble(f"there is no image at {image}; `./dev image{'' if profile == 'base' else ' --profile ' + profile}` builds it")
    return image


def scratch_folder():
    """Where machines and disks live while the tests run: beside the build, because they are gigabytes."""
    base = os.environ.get("PREON_BUILD")
    return Path(base) / "vm" if base else top() / "out/vm"


class Story:
    """A false sentence is told and the story goes on, so that one run says all that is wrong; it ends in failure then.

    `says` is for what a user relies on. Whatever makes going on pointless (a machine that does not boot) is a Trouble.
    """

    def __init__(self, name):
        self.name = name
        self.folder = scratch_folder() / name
        self.false = []
        self._began = self._last = time.monotonic()

    def __enter__(self):
        child.sigterm_is_an_exception()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return self

    def _line(self, mark, text):
        now = time.monotonic()
        print(f"{mark} {now - self._began:6.1f} s  {text}", flush=True)
        self._last = now

    def chapter(self, text):
        self._line("--", text)

    def says(self, sentence, truth, seen=""):
        """States a fact. SEEN is shown when it is not true."""
        self._line("ok" if truth else "NO", sentence)
        if not truth:
            self.false.append(sentence)
            for line in str(seen).strip().splitlines():
                print(f"                | {line}", flush=True)
        return bool(truth)

    def equals(self, sentence, wanted, found):
        return self.says(sentence, wanted == found, f"wanted: {wanted!r}\nfound:  {found!r}")

    def __exit__(self, kind, error, trace):
        if kind is not None and issubclass(kind, Trouble):
            self._line("NO", f"the story broke off: {error}")
            for frame in traceback.extract_tb(trace):
                if "/tests/vm/test_" in frame.filename:
                    print(f"                | {Path(frame.filename).name}:{frame.lineno}: {frame.line}")
            self.false.append("the story broke off")
        elif kind is not None:
            return False
        if self.false:
            print(f"\n{self.name}: {len(self.false)} not as it should be; machines and consoles are kept in {self.folder}", flush=True)
            sys.exit(1)
        if not os.environ.get("PREON_KEEP") and not (self.folder / "finished").exists():
            self._drop_disks()
        print(f"\n{self.name}: all as it should be, {time.monotonic() - self._began:.0f} s", flush=True)
        return True

    def _drop_disks(self):
        """Disks and recordings take gigabytes, and nobody asks them what went well. The machines' consoles stay."""
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_blocks * 512 >= 64 << 20:
                path.unlink()
