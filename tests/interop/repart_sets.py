# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sets of partition definitions, each with the disk that it meets and the options it is applied with."""

from dataclasses import dataclass, field

MIB = 1 << 20
GPT = "label: gpt\nlabel-id: 11111111-2222-4333-8444-555555555555\n"
ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
HOME = "933AC7E1-2EB4-4F13-B844-0E14E2AEF915"
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"


def entry(number, start, size, kind, name="", identity=None, attributes=""):
    identity = identity or f"{number:08x}-1111-4111-8111-111111111111"
    text = f"x{number} : start={start}, size={size}, type={kind}, uuid={identity}"
    return text + (f', name="{name}"' if name else "") + (f', attrs="{attributes}"' if attributes else "") + "\n"


@dataclass
class Step:
    """One run: definitions by file name (sections are written for you), and options."""

    definitions: dict
    options: list = field(default_factory=lambda: ["--empty=allow"])


@dataclass
class Set:
    name: str
    steps: list
    size: int = 400 * MIB
    table: str = ""  # for sfdisk; "": an empty disk
    files: dict = field(default_factory=dict)  # name: bytes, beside the disk; "@" in definitions is their folder
    sector: int = 512  # of the table there is
    exact: bool = False  # what the partitions hold is compared byte by byte


def one(name, *settings, **more):
    """A set of one step: the definitions in the order given."""
    options = more.pop("options", ["--empty=allow"])
    return Set(name, [Step({f"{10 + i}-p.conf": text for i, text in enumerate(settings)}, options)], **more)


MODEL = {
    "10-esp.conf": "Type=esp\nSizeMinBytes=48M\nSizeMaxBytes=48M\n",
    "20-usr-a.conf": "Type=usr\nLabel=Particle_1\nSizeMinBytes=64M\nSizeMaxBytes=64M\n",
    "21-verity-a.conf": "Type=usr-verity\nLabel=Particle_1\nSizeMinBytes=4M\nSizeMaxBytes=4M\n",
    "22-sig-a.conf": "Type=usr-verity-sig\nLabel=Particle_1\nSizeMinBytes=16K\nSizeMaxBytes=16K\n",
}
FIRST_BOOT = MODEL | {
    "30-usr-b.conf": "Type=usr\nLabel=_empty\nSizeMinBytes=64M\nSizeMaxBytes=64M\n",
    "31-verity-b.conf": "Type=usr-verity\nLabel=_empty\nSizeMinBytes=4M\nSizeMaxBytes=4M\n",
    "32-sig-b.conf": "Type=usr-verity-sig\nLabel=_empty\nSizeMinBytes=16K\nSizeMaxBytes=16K\n",
    "50-root.conf": "Type=root\nSizeMinBytes=80M\nWeight=2000\nFactoryReset=yes\n",
    "60-home.conf": "Type=home\nSizeMinBytes=40M\nWeight=3000\nFactoryReset=yes\n",
}

