# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sets of definitions that nobody thought of: made up from a number, the same for all time."""

import random

from repart_sets import ESP, GPT, HOME, LINUX, MIB, Set, Step, entry


def random_set(number):
    """Definitions, a disk and an (aligned) table made up from a number; the same for all time."""
    dice = random.Random(number)
    size = dice.randrange(30, 300) * MIB
    sector = dice.choice([512, 512, 4096])
    options = ["--sector-size=4096"] if sector == 4096 else dice.choice([[], [], ["--sector-size=512"]])
    table = ""
    if dice.random() < 0.6:
        grain = 4096 // sector  # sectors
        table, at = GPT, MIB // sector + dice.choice([0, grain, 2 * MIB // sector])
        numbers = dice.sample(range(1, 12), 5)
        for index in numbers[: dice.randrange(0, 5)]:
            length = grain * dice.randrange(1, 5000)
            if at + length > size // sector - 2 * MIB // sector:
                break
            table += entry(index, at, length, dice.choice([ESP, HOME, LINUX]), dice.choice(["", "home", "old", "root-x86-64"]), attributes=dice.choice(["", "", "GUID:59", "RequiredPartition"]))
            at += length + grain * dice.choice([0, 0, 1, 256, dice.randrange(0, 5000)])
    first = random_definitions(dice)
    mode = dice.choice(["allow"] * 5 + ["force", "require", "refuse"])
    steps = [Step(first, ["--empty=" + mode, *options, *dice.choice([[]] * 8 + [["--defer-partitions=home,swap"], ["--exclude-partitions=root,usr"], ["--size=320M"] if sector == 512 else []])])]
    if dice.random() < 0.4:
        more = dice.choice([[], [], ["--factory-reset=yes"]])
        steps.append(Step(first if dice.random() < 0.5 else random_definitions(dice), ["--empty=allow", *options, *more]))
    return Set(f"random {number}", steps, size, table, sector=sector)


def random_definitions(dice):
    kinds = ["esp", "usr", "home", "root", "xbootldr", "usr-verity", "usr-verity-sig", "srv", "var", "tmp", "linux-generic", "user-home", "12345678-1234-4234-8234-123456789abc"]
    def size(low, high):
        return dice.choice([dice.randrange(low, high), dice.randrange(low // MIB, high // MIB) * MIB])

    definitions = {}
    for index in range(dice.randrange(0, 6)):
        text = f"Type={dice.choice(kinds[: dice.choice([3, 7, 13])])}\n"
        for chance, key, value in [
            (0.5, "SizeMinBytes", lambda: size(0, 40 * MIB)),
            (0.3, "SizeMaxBytes", lambda: size(40 * MIB, 80 * MIB)),
            (0.25, "PaddingMinBytes", lambda: size(0, 10 * MIB)),
            (0.2, "PaddingMaxBytes", lambda: size(10 * MIB, 20 * MIB)),
            (0.4, "Weight", lambda: dice.choice([0, 1, 10, 333, 999999, 1000000])),
            (0.2, "PaddingWeight", lambda: dice.choice([0, 1, 500, 1000000])),
            (0.2, "Priority", lambda: dice.choice([-1, 0, 1, 2, 10])),
            (0.2, "Label", lambda: dice.choice(["", "x", "äöü", "home", "%o", "root-x86-64", "linux"])),
            (0.1, "Flags", lambda: dice.choice(["0", "0x8000000000000000", "1", "0x0800000000000000"])),
            (0.15, "ReadOnly", lambda: dice.choice(["yes", "no", ""])),
            (0.15, "NoAuto", lambda: dice.choice(["yes", "no"])),
            (0.15, "GrowFileSystem", lambda: dice.choice(["yes", "no"])),
            (0.2, "FactoryReset", lambda: dice.choice(["yes", "no"])),
            (0.1, "SupplementFor", lambda: dice.choice(list(definitions) or ["x.conf"]).split(".conf")[0]),
        ]:
            if dice.random() < chance:
                text += f"{key}={value()}\n"
        name = f"{dice.randrange(10, 99)}-{index}.conf"
        definitions[name] = text
        if dice.random() < 0.1:
            definitions[name + ".d/x.conf"] = "Label=dropped in\n"
    if dice.random() < 0.1:
        priority = dice.choice(["", "Priority=3\n"])
        definitions["40-data.conf"] = f"Type=usr\nVerity=data\nVerityMatchKey=u\nSizeMaxBytes={size(40 * MIB, 80 * MIB)}\n" + priority
        definitions["95-hash.conf"] = "Type=usr-verity\nVerity=hash\nVerityMatchKey=u\n" + priority
    return definitions
