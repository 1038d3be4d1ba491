#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Volumes bound to a TPM with the systemd-cryptenroll of Debian forky: `preonctl luks` opens what it enrols (a form that is newer than ours is refused in
words), it unlocks with what we enrol."""

import re
import unittest

from newer import newer, version
from test_luks import FORMS, PIN, Case

ENROL = newer("systemd-cryptenroll")


def direct(option):
    """The PIN goes to the TPM as it did before 262."""
    return "--tpm2-with-pin=direct" if option == "--tpm2-with-pin=yes" else option


class Newer(Case):
    def enrol(self, *options, check=True):
        return self.run_tool(*ENROL, *options, self.volume, check=check, PIN=PIN, NEWPIN=PIN)

    def test_each_form(self):
        tpm = self.make_tpm()
        self.make_policy_key()
        self.sign(tpm)
        for name, (options, pin) in FORMS.items():
            options = [option.replace("@", str(self.folder)) for option in options]
            with self.subTest(form=name, by=version()):
                self.format()
                with tpm.tcti() as tcti:
                    self.enrol(f"--unlock-key-file={self.folder}/key", f"--tpm2-device={tcti}", *[direct(option) for option in options])
                self.assertEqual(self.opens_ours(tpm, pin=True), {"unlocked": True, "slot": 1, "device": None})
            with self.subTest(form=name, by="Preon"):
                self.format()
                self.enrol_ours(tpm, *options, *([f"--new-pin-file={self.folder}/pin"] if pin else []))
                with tpm.tcti() as tcti:
                    done = self.enrol(f"--unlock-tpm2-device={tcti}", "--recovery-key")
                self.assertIn("New recovery key enrolled as key slot 2", done.stderr)

    def test_a_pin_that_is_stretched_by_argon2_is_refused_in_words(self):
        tpm = self.make_tpm()
        self.format()
        with tpm.tcti() as tcti:
            self.enrol(f"--unlock-key-file={self.folder}/key", f"--tpm2-device={tcti}", "--tpm2-pcrs=7", "--tpm2-with-pin=yes")
        refused = self.opens_ours(tpm, pin=True)["error"]
        self.assertEqual(refused["code"], "unsupported")
        self.assertIn("Argon2", refused["why"])

    def test_a_changed_pcr_is_refused_by_both(self):
        tpm = self.make_tpm()
        self.format()
        with tpm.tcti() as tcti:
            self.enrol(f"--unlock-key-file={self.folder}/key", f"--tpm2-device={tcti}", "--tpm2-pcrs=7")
        tpm.extend(7, 1)
        self.assertEqual(self.opens_ours(tpm)["error"]["code"], "policy-mismatch")
        with tpm.tcti() as tcti:
            self.assertNotEqual(self.enrol(f"--unlock-tpm2-device={tcti}", "--recovery-key", check=False).returncode, 0)

    def test_a_recovery_key(self):
        self.format()
        key = self.enrol(f"--unlock-key-file={self.folder}/key", "--recovery-key").stdout.strip()
        self.assertTrue(re.fullmatch("([cbdefghijklnrtuv]{8}-){7}[cbdefghijklnrtuv]{8}", key), key)
        self.assertEqual(self.ours("unlock", data=key + "\n")["slot"], 1)
        self.assertEqual([token["type"] for token in self.tokens()], ["systemd-recovery"])


if __name__ == "__main__":
    print(f"Compared with {version()}", flush=True)
    unittest.main()
