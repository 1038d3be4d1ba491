#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Transfers whose source is an archive (url-tar and tar), installed by the real systemd-sysupdate and by `preonctl sysupdate` from the same files: equal trees to the last attribute. And archives that
somebody made to do harm, and an unpacker that was taken over."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import random
import shutil
import stat
import struct
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from servers import Nginx
from sysupdate_bench import THEIRS, transfer

WHEN = 1_700_000_000
NOISE = random.Random(9).randbytes(5_000_000)
PACKED = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": lambda content: subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout,
}
ENTRY, DATA, END = (0x50545200 + number for number in range(1, 4))
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service
ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in ((1, 6, 0xFFFFFFFF), (2, 4, 1234), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)))


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, **options).stdout


def make_tree(top):
    """One of each kind."""
    for name in ("usr/lib", "usr/bin", "etc", "empty", "closed", "shared", "größe", "n" * 200 + "/" + "m" * 200):
        (top / name).mkdir(parents=True)
    texts = {"usr/lib/os-release": b"ID=p\n", "usr/bin/su": NOISE[:200_000], "etc/ä ö\tü": b"1", "closed/x": b"2", "shared/owned": b"3", "shared/none": b"", "n" * 200 + "/" + "m" * 200 + "/" + "o" * 200: b"4"}
    for name, content in texts.items():
        (top / name).write_bytes(content)
    with (top / "sparse").open("wb") as file:
        file.seek(3 << 20)
        file.write(b"in the middle")
        file.truncate(9 << 20)
    os.symlink("usr/lib", top / "lib")
    os.symlink("../../nowhere/" + "x" * 150, top / "etc/far")
    os.link(top / "usr/bin/su", top / "usr/bin/sudo")
    os.link(top / "etc/far", top / "etc/farther")
    os.mkfifo(top / "pipe", 0o640)
    os.mknod(top / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(top / "disk", stat.S_IFBLK | 0o660, os.makedev(259, 70_000))
    for name, owner, group in (("shared/owned", 1234, 70_000), ("shared", 0, 1234), ("etc/far", 5, 6), ("pipe", 7, 8)):
        os.lchown(top / name, owner, group)
    for name, mode in (("usr/bin/su", 0o6755), ("closed", 0o555), ("closed/x", 0o400), ("shared", 0o3770), ("empty", 0o700)):
        os.chmod(top / name, mode)
    os.setxattr(top / "usr/bin/su", "user.note", b"a\0b")
    os.setxattr(top / "usr/bin/su", "security.capability", CAPABILITY)
    os.setxattr(top / "shared", "user.folder", bytes(range(200)))
    os.setxattr(top / "shared/owned", "system.posix_acl_access", ACL)
    for number, path in enumerate(sorted(top.rglob("*"), reverse=True)):
        os.utime(path, ns=(0, (WHEN + number) * 10**9 + 123_456_789), follow_symlinks=False)
    os.chmod(top, 0o751)
    os.utime(top, (WHEN, WHEN))


def gnu_tar(top, *options, names=(".",)):
    attributes = [] if "--format=gnu" in options else ["--format=pax", "--xattrs", "--xattrs-include=*"]
    return run("tar", "-C", top, *attributes, "--numeric-owner", "--sort=name", "-S", *options, "-cf", "-", *names)


def seen(top, skip_time=()):
    """All of a tree, with nothing left out that stat(2) and listxattr(2) tell, but for when it was read."""
    found, inodes = {}, {}
    for path in [top, *sorted(top.rglob("*"))]:
        name, status = str(path.relative_to(top)), path.lstat()
        inodes.setdefault(status.st_ino, []).append(name)
        is_file = stat.S_ISREG(status.st_mode)
        found[name] = {
            "mode": oct(status.st_mode),
            "owner": (status.st_uid, status.st_gid),
            "time": None if name in skip_time else status.st_mtime_ns,
            "device": status.st_rdev,
            "target": os.readlink(path) if path.is_symlink() else None,
            "content": (status.st_size, hashlib.sha256(path.read_bytes()).hexdigest()) if is_file else None,
            "hasHoles": is_file and status.st_blocks * 512 < status.st_size // 2,
            "attributes": {attribute: os.getxattr(path, attribute, follow_symlinks=False) for attribute in os.listxattr(path, follow_symlinks=False)},
        }
    for names in inodes.values():
        for name in names:
            found[name]["names"] = names
    return found


def archive(*entries):
    """Entries as (name, kind, more): what nobody's tar program would write."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, more in entries:
            info = tarfile.TarInfo(name)
            info.type, info.mtime, info.mode = kind, WHEN, 0o755 if kind == tarfile.DIRTYPE else 0o644
            content = more if isinstance(more, bytes) else b""
            if isinstance(more, str):
                info.linkname = more
            if isinstance(more, tuple):
                info.devmajor, info.devminor = more
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return into.getvalue()


@unittest.skipIf(os.geteuid() != 0, "only root gives files to others and makes devices")
class Archives(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.all = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="archives-", dir="/tmp")))
        cls.all.chmod(0o755)
        (cls.all / "tree").mkdir()
        make_tree(cls.all / "tree")
        cls.tar = gnu_tar(cls.all / "tree")
        # The user that preon-fetch becomes; nobody else is known by name, so that numbers count with GNU tar too.
        (cls.all / "passwd").write_text("root:x:0:0::/root:/bin/sh\npreon-fetch:x:4711:4712::/:/usr/sbin/nologin\n")
        (cls.all / "nginx").mkdir(mode=0o755)
        cls.nginx = cls.enterClassContext(Nginx(cls.all / "nginx"))
        cls.preonctl = [os.environ.get("PREONCTL", "preonctl"), "sysupdate", f"--fetcher={shutil.which('preon-fetch')}"]

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(dir=self.all)))
        self.work = self.folder / "work"
        (self.folder / "outside").mkdir()
        (self.folder / "outside/file").write_text("untouched")
        self.addCleanup(self.leave)

    def leave(self):
        subprocess.run(["chattr", "-R", "-f", "-i", self.folder], check=False, capture_output=True)

    def offer(self, name, content, digest=None):
        self.nginx.put(name, content)
        self.nginx.put("SHA256SUMS", f"{digest or hashlib.sha256(content).hexdigest()} *{name}\n".encode())

    def lay(self, source="url-tar", suffix="", target="directory", more="", clean=True):
        if clean:
            self.leave()
            shutil.rmtree(self.work, ignore_errors=True)
        for name in ("sysupdate.d", "src", "t"):
            (self.work / name).mkdir(parents=True, exist_ok=True)
        path = self.nginx.plain if source == "url-tar" else self.work / "src"
        (self.work / "sysupdate.d/a.transfer").write_text(
            transfer("Verify=no", f"[Source]\nType={source}\nPath={path}\nMatchPattern=a_@v.tar{suffix}\n", f"[Target]\nType={target}\nPath={self.work}/t\nMatchPattern=a_@v\n{more}"))

    def update(self, tool, program=None):
        command = [*tool[:2], f"--fetcher={program}"] if program else tool
        return subprocess.run(["unshare", "--mount", "sh", "-c", f'mount --bind {self.all}/passwd /etc/passwd && exec "$@"', "sh", *command, f"--definitions={self.work}/sysupdate.d", "--no-pager", "--verify=no", "update"],
                              capture_output=True, text=True, check=False, timeout=120)

    def both(self, content, source="url-tar", suffix="", target="directory", more="", skip_time=()):
        """What each of them says and leaves."""
        packed = PACKED[suffix](content)
        self.offer(f"a_2.tar{suffix}", packed)
        results = []
        for tool in (THEIRS, self.preonctl):
            self.lay(source, suffix, target, more)
            if source == "tar":
                (self.work / f"src/a_2.tar{suffix}").write_bytes(packed)
            done = self.update(tool)
            names = sorted(os.listdir(self.work / "t"))
            results.append((done.returncode, done.stdout, names, seen(self.work / "t/a_2", skip_time) if "a_2" in names else None, done.stderr))
        return results

    def agree(self, content, **how):
        theirs, ours = self.both(content, **how)
        self.assertEqual(theirs[0], 0, theirs[4])
        self.assertEqual(ours[0], 0, ours[4])
        self.assertEqual(theirs[1:3], ours[1:3])
        self.assertEqual(theirs[3], ours[3])
        return ours[3]

    def test_trees_are_equal(self):
        wished = seen(self.all / "tree")
        for source in ("url-tar", "tar"):
            for suffix in PACKED:
                with self.subTest(source=source, suffix=suffix):
                    theirs, ours = self.both(self.tar, source=source, suffix=suffix)
                    self.assertEqual(ours[0], 0, ours[4])
                    self.assertEqual(ours[3], wished)
                    # 257 knows no zstd here.
                    if suffix != ".zst":
                        self.assertEqual(theirs[:4], ours[:4], theirs[4])

    def test_attributes_for_this_system_alone_are_left_out(self):
        tree = self.folder / "tree"
        tree.mkdir()
        os.setxattr(tree, "trusted.overlay.opaque", b"y")
        self.assertEqual(self.agree(gnu_tar(tree))["."]["attributes"], {})

    def test_forms_of_tar(self):
        tree = self.all / "tree"
        for options in (["--format=gnu"], ["--pax-option=delete=atime"], ["--sparse-version=0.1"], ["--sparse-version=0.0"]):
            with self.subTest(options):
                self.agree(gnu_tar(tree, *options))
        with self.subTest("no entry of the tree itself, parents that are missing"):
            self.agree(gnu_tar(tree, names=("usr/bin/su", "usr/bin/sudo", "closed", "etc")), skip_time=(".", "usr", "usr/bin"))
        with self.subTest("absolute names"):
            self.agree(gnu_tar(tree, "-P", r"--transform=s,^\./,/,S"), skip_time=("."))
        with self.subTest("one behind the other"):
            self.agree(gnu_tar(tree, names=("usr",)) + gnu_tar(tree, names=("closed", "shared")), skip_time=("."))
        with self.subTest("what comes later replaces what came before"):
            self.agree(archive(("x", tarfile.REGTYPE, b"one"), ("l", tarfile.SYMTYPE, "x"), ("d", tarfile.DIRTYPE, None), ("l", tarfile.REGTYPE, b"two"), ("x", tarfile.REGTYPE, b"three"), ("d", tarfile.REGTYPE, b"four")),
                       skip_time=("."))
        with self.subTest("a kind of entry that nobody knows"):
            self.agree(archive(("x", b"Y", b"one")), skip_time=("."))

    def test_an_os_in_a_folder_of_its_own(self):
        """257 moves it up; so that what is in usr/ lies in usr/."""
        made = self.agree(gnu_tar(self.all, names=("tree",)))
        self.assertIn("usr/lib/os-release", made)

    def test_a_folder_that_is_no_os_stays(self):
        made = self.agree(gnu_tar(self.all / "tree", names=("closed",)), skip_time=("."))
        self.assertIn("closed/x", made)

    def flags(self, path):
        if (path / ".").stat().st_ino == 256 and run("stat", "-f", "-c", "%T", path).strip() == b"btrfs":
            return ("subvolume", run("btrfs", "property", "get", "-ts", path, "ro"))
        return ("folder", "i" in run("lsattr", "-d", path).decode().split()[0])

    def test_read_only_and_subvolumes(self):
        image = self.folder / "btrfs"
        with image.open("wb") as file:
            file.truncate(256 << 20)
        run("mkfs.btrfs", "-q", image)
        for where in ("as it is", "btrfs"):
            for target in ("directory", "subvolume"):
                for read_only in ("", "ReadOnly=yes\n"):
                    flags = []
                    for tool in (THEIRS, self.preonctl):
                        with self.subTest(where=where, target=target, read_only=read_only, tool=tool[0]):
                            self.lay("tar", ".xz", target, read_only)
                            if where == "btrfs":
                                run("mount", "-o", "loop", image, self.work / "t")
                            try:
                                (self.work / "src/a_2.tar.xz").write_bytes(lzma.compress(self.tar))
                                done = self.update(tool)
                                self.assertEqual(done.returncode, 0, done.stderr)
                                self.assertEqual(seen(self.work / "t/a_2"), seen(self.all / "tree"))
                                flags.append(self.flags(self.work / "t/a_2"))
                            finally:
                                self.leave()
                                if where == "btrfs":
                                    subprocess.run(["btrfs", "subvolume", "delete", self.work / "t/a_2"], check=False, capture_output=True)
                                    shutil.rmtree(self.work / "t/a_2", ignore_errors=True)
                                    run("umount", self.work / "t")
                    self.assertEqual(flags[0], flags[1], (where, target, read_only))

    def test_each_goes_on_with_what_the_other_left(self):
        self.lay("tar", ".gz", more="InstancesMax=2\nCurrentSymlink=current\n")
        for version, tool in enumerate((self.preonctl, THEIRS, self.preonctl, THEIRS), 1):
            (self.work / f"src/a_{version}.tar.gz").write_bytes(gzip.compress(archive(("usr/version", tarfile.REGTYPE, str(version).encode()))))
            done = self.update(tool)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(sorted(os.listdir(self.work / "t")), sorted([f"a_{each}" for each in (version - 1, version) if each > 0] + ["current"]))
            self.assertEqual(os.readlink(self.work / "t/current"), f"a_{version}")
            self.assertEqual((self.work / "t/current/usr/version").read_text(), str(version))
            listed = [run(*each[:2] if each is not THEIRS else THEIRS, f"--definitions={self.work}/sysupdate.d", "list") for each in (THEIRS, self.preonctl)]
            self.assertEqual(listed[0], listed[1])

    def untouched(self, done, code=None):
        """Refused, with nothing left of it and nothing done elsewhere."""
        self.assertNotEqual(done.returncode, 0)
        self.assertGreater(done.returncode, 0)
        self.assertNotEqual(done.stderr.strip(), "")
        self.assertEqual(os.listdir(self.work / "t"), [], done.stderr)
        self.assertEqual([(path.name, path.read_text()) for path in (self.folder / "outside").iterdir()], [("file", "untouched")])
        self.assertFalse((self.all / "x").exists() or (self.folder / "x").exists() or (self.work / "x").exists())
        return done.stderr

    def refuse(self, content, words, suffix="", program=None):
        for source in ("url-tar", "tar"):
            with self.subTest(words=words, source=source):
                self.lay(source, suffix)
                self.offer(f"a_2.tar{suffix}", content)
                (self.work / f"src/a_2.tar{suffix}").write_bytes(content)
                self.assertIn(words, self.untouched(self.update(self.preonctl, program)))

    def test_what_leads_out_of_the_tree_is_refused(self):
        outside, file, link, hard, folder = str(self.folder / "outside"), tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
        self.refuse(archive(("../x", file, b"new")), "leads out of the archive")
        self.refuse(archive(("a/../../x", file, b"new")), "leads out of the archive")
        self.refuse(archive(("..", folder, None)), "leads out of the archive")
        self.refuse(archive(("l", link, outside), ("l/file", file, b"new")), "a link or a file where a folder has to be")
        self.refuse(archive(("l", link, "../../outside"), ("l/x", file, b"new")), "a link or a file where a folder has to be")
        self.refuse(archive(("d", folder, None), ("l", link, "d"), ("l/m", link, "x"), ("l/m/x", file, b"new")), "a link or a file where a folder has to be")
        self.refuse(archive(("l", link, outside), ("l/d", folder, None)), "a link or a file where a folder has to be")
        self.refuse(archive(("h", hard, outside + "/file"),), "does not come before it")
        self.refuse(archive(("h", hard, "../../../outside/file"),), "leads out of the archive")
        self.refuse(archive(("l", link, outside), ("h", hard, "l/file")), "a link or a file where a folder has to be")
        self.refuse(archive((".", link, outside), ("file", file, b"new")), "the archive's own folder is none")

    def test_what_looks_like_it_is_contained(self):
        outside = str(self.folder / "outside")
        content = archive((outside + "/file", tarfile.REGTYPE, b"new"), ("l", tarfile.SYMTYPE, outside + "/file"), ("l", tarfile.REGTYPE, b"new"), ("m", tarfile.SYMTYPE, outside), ("m", tarfile.DIRTYPE, None),
                          ("m/file", tarfile.REGTYPE, b"new"), ("h", tarfile.SYMTYPE, outside + "/file"), ("i", tarfile.LNKTYPE, "h"), ("mem", tarfile.CHRTYPE, (1, 1)))
        self.lay()
        self.offer("a_2.tar", content)
        done = self.update(self.preonctl)
        self.assertEqual(done.returncode, 0, done.stderr)
        tree = self.work / "t/a_2"
        self.assertEqual((tree / outside[1:] / "file").read_bytes(), b"new")
        self.assertEqual(((tree / "l").read_bytes(), (tree / "m/file").read_bytes(), os.readlink(tree / "i")), (b"new", b"new", outside + "/file"))
        self.assertEqual((self.folder / "outside/file").read_text(), "untouched")

    def test_damaged_archives_are_refused(self):
        whole = self.tar
        self.refuse(whole[:100_000], "could not be unpacked")
        self.refuse(whole[:513 + 5 * 512], "could not be unpacked")
        self.refuse(b"no archive at all" * 1000, "could not be unpacked")
        self.refuse(bytes([whole[0] ^ 1]) + whole[1:], "could not be unpacked")
        self.refuse(b"", "could not be unpacked")
        for suffix in PACKED.keys() - {""}:
            packed = PACKED[suffix](whole)
            middle = len(packed) // 2
            for wrong in (packed[:middle], packed[:middle] + bytes([packed[middle] ^ 1]) + packed[middle + 1 :], packed + b"xyz"):
                self.refuse(wrong, "could not be unpacked", suffix)

    def test_a_file_that_is_not_the_one_of_the_list_is_not_unpacked(self):
        self.lay()
        self.offer("a_2.tar", self.tar, digest="ab" * 32)
        self.assertIn("is not the file that it should be", self.untouched(self.update(self.preonctl)))

    def test_a_bomb_ends_where_the_room_does(self):
        self.lay("tar", ".xz")
        bomb = archive(("small", tarfile.REGTYPE, b"1"), ("big", tarfile.REGTYPE, bytes(40 << 20)))
        (self.work / "src/a_2.tar.xz").write_bytes(lzma.compress(bomb))
        run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", self.work / "t")
        try:
            self.assertIn("No space left", self.untouched(self.update(self.preonctl)))
        finally:
            run("umount", self.work / "t")

    def impostor(self, then):
        """A preon-fetch whose `untar` was taken over."""
        script = self.folder / "impostor"
        script.write_text(f'#!/bin/sh\n[ "$1" = untar ] || exec {shutil.which("preon-fetch")} "$@"\n{then}\n')
        script.chmod(0o755)
        return script

    def test_an_unpacker_that_was_taken_over_gets_nowhere(self):
        def entry(path, kind=2, target=b"", size=0):
            fixed = struct.pack("<HHIIIqIIIQHH", kind, 0, 0o644, 0, 0, 0, 0, 0, 0, size, len(path), len(target))
            return struct.pack("<II", ENTRY, len(fixed + path + target)) + fixed + path + target

        end = struct.pack("<IIQQ", END, 16, 1, 0)
        for says in (entry(b"../x") + end, entry(b"/x") + end, entry(b"a//x") + end, entry(b"x\0y") + end, entry(b"h", 4, b"../../../outside/file") + end, entry(b"x"), bytes(64), b"x" * 100_000,
                     entry(b"x", size=3) + struct.pack("<IIQ", DATA, 12, 2**63) + b"abcd"):
            (self.folder / "says").write_bytes(says)
            self.refuse(self.tar, "makes no sense", program=self.impostor(f"cat >/dev/null; cat {self.folder}/says"))
        self.refuse(self.tar, "makes no sense", program=self.impostor("exec cat /dev/zero"))
        self.refuse(self.tar, "status 7: of my own will", program=self.impostor("echo of my own will >&2; exit 7"))
        self.refuse(self.tar, "makes no sense", program=self.impostor("cat >/dev/null"))


if __name__ == "__main__":
    unittest.main()
