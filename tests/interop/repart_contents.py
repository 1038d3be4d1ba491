# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sets of definitions that fill their partitions, and the folder tree that they are filled from."""

import os
import stat
from pathlib import Path

from repart_sets import MIB, Set, Step

WHEN = 1234567890
HASH_SEED = "-E hash_seed=11111111-2222-4333-8444-555555555555"


def make_tree(folder):
    """Everything that a system's tree may hold; the same at every call."""
    folder = Path(folder)
    for name in ("a/b/c", "usr/bin", "usr/lib/empty", "etc/sub", "home/x", "proc/1", "var/tmp/x", "run", "boot/EFI/Linux", "efi/EFI", "with blank", "srv"):
        (folder / name).mkdir(parents=True)
    files = {"a/f": b"hello\n", "a/b/large": bytes(range(256)) * 9000, "usr/bin/prog": b"\x7fELF" + b"x" * 70000, "etc/conf": b"", "etc/sub/secret": b"s" * 5000,
             "home/x/file": b"home", "proc/1/cmdline": b"no", "var/tmp/x/junk": b"no", "run/junk": b"no", "boot/EFI/Linux/kernel.efi": b"k" * 300000,
             "efi/EFI/loader.conf": b"timeout 3\n", "with blank/f g": b"blank", "usr/lib/data": b"d" * 4096, "srv/s": b"s"}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    os.link(folder / "a/f", folder / "a/b/hard")
    os.link(folder / "a/f", folder / "usr/lib/hard")
    (folder / "a/link").symlink_to("f")
    (folder / "a/dangling").symlink_to("/nowhere/at/all")
    (folder / "lib").symlink_to("usr/lib")
    (folder / "a/loop").symlink_to("../a")
    os.truncate(folder / "a/b/large", 5 * MIB)
    os.mkfifo(folder / "a/fifo", 0o640)
    os.mknod(folder / "a/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.chmod(folder / "usr/bin/prog", 0o4755)
    os.chmod(folder / "etc/sub", 0o2750)
    os.chown(folder / "etc/sub/secret", 1000, 1001)
    os.lchown(folder / "a/link", 33, 34)
    os.chown(folder / "home/x", 60513, 60513)
    os.setxattr(folder / "a/f", "user.test", b"value")
    os.setxattr(folder / "usr/lib", "user.folder", b"folder")
    for top, names, others in os.walk(folder, topdown=False):
        for name in names + others:
            os.utime(Path(top) / name, (WHEN, WHEN), follow_symlinks=False)
    os.utime(folder, (WHEN, WHEN))


def filled(name, *settings, **more):
    """A new image from the tree; its partitions' bytes are compared."""
    options = more.pop("options", [])
    definitions = {f"{10 + i}-p.conf": text for i, text in enumerate(settings)}
    return Set(name, [Step(definitions, ["--empty=create", "--size=auto", "--offline=yes", "--root=@/tree", *options])], size=0, exact=more.pop("exact", True), **more)


VERITY = "Type=root\nFormat=erofs\nCopyFiles=/\nMinimize=best\nVerity=data\nVerityMatchKey=r\n"
HASHES = "Type=root-verity\nVerity=hash\nVerityMatchKey=r\nMinimize=best\n"
SIGNATURE = "Type=root-verity-sig\nVerity=signature\nVerityMatchKey=r\n"
SIGNED = ["--private-key=@/key.pem", "--certificate=@/cert.pem"]
USR = "Type=usr\nFormat=erofs\nCopyFiles=/usr:/\nMinimize=best\n"

CONTENTS = [
    filled("erofs as small as can be", "Type=root\nFormat=erofs\nCopyFiles=/\nMinimize=best\n"),
    filled("erofs compressed", "Type=usr\nFormat=erofs\nCopyFiles=/usr:/\nMinimize=best\nCompression=lz4hc\nCompressionLevel=9\n"),
    filled("erofs in a partition of its own size", "Type=usr\nFormat=erofs\nCopyFiles=/usr:/\nSizeMinBytes=20M\n"),
    filled("erofs that does not fit fails", "Type=usr\nFormat=erofs\nCopyFiles=/\nSizeMaxBytes=64K\n"),
    filled("squashfs", "Type=usr\nFormat=squashfs\nCopyFiles=/usr:/\nMinimize=guess\nCompression=zstd\nCompressionLevel=3\n"),
    filled("ext4 with everything", "Type=root\nFormat=ext4\nCopyFiles=/\nMakeDirectories=/new/folder /other\nMakeSymlinks=/new/link:target /l:/x\n"),
    filled("ext4 measured", "Type=root\nFormat=ext4\nCopyFiles=/\nMinimize=guess\n"),
    filled("vfat", "Type=esp\nFormat=vfat\nCopyFiles=/boot:/ \nCopyFiles=/efi:/\nSizeMinBytes=300M\n"),
    filled("vfat is what an ESP is filled as", "Type=esp\nCopyFiles=/boot:/\nSizeMinBytes=280M\n"),
    filled("btrfs and xfs hold what ext4 holds", "Type=home\nFormat=btrfs\nCopyFiles=/home:/\n", "Type=srv\nFormat=xfs\nCopyFiles=/srv:/\n", exact=False),
    filled("excluded files", "Type=root\nFormat=ext4\nCopyFiles=/\nExcludeFiles=/usr /etc/sub/ /a/f\nExcludeFilesTarget=/home /boot/\n"),
    filled("excluded by target below another folder", "Type=root\nFormat=erofs\nMinimize=best\nCopyFiles=/usr:/system\nExcludeFilesTarget=/system/lib\n"),
    filled("single files, and folders made for them", "Type=root\nFormat=erofs\nMinimize=best\nCopyFiles=/a/f:/deep/er/name\nCopyFiles=/etc/conf\n"),
    filled("a file over a file fails", "Type=root\nFormat=erofs\nMinimize=best\nCopyFiles=/a:/a\nCopyFiles=/etc/conf:/a/f\n"),
    filled("a file to the root fails", "Type=root\nFormat=erofs\nMinimize=best\nCopyFiles=/a/f:/\n"),
    filled("merged folders", "Type=root\nFormat=erofs\nMinimize=best\nCopyFiles=/a:/m\nCopyFiles=/usr:/m\nCopyFiles=/etc:/m/b\n"),
    filled("what is not there is skipped", "Type=home\nFormat=erofs\nMinimize=best\nCopyFiles=/nowhere\nCopyFiles=/home:/h\n"),
    filled("links in paths stay below the root", "Type=root\nFormat=erofs\nMinimize=best\nCopyFiles=/lib:/lib\nCopyFiles=/a/loop/b:/b\n"),
    filled("root leaves room for other partitions", "Type=root\nFormat=erofs\nCopyFiles=/\nMinimize=best\n", USR, "Type=home\nFormat=ext4\nCopyFiles=/home:/\n"),
    filled("specifiers in paths", "Type=home\nFormat=erofs\nMinimize=best\nCopyFiles=/home:/%o-%%\nMakeDirectories=/%a\n"),
    filled("strange paths are passed over", "Type=home\nFormat=erofs\nMinimize=best\nCopyFiles=home\nCopyFiles=/a/../b\nCopyFiles=/home//x/./:/y/\nMakeDirectories=x /../y \"/q q\"\nMakeSymlinks=/x a:b\n"),
    filled("too many fields fail", "Type=home\nFormat=ext4\nCopyFiles=/a:/b:c\n"),
    filled("escapes and quotes", "Type=home\nFormat=erofs\nMinimize=best\nCopyFiles=/with\\x20blank:/w\\tb\nMakeDirectories='/in quotes' /esc\\ aped\n"),
    filled("another copy source", "Type=home\nFormat=erofs\nMinimize=best\nCopyFiles=/b:/\n", options=["--copy-source=@/tree/a"]),
    filled("verity, all made as small as can be", VERITY, HASHES),
    filled("verity with a signature", VERITY, HASHES, SIGNATURE, options=SIGNED),
    filled("verity of usr in partitions of fixed sizes", "Type=usr\nFormat=erofs\nCopyFiles=/usr:/\nVerity=data\nVerityMatchKey=u\nSizeMinBytes=16M\nSizeMaxBytes=16M\n",
           "Type=usr-verity\nVerity=hash\nVerityMatchKey=u\n", "Type=usr-verity-sig\nVerity=signature\nVerityMatchKey=u\n", options=SIGNED),
    filled("verity over ext4, blocks of 1024 and 512", "Type=root\nFormat=ext4\nCopyFiles=/a:/\nSizeMaxBytes=40M\nVerity=data\nVerityMatchKey=r\n",
           "Type=root-verity\nVerity=hash\nVerityMatchKey=r\nVerityDataBlockSizeBytes=1024\nVerityHashBlockSizeBytes=512\n"),
    filled("verity whose tree does not fit fails", "Type=usr\nFormat=ext4\nCopyFiles=/usr:/\nVerity=data\nVerityMatchKey=u\n",
           "Type=usr-verity\nVerity=hash\nVerityMatchKey=u\nSizeMinBytes=4K\nSizeMaxBytes=4K\n"),
    filled("verity over copied blocks", "Type=usr\nCopyBlocks=/blocks.img\nVerity=data\nVerityMatchKey=u\n", "Type=usr-verity\nVerity=hash\nVerityMatchKey=u\nMinimize=best\n"),
    filled("a signature without a key fails", VERITY, HASHES, SIGNATURE),
    filled("verity without its tree fails", VERITY),
    filled("verity with two trees fails", VERITY, HASHES, HASHES),
    filled("verity siblings of two priorities fail", VERITY, HASHES + "Priority=3\n"),
    filled("verity without a key to match fails", "Type=usr\nVerity=data\n"),
    filled("a match key without verity fails", "Type=usr\nVerityMatchKey=u\n"),
    filled("verity may not be encrypted", VERITY + "Encrypt=key-file\n", HASHES),
    filled("minimizing needs a format", "Type=usr\nMinimize=best\n"),
    filled("best is for what is read-only", "Type=usr\nFormat=ext4\nMinimize=best\nCopyFiles=/usr\n"),
    filled("a default subvolume must be one", "Type=home\nFormat=btrfs\nDefaultSubvolume=/x\nMakeDirectories=/x\n"),
    filled("block sizes that are none fail", "Type=usr\nVerityHashBlockSizeBytes=8192\n"),
    filled("block sizes between powers fail", "Type=usr\nVerityDataBlockSizeBytes=513\n"),
    filled("split", USR, "Type=esp\nFormat=vfat\nSizeMinBytes=270M\nSplitName=boot-%t-%n\n", "Type=srv\nSplitName=-\n", options=["--split=yes"]),
    filled("split with verity", VERITY + "SplitName=%t.%U\n", HASHES + "SplitName=%t.%U\n", SIGNATURE + "SplitName=%T\n", options=["--split=yes", *SIGNED]),
    filled("split into one name fails", USR + "SplitName=x\n", "Type=srv\nSplitName=x\n", options=["--split=yes"]),
    filled("tables for mounting", "Type=root\nFormat=ext4\nCopyFiles=/etc\nMountPoint=/\nMountPoint=/r:x-systemd.growfs\n",
           "Type=esp\nFormat=vfat\nSizeMinBytes=270M\nMountPoint=/efi:umask=0022\nMountPoint=/no\\x20way\nMountPoint=bad\nMountPoint=/a:b:c\n", "Type=srv\nMountPoint=/srv\n",
           options=["--generate-fstab=/etc/fstab", "--generate-crypttab=/etc/crypttab"], exact=False),
    filled("the table of encrypted volumes", "Type=home\nFormat=ext4\nEncrypt=key-file\nEncryptedVolume=home:/key:discard\n", "Type=var\nFormat=ext4\nEncrypt=key-file\nEncryptedVolume=var\n",
           "Type=srv\nFormat=ext4\nEncrypt=key-file\nEncryptedVolume=a/b\n", options=["--generate-crypttab=/etc/crypttab", "--key-file=@/key"], exact=False),
    filled("a table that is there already fails", "Type=srv\nFormat=ext4\nMountPoint=/srv\n", options=["--generate-fstab=/etc/conf"]),
    filled("copied from another image", "Type=home\nFormat=ext4\n", options=["--copy-from=@/other.img"]),
    filled("copied from another image with other sectors", options=["--copy-from=@/other.img", "--sector-size=2048", "--definitions=@/none"]),
    filled("copied from what is no image fails", options=["--copy-from=@/key"]),
    filled("sectors of 4096 and contents", "Type=root\nFormat=ext4\nCopyFiles=/a:/\n", "Type=esp\nFormat=vfat\nSizeMinBytes=280M\n", VERITY.replace("root", "usr"), HASHES.replace("root", "usr"),
           options=["--sector-size=4096"]),
    filled("sectors of 512 and contents", "Type=root\nFormat=ext4\nCopyFiles=/a:/\n", "Type=esp\nFormat=vfat\nSizeMinBytes=40M\n", VERITY.replace("root", "usr"), HASHES.replace("root", "usr"),
           options=["--sector-size=512"]),
    filled("deferred partitions are measured, not made", USR, "Type=home\nFormat=ext4\nCopyFiles=/home:/\n", options=["--defer-partitions=home"]),
    filled("a portable service", options=["--make-ddi=portable", "--copy-source=@/tree", *SIGNED]),
    filled("a DDI of no kind fails", options=["--make-ddi=nonsense", "--copy-source=@/tree"]),
    filled("copied blocks of this machine below another root fail", "Type=root\nCopyBlocks=auto\n"),
    filled("copied blocks of a device below another root fail", "Type=root\nCopyBlocks=/a/null\n"),
]

SUPPLEMENTS = {
    "10-esp.conf": "Type=esp\nFormat=vfat\nSizeMinBytes=280M\nCopyFiles=/efi:/\n",
    "20-boot.conf": "Type=xbootldr\nSizeMinBytes=300M\nSupplementFor=10-esp\nCopyFiles=/boot:/\nMakeDirectories=/loader\n",
    "30-root.conf": "Type=root\nSizeMinBytes=20M\n",
}
ALLOW = ["--empty=allow", "--offline=yes", "--root=@/tree"]
ESP_THERE = "label: gpt\nlabel-id: 11111111-2222-4333-8444-555555555555\nx1 : start=2048, size={}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=00000001-1111-4111-8111-111111111111, name=\"esp\"\n"
RESET = {"10-root.conf": "Type=root\nSizeMinBytes=20M\nSizeMaxBytes=40M\nFactoryReset=yes\n", "20-srv.conf": "Type=srv\nSizeMaxBytes=20M\n",
         "30-home.conf": "Type=home\nSizeMinBytes=30M\nFactoryReset=yes\n"}

# systemd-repart 257 joins the two lists of files without ending the new one, and mostly crashes.
CRASHES = Set("a supplement is merged", [Step(SUPPLEMENTS, ALLOW)], 700 * MIB)

PLANS = [
    Set("a supplement is merged in the plan", [Step(SUPPLEMENTS, [*ALLOW, "--defer-partitions=esp"])], 700 * MIB),
    Set("a supplement stands for itself where the ESP cannot grow", [Step(SUPPLEMENTS, ALLOW)], 700 * MIB, table=ESP_THERE.format(2048 * 50) + "x2 : start=104448, size=20480, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=00000002-1111-4111-8111-111111111111\n"),
    Set("a supplement stands for itself once it is there", [Step(SUPPLEMENTS, ALLOW), Step(SUPPLEMENTS, ALLOW)], 1000 * MIB, table=ESP_THERE.format(2048 * 290)),
    Set("supplements that merge by halves", [Step({"10-a.conf": "Type=srv\nSizeMinBytes=50M\nSizeMaxBytes=90M\nPaddingMinBytes=4M\nWeight=10\n", "11-b.conf":
        "Type=var\nSizeMinBytes=30M\nSizeMaxBytes=60M\nWeight=500\nSupplementFor=10-a\n", "12-c.conf": "Type=home\nPriority=4\nSizeMinBytes=60M\n", "13-d.conf":
        "Type=tmp\nSupplementFor=12-c\nPaddingMinBytes=2M\nSizeMaxBytes=70M\n"}, ["--empty=allow"])], 200 * MIB),
    Set("a supplement without its target fails", [Step({"10-a.conf": "Type=srv\nSupplementFor=99-x\n"}, ["--empty=allow"])]),
    Set("a supplement of a supplement fails", [Step({"10-a.conf": "Type=srv\n", "11-b.conf": "Type=srv\nSupplementFor=10-a\n", "12-c.conf": "Type=srv\nSupplementFor=11-b\n"}, ["--empty=allow"])]),
    Set("two supplements of one fail", [Step({"10-a.conf": "Type=srv\n", "11-b.conf": "Type=srv\nSupplementFor=10-a\n", "12-c.conf": "Type=srv\nSupplementFor=10-a\n"}, ["--empty=allow"])]),
    Set("supplements whose sizes cannot meet fail", [Step({"10-a.conf": "Type=srv\nSizeMaxBytes=20M\n", "11-b.conf": "Type=srv\nSizeMinBytes=30M\nSupplementFor=10-a\n"}, ["--empty=allow"])]),
    Set("a supplement of copied blocks fails", [Step({"10-a.conf": "Type=srv\nCopyBlocks=/x\n", "11-b.conf": "Type=srv\nSupplementFor=10-a\n"}, ["--empty=allow"])]),
    Set("a factory reset", [Step(RESET, ["--empty=allow"]), Step({"05-usr.conf": "Type=usr\nSizeMaxBytes=30M\n"} | RESET, ["--factory-reset=yes"])]),
    Set("a factory reset of nothing", [Step({"20-srv.conf": "Type=srv\n"}, ["--empty=allow"]), Step({"20-srv.conf": "Type=srv\n"}, ["--factory-reset=yes"])]),
    Set("whether a factory reset is possible", [Step(RESET, ["--empty=allow"]), Step(RESET, ["--can-factory-reset"]), Step({"20-srv.conf": "Type=srv\n"}, ["--can-factory-reset"])]),
    Set("a factory reset of a new table fails", [Step(RESET, ["--empty=force", "--factory-reset=yes"])]),
    Set("a verity trio is given up together", [Step({"10-a.conf": "Type=home\nSizeMinBytes=150M\n", "20-d.conf": "Type=usr\nFormat=ext4\nCopyFiles=/usr:/\nVerity=data\nVerityMatchKey=u\nPriority=2\nSizeMinBytes=60M\n",
        "21-h.conf": "Type=usr-verity\nVerity=hash\nVerityMatchKey=u\nPriority=2\n"}, [*ALLOW])], 200 * MIB),
    Set("a tree's size follows its data's", [Step({"20-d.conf": "Type=usr\nVerity=data\nVerityMatchKey=u\nSizeMaxBytes=300M\n", "21-h.conf": "Type=usr-verity\nVerity=hash\nVerityMatchKey=u\n"}, ["--empty=allow"])]),
    Set("a size for a file that is larger already", [Step({"a.conf": "Type=home\n"}, ["--empty=allow", "--size=100M"])]),
    Set("as small as can be, on a disk that has something", [Step({"a.conf": "Type=home\nSizeMaxBytes=20M\n"}, ["--empty=allow"]), Step({"a.conf": "Type=home\n", "b.conf": "Type=srv\nSizeMinBytes=500M\n"}, ["--size=auto"])], 60 * MIB),
    Set("words that make no sense fail", [Step({"a.conf": "Type=home\n"}, [option]) for option in ("--empty=x", "--size=x", "--size=0", "--seed=x", "--sector-size=1000", "--json=x",
        "--architecture=x", "--offline=x", "--split=x", "--factory-reset=x", "--include-partitions=x", "--tpm2-pcrs=99", "--tpm2-pcrs=7:nonsense", "--key-file=@/none", "--private-key=@/key",
        "--certificate=@/key", "--copy-from=@/none", "--nonsense", "--root=@/none", "--make-ddi=sysext")]),
    Set("lists in lists", [Step({"a.conf": "Type=home\n", "b.conf": "Type=srv\n", "c.conf": "Type=var\n"}, ["--empty=allow", "--include-partitions=home", "--include-partitions=srv,var"])]),
    Set("a comma too many fails", [Step({"a.conf": "Type=home\n"}, ["--empty=allow", "--include-partitions=home,"])]),
    Set("both lists fail", [Step({"a.conf": "Type=home\n"}, ["--empty=allow", "--include-partitions=home", "--exclude-partitions=srv"])]),
]
