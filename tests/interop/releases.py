# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Versions of a small OS as its maker offers them, and a computer in a folder that runs one: for tests that update it."""

import hashlib
import json
import random
import subprocess
from pathlib import Path

MIB = 1 << 20
USR, VERITY = "8484680c-9521-48c6-9c11-b0720656f69e", "77ff5f63-e7b6-4633-acf4-1565b864c0e6"
KEPT = "var/lib/preon/update/kept"
STUB = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"

TRANSFER = """\
[Transfer]
Verify={verify}
[Source]
Type=url-file
Path={url}
MatchPattern={source}
[Target]
Type=partition
Path=auto
MatchPattern=OS_@v
MatchPartitionType={kind}
ReadOnly=1
"""
KERNEL = """\
[Transfer]
Verify={verify}
[Source]
Type=url-file
Path={url}
MatchPattern=OS_@v.efi
[Target]
Type=regular-file
Path=/EFI/Linux
PathRelativeTo=boot
MatchPattern=OS_@v+@l-@d.efi OS_@v+@l.efi OS_@v.efi
TriesLeft=3
InstancesMax=2
"""


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, **options).stdout


def run_bytes(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True).stdout


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Key:
    """An OpenPGP key of its own."""

    def __init__(self, folder):
        self.home = folder
        folder.mkdir(mode=0o700)
        self._gpg("--quick-generate-key", "--passphrase", "", "updates@example.invalid", "ed25519", "sign", "never")

    def _gpg(self, *words, **options):
        return subprocess.run(["gpg", "--homedir", self.home, "--batch", "--quiet", *words], check=True, capture_output=True, **options).stdout

    def ring(self):
        return self._gpg("--export")

    def sign(self, content, when=None):
        return self._gpg("--detach-sign", *([f"--faked-system-time={when}!"] if when else []), input=content)

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)


class Release:
    """Version N as it lies on a server: /usr, its hash tree, a kernel that pins it."""

    def __init__(self, version, folder, size=6 * MIB):
        self.version = version
        folder.mkdir(parents=True, exist_ok=True)
        # Half of it packs, as real ones do.
        usr = random.Random(version).randbytes(size // 2) + (f"version {version} ".encode() * (size // 8))[: size // 2]
        data, tree = folder / "usr", folder / "tree"
        data.write_bytes(usr)
        said = run("veritysetup", "format", data, tree, "--salt=-", "--uuid=00000000-0000-4000-8000-000000000001")
        self.root = next(line.split()[-1] for line in said.splitlines() if line.startswith("Root hash"))
        self.usr, self.tree = usr, tree.read_bytes()
        dashed = [f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}" for h in (self.root[:32], self.root[32:])]
        self.usr_uuid, self.tree_uuid = dashed
        (folder / "linux").write_bytes(Path(STUB).read_bytes())
        (folder / "os-release").write_text(f"ID=os\nIMAGE_ID=OS\nIMAGE_VERSION={version}\n")
        run("ukify", "build", f"--linux={folder}/linux", f"--os-release=@{folder}/os-release", f"--cmdline=usrhash={self.root}", f"--uname={version}",
            f"--output={folder}/kernel.efi")
        self.kernel = (folder / "kernel.efi").read_bytes()
        self.files = {
            f"OS_{version}.verity.{self.tree_uuid}.raw": self.tree,
            f"OS_{version}.usr.{self.usr_uuid}.raw.zst": run_bytes("zstd", "-q", "-c", data),
            f"OS_{version}.efi": self.kernel,
        }
        self.bytes = sum(map(len, self.files.values()))


class Machine:
    """A mixin for tests: the computer below self.root with the disk self.target; self.nginx, self.key and self.releases are its maker's, self.folder is
    for scratch."""

    def lay(self):
        """Where version 1 of the system runs that self.nginx has others of."""
        for name in ("usr/lib/sysupdate.d", "etc/systemd", "var/lib/preon", "efi/EFI/Linux"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "usr/lib/os-release").write_text("NAME=OS\nID=os\nIMAGE_ID=OS\nIMAGE_VERSION=1\n")
        (self.root / "etc/systemd/import-pubring.pgp").write_bytes(self.key.ring())
        self.define()
        self.make_disk()

    def define(self, verify="yes", url=None):
        url = url or self.nginx.plain
        for name, source, kind in (("20-verity", "OS_@v.verity.@u.raw", "usr-verity"), ("30-usr", "OS_@v.usr.@u.raw.zst", "usr")):
            (self.root / f"usr/lib/sysupdate.d/{name}.transfer").write_text(TRANSFER.format(url=url, source=source, kind=kind, verify=verify))
        (self.root / "usr/lib/sysupdate.d/90-kernel.transfer").write_text(KERNEL.format(url=url, verify=verify))

    def make_disk(self):
        """Version 1 in the first slots, the second ones free."""
        first = self.releases[1]
        with open(self.target, "wb") as file:
            file.truncate(32 * MIB)
        table = "label: gpt\n"
        slots = ((USR, "OS_1", first.usr_uuid, 8), (VERITY, "OS_1", first.tree_uuid, 1), (USR, "_empty", None, 8), (VERITY, "_empty", None, 1))
        for kind, label, uuid, size in slots:
            table += f"type={kind}, name={label}, size={size}MiB" + (f", uuid={uuid}" if uuid else "") + "\n"
        subprocess.run(["sfdisk", "-q", self.target], input=table, text=True, check=True)
        parts = self.partitions()
        with open(self.target, "r+b") as file:
            for number, content in ((0, first.usr), (1, first.tree)):
                file.seek(parts[number]["start"] * 512)
                file.write(content)
        (self.root / "efi/EFI/Linux/OS_1.efi").write_bytes(first.kernel)

    def offer(self, *versions, when=None, key=None, change=None):
        files = {}
        for version in versions:
            files |= self.releases[version].files
        if change:
            change(files)
        for name, content in files.items():
            self.nginx.put(name, content)
        sums = "".join(f"{sha256(content)} *{name}\n" for name, content in sorted(files.items())).encode()
        self.nginx.put("SHA256SUMS", sums)
        self.nginx.put("SHA256SUMS.gpg", (key or self.key).sign(sums, when))

    def partitions(self):
        return json.loads(run("sfdisk", "--json", self.target))["partitiontable"]["partitions"]

    def labels(self):
        return [each["name"] for each in self.partitions()]

    def kernels(self):
        return sorted(path.name for path in (self.root / "efi/EFI/Linux").iterdir())

    def is_there(self, version):
        """All of it, seen by others: table, names, and every block."""
        release = self.releases[version]
        slots = {(each["type"].lower(), each["name"]): each for each in self.partitions()}
        usr, tree = slots[(USR, f"OS_{version}")], slots[(VERITY, f"OS_{version}")]
        self.assertEqual((usr["uuid"].lower(), tree["uuid"].lower()), (release.usr_uuid, release.tree_uuid))
        with open(self.target, "rb") as file:
            for slot, name in ((usr, "data"), (tree, "tree")):
                file.seek(slot["start"] * 512)
                (self.folder / name).write_bytes(file.read(slot["size"] * 512))
        run("veritysetup", "verify", self.folder / "data", self.folder / "tree", release.root)
        kernel = self.root / f"efi/EFI/Linux/OS_{version}+3-0.efi"
        self.assertEqual(sha256(kernel.read_bytes()), sha256(release.kernel))
        self.assertEqual(list((self.root / KEPT).glob("*")) if (self.root / KEPT).exists() else [], [], "nothing is left over")