SETS = [
    one("a single partition takes the disk", "Type=home\n"),
    one("weights share what minimums leave", "Type=root\nWeight=333\n", "Type=home\nWeight=1000\nSizeMinBytes=200M\n", "Type=var\nWeight=1\n"),
    one("maximums give to the others", "Type=root\nSizeMaxBytes=50M\n", "Type=home\n", "Type=srv\nSizeMaxBytes=33333333\n"),
    one("paddings fixed, bounded and weighted", "Type=root\nPaddingMinBytes=10M\nPaddingMaxBytes=10M\n", "Type=home\nPaddingWeight=500\n",
        "Type=srv\nPaddingMinBytes=5000000\n"),
    one("nothing but maximums leaves room", "Type=root\nSizeMaxBytes=20M\n", "Type=home\nSizeMaxBytes=20M\nPaddingMaxBytes=7M\n"),
    one("sizes are rounded", "Type=root\nSizeMinBytes=20000001\nSizeMaxBytes=30000001\n", "Type=home\nSizeMaxBytes=5000\n"),
    one("labels follow the type and are numbered", *["Type=home\n"] * 3, "Type=linux-generic\n", "Type=12345678-1234-4234-8234-123456789abc\n",
        "Type=srv\nLabel=home-4\n", "Type=home\n", "Type=var\nLabel=\n"),
    one("identities from definitions", "Type=root\nUUID=6e6e6e6e222244448888123412341234\n", "Type=home\nUUID=null\n", "Type=srv\nUUID=nonsense\n",
        "Type=root\nLabel=äöü €\n"),
    one("flags and what implies them", "Type=root\nReadOnly=yes\n", "Type=home\nNoAuto=yes\nGrowFileSystem=no\n", "Type=usr-verity\n",
        "Type=swap\nNoAuto=yes\nReadOnly=yes\n", "Type=esp\nGrowFileSystem=yes\n", "Type=srv\nFlags=0x8001000000000000\n", "Type=var\nFlags=1\n"),
    one("priorities decide who is dropped", "Type=root\nSizeMinBytes=100M\n", "Type=home\nSizeMinBytes=300M\nPriority=10\n",
        "Type=srv\nSizeMinBytes=200M\nPriority=5\n", "Type=var\nPriority=-5\n"),
    one("what cannot fit fails", "Type=root\nSizeMinBytes=1G\n"),
    one("bad definitions fail", "Type=root\nSizeMinBytes=20M\nSizeMaxBytes=10M\n"),
    one("an unknown type fails", "Type=nonsense\n"),
    one("unknown settings are passed over", "Type=root\nNonsense=1\nWeight=x\nPriority=x\nReadOnly=perhaps\n[Other]\nA=b\n"),
    one("without a table refuse says 77", "Type=root\n", options=["--empty=refuse"]),
    one("with a table require says 77", "Type=root\n", options=["--empty=require"], table=GPT),
    one("with a DOS table allow says 77", "Type=root\n", table="label: dos\nlabel-id: 0x12345678\n2048,20480,83\n"),
    one("force forgets what was there", "Type=root\n", options=["--empty=force"], table=GPT + entry(1, 2048, 20480, HOME)),
    one("no definitions make an empty table"),
    Set("the model's image, then its first boot", [Step(MODEL), Step(FIRST_BOOT, ["--empty=refuse"])]),
    Set("two passes with deferred partitions", [Step(FIRST_BOOT, ["--empty=allow", "--defer-partitions=home"]), Step(FIRST_BOOT)]),
    Set("a second run changes nothing", [Step(FIRST_BOOT), Step(FIRST_BOOT), Step(FIRST_BOOT)]),
    Set("a disk that grew", [Step(FIRST_BOOT), Step(FIRST_BOOT, ["--empty=refuse", "--size=700M"])]),
    one("foreign partitions stay, gaps are used, numbers are filled", "Type=home\nSizeMinBytes=20M\nSizeMaxBytes=20M\n", "Type=root\n", "Type=home\n",
        table=GPT + entry(5, 2048, 20480, ESP, "EFI") + entry(2, 81920, 20480, LINUX, "data", attributes="RequiredPartition GUID:60")
        + entry(9, 204800, 40960, HOME)),
    one("existing ones grow to their minimum, or are given up by priority", "Type=esp\nSizeMinBytes=30M\nPriority=3\n", "Type=linux-generic\nSizeMinBytes=20M\n",
        table=GPT + entry(1, 2048, 20480, ESP, "EFI") + entry(2, 22528, 20480, LINUX, "data")),
    one("an existing one that must grow and cannot fails", "Type=esp\nSizeMinBytes=30M\n",
        table=GPT + entry(1, 2048, 20480, ESP, "EFI") + entry(2, 22528, 20480, LINUX, "data")),
    one("partitions left out", "Type=root\nSizeMinBytes=20M\nSizeMaxBytes=10M\n", "Type=home\n", options=["--empty=allow", "--exclude-partitions=root"]),
    one("only these partitions", "Type=root\n", "Type=home\n", "Type=swap\n", options=["--empty=allow", "--include-partitions=home,swap"]),
    one("another architecture", "Type=root\n", "Type=usr-verity\n", options=["--empty=allow", "--architecture=arm64"]),
    one("sectors of 4096", "Type=esp\n", "Type=home\nSizeMaxBytes=50M\n", options=["--empty=allow", "--sector-size=4096"]),
    one("a new file", "Type=esp\n", "Type=home\n", options=["--empty=create", "--size=123456789"], size=0),
    one("a new file as small as can be", "Type=esp\n", "Type=root\nSizeMinBytes=64M\nPaddingMinBytes=3M\n", options=["--empty=create", "--size=auto"], size=0),
    one("copied blocks", "Type=linux-generic\nCopyBlocks=@/blocks\n", "Type=home\n", files={"blocks": bytes(range(256)) * 60000}),
    one("copied blocks of an odd size fail", "Type=linux-generic\nCopyBlocks=@/blocks\n", files={"blocks": b"x" * 1000}),
    one("file systems", "Type=esp\nFormat=vfat\nSizeMinBytes=40M\n", "Type=root\nFormat=ext4\n", "Type=home\nFormat=btrfs\n", "Type=swap\n", size=900 * MIB),
    one("an encrypted one", "Type=home\nEncrypt=key-file\nFormat=ext4\n", "Type=root\n", options=["--empty=allow", "--key-file=@/key", "--offline=yes"], files={"key": b"k" * 32}),
    Set("drop-ins and masks", [Step({"10-a.conf": "Type=root\n", "10-a.conf.d/5.conf": "Label=five\nSizeMaxBytes=50M\n", "10-a.conf.d/7.conf": "Label=seven\n",
                                     "20-b.conf": None, "30-c.conf": "Type=home\n"})]),
    one("a tiny disk", "Type=home\nSizeMinBytes=4K\n", size=2 * MIB),
]
