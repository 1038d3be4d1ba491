# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random situations: the same number is always the same situation."""

import random

from sysupdate_bench import SOURCE, TARGET, Case, transfer
from sysupdate_cases import COUNTED

VERSIONS = ["1", "2", "3", "3.1", "10", "1a", "2-1", "0.9"]


def random_case(number):
    dice = random.Random(number)
    definitions, files = {}, []
    for name in "abc"[: dice.randint(1, 3)]:
        settings = [f"ProtectVersion={dice.choice(VERSIONS)}" for _ in range(dice.choice((0, 0, 1, 2)))]
        if dice.random() < 0.25:
            settings.append(f"MinVersion={dice.choice(VERSIONS)}")
        if name != "a" and dice.random() < 0.3:
            settings.append(dice.choice(("Features=x", "Features=y", "RequisiteFeatures=x", "Features=x y", "RequisiteFeatures=x y")))
        counted = dice.random() < 0.3
        more = dice.choice(("", "InstancesMax=2\n", "InstancesMax=4\n"))
        if dice.random() < 0.2:
            more += "CurrentSymlink=now\n".replace("now", "now-" + name)
        more += dice.choice(("", "", "ReadOnly=yes\n", "Mode=0600\n", "TriesLeft=1\n"))
        definitions[f"{name}.transfer"] = transfer("\n".join(settings), SOURCE, (COUNTED if counted else TARGET) + more, name)
        for version in dice.sample(VERSIONS, dice.randint(0, 5)):
            suffix = dice.choice((".efi", "+3.efi", "+2-1.efi", "+0-3.efi")) if counted else ".raw"
            files.append(f"t/{name}_{version}{suffix}")
        files += [f"src/{name}_{version}.raw" for version in dice.sample(VERSIONS, dice.randint(0, 6))]
        if dice.random() < 0.1:
            files.append(f"t/.#sysupdate{name}_1.raw0123456789abcdef")
    if dice.random() < 0.5:
        definitions["x.feature"] = "[Feature]\nEnabled=" + dice.choice(("yes", "no")) + "\n"
    version = dice.choice(VERSIONS)
    words = dice.choice((["list"], ["list", "--json=short"], ["list", version], ["list", version, "--json=short"], ["check-new"], ["vacuum", "--json=short"],
                         ["vacuum", "-m", dice.choice("123")], ["--verify=no", "update"], ["--verify=no", "update", version], ["--verify=no", "update"], ["--verify=no", "update", version, "-m", "2"]))
    return Case(f"random {number}", words, files, definitions)
