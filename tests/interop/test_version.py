#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`preonctl version compare` says what `systemd-analyze compare-versions` says: same words, same exit status."""

import random
import subprocess
import unittest

PARTS = ["0", "1", "00", "2", "10", "007", "99999999999999999999", "a", "b", "rc", "RC", "~", "^", "-", ".", "_", "+", ":", "~~", "..", "é"]


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def ours(*words):
    return run("preonctl", "version", "compare", *words)


def theirs(*words):
    return run("systemd-analyze", "compare-versions", *words)


class Versions(unittest.TestCase):
    def agree(self, *words):
        self.assertEqual(ours("--", *words), theirs("--", *words), words)

    def test_words_people_write(self):
        for a, b in [("1.2", "1.10"), ("1", "1"), ("1~rc1", "1"), ("1.0-1", "1.0"), ("1.0^git", "1.0"), ("", "1"), ("1", ""), ("v2", "2"), ("-1", "1")]:
            self.agree(a, b)

    def test_operators(self):
        for operator in ["<", "<=", "==", "!=", ">=", ">", "lt", "le", "eq", "ne", "ge", "gt"]:
            for a, b in [("1", "2"), ("2", "1"), ("1", "1")]:
                self.agree(a, operator, b)

    def test_an_unknown_operator_fails(self):
        self.assertEqual(ours("1", "foo", "2")[0], theirs("1", "foo", "2")[0])

    def test_three_hundred_made_up_pairs(self):
        dice = random.Random(20261122)
        for _ in range(300):
            a, b = ("".join(dice.choices(PARTS, k=dice.randint(0, 5))) for _ in range(2))
            with self.subTest(a=a, b=b):
                self.agree(a, b)


if __name__ == "__main__":
    unittest.main()
