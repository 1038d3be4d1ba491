# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs one command with two tools, on equal trees and disks in one place, and compares what they said and what they left."""

import dataclasses
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

THEIRS = ["/usr/lib/systemd/systemd-sysupdate"]
OURS = [os.environ.get("PREONCTL", "preonctl"), "sysupdate"]
WHEN = 1700000000
ENVIRONMENT = os.environ | {"TZ": "UTC", "SYSTEMD_ESP_PATH": "/boot"}

SOURCE = "[Source]\nType=regular-file\nPath=/src\nMatchPattern=a_@v.raw\n"
TARGET = "[Target]\nType=regular-file\nPath=/t\nMatchPattern=a_@v.raw\n"
SLOTS = "type=8484680C-9521-48C6-9C11-B0720656F69E"  # usr-x86-64


def transfer(settings="", source=SOURCE, target=TARGET, name="a"):
    """The text of a definition; `name` stands for the a of its patterns."""
    return f"[Transfer]\n{settings}\n" + re.sub(r"(?<=[= ])a_", f"{name}_", source + target)


@dataclasses.dataclass
class Case:
    name: str
    words: list
    files: list = dataclasses.field(default_factory=list)  # "t/a_1.raw", "src/a_2/" is a folder
    definitions: dict = dataclasses.field(default_factory=lambda: {"a.transfer": transfer()})
    table: str = ""  # of a disk that Path=@ means; then there is no --root
    texts: dict = dataclasses.field(default_factory=dict)  # files with a content of their own


class Bench:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.root = self.folder / "root"
        self.disk = self.folder / "disk.img"
        self.loop = None

    def build(self, case):
        shutil.rmtree(self.root, ignore_errors=True)
        for name in ("usr/lib/sysupdate.d", "src", "t", "etc", "boot/EFI/Linux"):
            (self.root / name).mkdir(parents=True)
        (self.root / "usr/lib/os-release").write_text("ID=p\nIMAGE_VERSION=2\n")
        for file in case.files:
            path = self.root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if file.endswith("/"):
                path.mkdir(exist_ok=True)
            else:
                path.write_text("content of " + file)
        for file, text in case.texts.items():
            (self.root / file).write_text(text)
        for path in sorted(self.root.rglob("*"), reverse=True):
            os.utime(path, (WHEN, WHEN))
        for name, text in case.definitions.items():
            path = (self.root / "usr/lib/sysupdate.d" / name).resolve()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.placed(text, case))

    def placed(self, text, case):
        text = text.replace("Path=@", f"Path={self.loop}").replace("file://", f"file://{self.root}/")
        # Without --root= local paths are those of this machine.
        return text.replace("Path=/src", f"Path={self.root}/src") if case.table else text

    def attach(self, case):
        self.disk.unlink(missing_ok=True)
        with self.disk.open("wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["sfdisk", "-q", self.disk], input="label: gpt\nlabel-id: 11111111-1111-1111-1111-111111111111\n" + case.table, text=True, check=True, capture_output=True)
        self.loop = subprocess.run(["losetup", "-P", "-f", "--show", self.disk], text=True, check=True, capture_output=True).stdout.strip()

    def detach(self):
        if self.loop:
            subprocess.run(["losetup", "-d", self.loop], check=True)
            self.loop = None

    def run(self, tool, case):
        """Exit status, standard output, what is left, and what it complained of."""
        if case.table:
            self.attach(case)
        try:
            self.build(case)
            where = [f"--definitions={self.root}/usr/lib/sysupdate.d"] if case.table else [f"--root={self.root}"]
            done = subprocess.run([*tool, *where, "--no-pager", "--sync=no", *case.words], capture_output=True, text=True, check=False, timeout=60, env=ENVIRONMENT)
        finally:
            self.detach()
        return done.returncode, self.normal(done.stdout), self.left(case), done.stderr

    @staticmethod
    def normal(text):
        """257 names a slot by a descriptor of its own, and columns are as wide as names."""
        text = re.sub(r"/proc/self/fd/\d+p|/dev/loop\d+p", "DISK", text)
        return re.sub(r"^TYPE +PATH +", "TYPE PATH ", text, flags=re.M) if "DISK" in text else text

    def left(self, case):
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            status = path.lstat()
            if path.is_symlink():
                found[name] = "-> " + os.readlink(path)
            elif path.is_dir():
                found[name] = oct(status.st_mode)
            else:
                found[name] = (oct(status.st_mode), int(status.st_mtime) if name.startswith("t/") else 0, path.read_bytes())
        if case.table:
            dump = subprocess.run(["sfdisk", "--dump", self.disk], text=True, check=True, capture_output=True).stdout
            found["table"] = [line.split(":", 1)[1] for line in dump.splitlines() if "start=" in line]
            with self.disk.open("rb") as file:
                file.seek(1 << 20)
                found["bytes"] = hashlib.sha256(file.read((62 << 20))).hexdigest()
        return found
