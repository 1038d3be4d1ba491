#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Encrypted volumes that are bound to a TPM: what systemd-cryptenroll enrols, `preonctl luks` opens, and the other way round.

Ours are opened by systemd's plugin of libcryptsetup, which is what opens volumes at boot. Nothing here needs device-mapper.
"""

import base64
import hashlib
import json
import os
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from tpm_bench import Tpm

PREONCTL = os.environ.get("PREONCTL", "preonctl")
KEY = "a random key"
PIN = "1234"
ZEROS = "0" * 64

# A /run of its own, where the signature lies as the kernel's stub lays it; the device where there is to be one.
NAMESPACE = """
mount -t tmpfs tmpfs /run
mkdir /run/systemd
[ ! -e "$0/signature.json" ] || cp "$0/signature.json" /run/systemd/tpm2-pcr-signature.json
if [ -n "$1" ]; then
    mount -t tmpfs tmpfs /mnt
    for node in null zero full random urandom tty; do [ ! -e /dev/$node ] || { touch /mnt/$node; mount --bind /dev/$node /mnt/$node; }; done
    mkdir /mnt/pts
    mount --bind /dev/pts /mnt/pts
    ln -s "$1" /mnt/tpmrm0
    mount --move /mnt /dev
    mount -t tmpfs tmpfs /sys/class
    mkdir -p /sys/class/tpmrm/tpmrm0
fi
shift
exec "$@"
"""


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="preon-luks-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.volume = self.folder / "volume"
        for name, content in (("key", KEY), ("pin", PIN)):
            (self.folder / name).write_text(content)
            (self.folder / name).chmod(0o600)

    def make_tpm(self, **options):
        tpm = Tpm(**options)
        self.addCleanup(tpm.close)
        # All zeros would mean to systemd that the firmware measures nothing.
        tpm.extend(7, 7)
        tpm.extend(11, 11)
        return tpm

    def format(self):
        self.volume.unlink(missing_ok=True)
        with self.volume.open("wb") as file:
            file.truncate(32 << 20)
        self.run_tool("cryptsetup", "luksFormat", "-q", "--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", self.volume, self.folder / "key")

    def run_tool(self, *command, check=True, device="", data="", **environment):
        inside = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", NAMESPACE, self.folder, device]
        if os.geteuid() != 0:
            inside.insert(1, "--map-root-user")
        done = subprocess.run(
            [*map(str, [*inside, *command])],
            env=dict(os.environ, TSS2_LOG="all+NONE", **environment),
            input=data,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if check:
            self.assertEqual(done.returncode, 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
        return done

    def ours(self, verb, *options, check=True, data=""):
        done = self.run_tool(PREONCTL, "luks", verb, "--json", *options, self.volume, check=check, data=data)
        return json.loads(done.stdout)

    def enrol_theirs(self, tpm, *options):
        with tpm.tcti() as tcti:
            device = [] if any("device-key" in option for option in options) else [f"--tpm2-device={tcti}"]
            self.run_tool("systemd-cryptenroll", f"--unlock-key-file={self.folder}/key", *device, *options, self.volume, PIN=PIN, NEWPIN=PIN)

    def enrol_ours(self, tpm, *options):
        with tpm.tcti() as tcti:
            return self.ours("enroll-tpm", f"--key-file={self.folder}/key", f"--tpm2-device={tcti}", *options)

    def opens_ours(self, tpm, pin=False):
        options = [f"--tpm2-signature={self.folder}/signature.json"] if (self.folder / "signature.json").exists() else []
        with tpm.tcti() as tcti:
            return self.ours("unlock", "--tpm2", f"--tpm2-device={tcti}", *([f"--pin-file={self.folder}/pin"] if pin else []), *options, check=False)

    def opens_theirs(self, tpm, pin=False):
        with tpm.device() as device:
            return self.run_tool(
                "cryptsetup", "open", "--test-passphrase", "--token-only", "--verbose", self.volume, device=device.path, data=f"{PIN}\n" if pin else "", check=False
            )

    def dump_is_clean(self):
        done = self.run_tool("cryptsetup", "luksDump", self.volume)
        self.assertEqual(done.stderr, "")

    def tokens(self):
        text = self.run_tool("cryptsetup", "luksDump", "--dump-json-metadata", self.volume).stdout
        return list(json.loads(text)["tokens"].values())

    def import_token(self, token):
        self.run_tool("cryptsetup", "token", "import", self.volume, data=json.dumps(token))

    def make_policy_key(self, name="policy"):
        private, public = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        self.run_tool("openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private)
        self.run_tool("openssl", "pkey", "-in", private, "-pubout", "-out", public)
        return public

    def sign(self, tpm, name="policy", bank="sha256"):
        """As systemd-measure would sign the present value of PCR 11."""
        work, raw = self.folder / "work", self.folder / "pcr"
        tpm.tool("tpm2_pcrread", f"{bank}:11", "-o", raw)
        tpm.tool("tpm2_createpolicy", "--policy-pcr", "-l", f"{bank}:11", "-f", raw, "-L", work)
        digest = work.read_bytes()
        signature = self.folder / "signature"
        self.run_tool("openssl", "dgst", "-sha256", "-sign", self.folder / f"{name}.key", "-out", signature, work)
        der = subprocess.run(["openssl", "rsa", "-pubin", "-in", self.folder / f"{name}.pem", "-RSAPublicKey_out", "-outform", "DER"], capture_output=True, check=True)
        print_of = hashlib.sha256(der.stdout).hexdigest()
        entry = {"pcrs": [11], "pkfp": print_of, "pol": digest.hex(), "sig": base64.b64encode(signature.read_bytes()).decode()}
        (self.folder / "signature.json").write_text(json.dumps({bank: [entry]}))


# name: options of systemd-cryptenroll and of ours alike, whether a PIN is asked for
FORMS = {
    "nothing": (["--tpm2-pcrs="], False),
    "a literal PCR": (["--tpm2-pcrs=7"], False),
    "PCRs by their names": (["--tpm2-pcrs=secure-boot-policy+kernel-boot"], False),
    "the bank sha1": (["--tpm2-pcrs=7:sha1"], False),
    "the bank sha384": (["--tpm2-pcrs=7:sha384+11"], False),
    "an expected value": ([f"--tpm2-pcrs=12:sha256={ZEROS}+7"], False),
    "a PIN": (["--tpm2-pcrs=", "--tpm2-with-pin=yes"], True),
    "a PIN and a PCR": (["--tpm2-pcrs=7", "--tpm2-with-pin=yes"], True),
    "a signed policy": (["--tpm2-pcrs=", "--tpm2-public-key=@/policy.pem", "--tpm2-public-key-pcrs=11"], False),
    "signed and literal PCRs": ([f"--tpm2-pcrs=12:sha256={ZEROS}", "--tpm2-public-key=@/policy.pem", "--tpm2-public-key-pcrs=11"], False),
    "signed and literal PCRs and a PIN": (["--tpm2-pcrs=7", "--tpm2-public-key=@/policy.pem", "--tpm2-with-pin=yes"], True),
}


class Forms(Case):
    """Each form of a token, on one TPM; the storage key may be of either kind."""

    def check_forms(self, tpm, names):
        for name in names:
            options, pin = FORMS[name]
            options = [option.replace("@", str(self.folder)) for option in options]
            # Without a PIN ours is tried with one all the same: it must do no harm.
            with self.subTest(form=name, by="systemd"):
                self.format()
                self.enrol_theirs(tpm, *options)
                self.assertEqual(self.opens_ours(tpm, pin=True).get("unlocked"), True)
                theirs = self.tokens()[0]
            with self.subTest(form=name, by="Preon"):
                self.format()
                self.enrol_ours(tpm, *options, *([f"--new-pin-file={self.folder}/pin"] if pin else []))
                done = self.opens_theirs(tpm, pin)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn("Key slot 1 unlocked", done.stdout)
                self.assertEqual(self.opens_ours(tpm, pin=True), {"unlocked": True, "slot": 1, "device": None})
                self.dump_is_clean()
                ours = self.tokens()[0]
                self.assertEqual(set(ours) - {"preon_pcr_values"}, set(theirs))
                same = set(theirs) - {"tpm2-blob", "tpm2_salt"}
                self.assertEqual({key: ours[key] for key in same}, {key: theirs[key] for key in same})

    def test_all(self):
        tpm = self.make_tpm()
        self.make_policy_key()
        self.sign(tpm)
        self.check_forms(tpm, FORMS)

    def test_signed_in_another_bank(self):
        tpm = self.make_tpm()
        self.make_policy_key()
        self.sign(tpm, bank="sha384")
        self.format()
        self.enrol_ours(tpm, "--tpm2-pcrs=7:sha384", f"--tpm2-public-key={self.folder}/policy.pem")
        self.assertEqual(self.opens_ours(tpm)["unlocked"], True)
        done = self.opens_theirs(tpm)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_storage_key_that_somebody_made_with_rsa(self):
        tpm = self.make_tpm()
        attributes = "restricted|decrypt|fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda"
        tpm.tool("tpm2_createprimary", "-C", "o", "-g", "sha256", "-G", "rsa2048:null:aes128cfb", "-a", attributes, "-c", self.folder / "primary")
        tpm.tool("tpm2_evictcontrol", "-C", "o", "-c", self.folder / "primary", "0x81000001")
        self.check_forms(tpm, ["a literal PCR", "a PIN"])
        self.assertEqual(self.tokens()[0]["tpm2-primary-alg"], "rsa")

    def test_tpm_without_elliptic_curves(self):
        tpm = self.make_tpm(without_ecc=True)
        names = []
        for enrol in (self.enrol_theirs, self.enrol_ours):
            self.format()
            enrol(tpm, "--tpm2-pcrs=")
            self.assertEqual(self.tokens()[0]["tpm2-primary-alg"], "rsa")
            names.append(tpm.tool("tpm2_readpublic", "-c", "0x81000001"))
            # Evicted, the key comes back from the template, and it is the same whoever made it.
            tpm.tool("tpm2_evictcontrol", "-C", "o", "-c", "0x81000001")
            self.assertEqual(self.opens_ours(tpm).get("unlocked"), True)
        self.assertEqual(names[0], names[1])
        self.check_forms(tpm, ["a PIN and a PCR"])

    def test_sealed_without_the_tpm_at_hand(self):
        for algorithm in ("ecc256:aes128cfb", "rsa2048:null:aes128cfb"):
            with self.subTest(storage_key=algorithm):
                tpm = self.make_tpm()
                attributes = "restricted|decrypt|fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda"
                tpm.tool("tpm2_createprimary", "-C", "o", "-g", "sha256", "-G", algorithm, "-a", attributes, "-c", self.folder / "primary")
                tpm.tool("tpm2_evictcontrol", "-C", "o", "-c", self.folder / "primary", "0x81000001")
                tpm.tool("tpm2_readpublic", "-c", "0x81000001", "-o", self.folder / "srk.pub")
                value = tpm.tool("tpm2_pcrread", "sha256:7").split("0x")[1].strip().lower()
                self.format()
                self.enrol_theirs(tpm, f"--tpm2-device-key={self.folder}/srk.pub", f"--tpm2-pcrs=7:sha256={value}")
                self.assertEqual(self.opens_ours(tpm).get("unlocked"), True)
                other = self.make_tpm()
                self.assertEqual(self.opens_ours(other)["error"]["code"], "no-tpm")

    def test_sealed_under_another_handle(self):
        tpm = self.make_tpm()
        tpm.tool("tpm2_createprimary", "-C", "o", "-g", "sha256", "-G", "ecc256:aes128cfb", "-c", self.folder / "primary")
        tpm.tool("tpm2_evictcontrol", "-C", "o", "-c", self.folder / "primary", "0x81000042")
        self.format()
        self.enrol_theirs(tpm, "--tpm2-seal-key-handle=0x81000042", "--tpm2-pcrs=7")
        self.assertEqual(self.opens_ours(tpm).get("unlocked"), True)


class OldForms(Case):
    """What releases before 254 wrote, made here with the TPM's own tools; systemd's plugin is the judge of whether that is right."""

    def seal_by_hand(self, tpm, policy=None, pin=None, algorithm="ecc256:aes128cfb"):
        """Under a primary key that is made anew each time; returns the token's members."""
        attributes = "restricted|decrypt|fixedtpm|fixedparent|sensitivedataorigin|userwithauth"
        secret = os.urandom(32)
        (self.folder / "secret").write_bytes(secret)
        names = {name: self.folder / f"old-{name}" for name in ("primary", "public", "private", "empty")}
        tpm.tool("tpm2_createprimary", "-C", "o", "-g", "sha256", "-G", algorithm, "-a", attributes, "-c", names["primary"])
        command = ["tpm2_create", "-C", names["primary"], "-g", "sha256", "-i", self.folder / "secret", "-u", names["public"], "-r", names["private"]]
        command += ["-L", policy, "-a", "fixedtpm|fixedparent" + ("" if pin else "|noda")]
        if pin:  # 251 and 252 handed the plain hash to the TPM
            command += ["-p", f"hex:{hashlib.sha256(pin.encode()).hexdigest()}"]
        tpm.tool(*command)
        passphrase = self.folder / "passphrase"
        passphrase.write_text(base64.b64encode(secret).decode())
        self.run_tool(
            "cryptsetup", "luksAddKey", "-q", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", self.folder / "key", self.volume, passphrase
        )
        blob = names["private"].read_bytes() + names["public"].read_bytes()
        return {"type": "systemd-tpm2", "keyslots": ["1"], "tpm2-blob": base64.b64encode(blob).decode(), "tpm2-policy-hash": policy.read_bytes().hex()}

    def check(self, tpm, token, pin=False):
        self.import_token(token)
        done = self.opens_theirs(tpm, pin)
        self.assertEqual(done.returncode, 0, f"the token is not as systemd wrote it\n{done.stdout}{done.stderr}")
        self.assertEqual(self.opens_ours(tpm, pin).get("unlocked"), True)

    def policy(self, tpm, *steps):
        """The digest after these commands in a trial session."""
        session, digest = self.folder / "session", self.folder / "policy"
        tpm.tool("tpm2_startauthsession", "-S", session)
        for step in steps:
            tpm.tool(*step, "-S", session, "-L", digest)
        tpm.tool("tpm2_flushcontext", session)
        return digest

    def test_without_srk(self):
        for algorithm, name in (("ecc256:aes128cfb", "ecc"), ("rsa2048:null:aes128cfb", "rsa")):
            with self.subTest(primary=name):
                tpm = self.make_tpm()
                self.format()
                token = self.seal_by_hand(tpm, self.policy(tpm, ["tpm2_policypcr", "-l", "sha256:7"]), algorithm=algorithm)
                self.check(tpm, token | {"tpm2-pcrs": [7], "tpm2-pcr-bank": "sha256", "tpm2-primary-alg": name})
                tpm.extend(7, 8)
                self.assertEqual(self.opens_ours(tpm)["error"]["code"], "policy-mismatch")

    def test_without_srk_nor_algorithm(self):
        tpm = self.make_tpm()
        self.format()
        token = self.seal_by_hand(tpm, self.policy(tpm, ["tpm2_policypcr", "-l", "sha256:7"]))
        self.check(tpm, token | {"tpm2-pcrs": [7], "tpm2-pcr-bank": "sha256"})

    def test_pin_without_salt(self):
        tpm = self.make_tpm()
        self.format()
        token = self.seal_by_hand(tpm, self.policy(tpm, ["tpm2_policypcr", "-l", "sha256:7"], ["tpm2_policyauthvalue"]), pin=PIN)
        self.check(tpm, token | {"tpm2-pcrs": [7], "tpm2-pcr-bank": "sha256", "tpm2-primary-alg": "ecc", "tpm2-pin": True}, pin=True)

    def test_policy_key_whose_exponent_is_written_as_zero(self):
        tpm = self.make_tpm()
        public = self.make_policy_key()
        self.sign(tpm)
        modulus = subprocess.run(["openssl", "rsa", "-pubin", "-in", public, "-noout", "-modulus"], capture_output=True, text=True, check=True).stdout
        # TPMT_PUBLIC: RSA, SHA-256, decrypt | sign | userWithAuth, no policy, no cipher, no scheme, 2048 bits, exponent "the usual one".
        area = struct.pack(">HHIHHHHIH", 0x1, 0xB, 0x60040, 0, 0x10, 0x10, 2048, 0, 256) + bytes.fromhex(modulus.strip().removeprefix("Modulus="))
        (self.folder / "name").write_bytes(b"\0\x0b" + hashlib.sha256(area).digest())
        digest = self.policy(tpm, ["tpm2_policyauthorize", "-n", self.folder / "name"])
        self.format()
        token = self.seal_by_hand(tpm, digest)
        pem = base64.b64encode(public.read_bytes()).decode()
        self.check(tpm, token | {"tpm2-pcrs": [], "tpm2-pcr-bank": "sha256", "tpm2-primary-alg": "ecc", "tpm2_pubkey_pcrs": [11], "tpm2_pubkey": pem})


class Several(Case):
    def test_broken_and_foreign_ones_do_not_stop_the_next(self):
        tpm, other = self.make_tpm(), self.make_tpm()
        self.format()
        self.enrol_ours(other, "--tpm2-pcrs=")
        good = self.tokens()[0]
        for change in ({"tpm2-blob": "AAAA"}, {"tpm2_srk": "AAAA"}, {"tpm2_pcrlock": True}, {"tpm2_pubkey_ref": "x"}, {"tpm2_argon2id_lanes": 4}, {"tpm2-pcr-bank": "sha512"}):
            self.import_token(good | change)
        refused = self.opens_ours(tpm)["error"]
        self.assertEqual(refused["code"], "no-tpm")
        self.assertIn("another TPM", refused["why"])
        self.enrol_theirs(tpm, "--tpm2-pcrs=7")
        self.assertEqual(self.opens_ours(tpm), {"unlocked": True, "slot": 2, "device": None})
        tpm.extend(7, 9)
        refused = self.opens_ours(tpm)["error"]
        self.assertEqual(refused["code"], "policy-mismatch")
        self.assertIn("PCR 7 (secure-boot-policy) is not as when it was sealed", refused["why"])
        self.enrol_ours(tpm, "--tpm2-pcrs=7+12")
        tpm.extend(12, 1)
        self.assertIn("PCR 12 (kernel-config)", self.opens_ours(tpm)["error"]["why"])
        self.enrol_ours(tpm, "--tpm2-pcrs=")
        self.assertEqual(self.opens_ours(tpm)["slot"], 4)

    def test_no_tpm_at_all(self):
        self.format()
        done = self.ours("unlock", "--tpm2", "--tpm2-device=/nonexistent", check=False)
        self.assertEqual(done["error"]["code"], "no-tpm")

    def test_wrong_pin_and_lockout(self):
        tpm = self.make_tpm()
        tpm.tool("tpm2_dictionarylockout", "--setup-parameters", "--max-tries=2", "--recovery-time=300", "--lockout-recovery-time=300")
        self.format()
        self.enrol_theirs(tpm, "--tpm2-pcrs=", "--tpm2-with-pin=yes")
        (self.folder / "pin").write_text("4321\n")
        first = self.opens_ours(tpm, pin=True)["error"]
        self.assertEqual(first["code"], "permission")
        self.assertIn("1 try is left", first["why"])
        self.opens_ours(tpm, pin=True)
        (self.folder / "pin").write_text(PIN)
        refused = self.opens_ours(tpm, pin=True)["error"]
        self.assertEqual(refused["code"], "tpm-lockout")
        self.assertIn("5 minutes", refused["todo"])


class Pcrlock(Case):
    """A secret in two shards, one of them under a policy of systemd-pcrlock: seen for what it is, refused in words, no obstacle for the next."""

    def firmware_log(self):
        """With a header and no events: firmware that measured nothing."""
        specification = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, 2) + struct.pack("<HHHH", 0x4, 20, 0xB, 32) + b"\0"
        log = self.folder / "firmware.log"
        log.write_bytes(struct.pack("<II20sI", 0, 3, b"", len(specification)) + specification)
        return log

    def test_is_refused_in_words(self):
        tpm = self.make_tpm()
        self.make_policy_key()
        self.format()
        policy = self.folder / "pcrlock.json"
        (self.folder / "user.log").touch()
        with tpm.device() as device:
            logs = {"SYSTEMD_MEASURE_LOG_FIRMWARE": str(self.firmware_log()), "SYSTEMD_MEASURE_LOG_USERSPACE": str(self.folder / "user.log"), "SYSTEMD_FORCE_MEASURE": "1"}
            made = ["/usr/lib/systemd/systemd-pcrlock", "make-policy", "--pcr=16", f"--policy={policy}", "--recovery-pin=no", "--location="]
            self.run_tool(*made, device=device.path, check=False, **logs)
            self.assertTrue(policy.exists())
            key = [f"--tpm2-public-key={self.folder}/policy.pem", "--tpm2-public-key-pcrs=11", "--tpm2-pcrs="]
            self.run_tool(
                "systemd-cryptenroll", f"--unlock-key-file={self.folder}/key", "--tpm2-device=auto", f"--tpm2-pcrlock={policy}", *key, self.volume, device=device.path
            )
        self.assertEqual(len(self.tokens()[0]["tpm2-blob"]), 2)
        self.sign(tpm)
        refused = self.opens_ours(tpm)["error"]
        self.assertEqual(refused["code"], "unsupported")
        self.assertIn("systemd-pcrlock", refused["why"])
        shown = self.ours("dump")["tokens"][0]
        self.assertEqual((shown["pcrlock"], shown["signedPcrs"], len(shown["policyHashes"])), (True, [11], 2))
        self.enrol_ours(tpm, "--tpm2-pcrs=7")
        self.assertEqual(self.opens_ours(tpm)["slot"], 2)


class Keys(Case):
    def test_recovery_key_of_theirs_is_taken_as_a_person_types_it(self):
        self.format()
        key = self.run_tool("systemd-cryptenroll", f"--unlock-key-file={self.folder}/key", "--recovery-key", self.volume).stdout.strip()
        for typed in (key, key.upper(), key.replace("-", ""), key.replace("-", "").upper()):
            self.assertEqual(self.ours("unlock", data=typed + "\n")["slot"], 1)
        for typed in (key[:-1], key.replace("-", "+"), key + "c"):
            self.assertEqual(self.ours("unlock", data=typed + "\n", check=False)["error"]["code"], "permission")

    def test_recovery_key_of_ours_is_as_theirs(self):
        slots = []
        for by_us in (True, False):
            self.format()
            if by_us:
                key = self.ours("enroll-recovery", f"--key-file={self.folder}/key")["recoveryKey"]
            else:
                key = self.run_tool("systemd-cryptenroll", f"--unlock-key-file={self.folder}/key", "--recovery-key", self.volume).stdout.strip()
            self.assertRegex(key, r"^([cbdefghijklnrtuv]{8}-){7}[cbdefghijklnrtuv]{8}$")
            done = self.run_tool("cryptsetup", "open", "--test-passphrase", "--verbose", self.volume, data=key)
            self.assertIn("Key slot 1 unlocked", done.stdout)
            metadata = json.loads(self.run_tool("cryptsetup", "luksDump", "--dump-json-metadata", self.volume).stdout)
            metadata["keyslots"]["1"]["kdf"].pop("salt")
            slots.append((metadata["keyslots"]["1"], metadata["tokens"]))
            self.dump_is_clean()
        self.assertEqual(slots[0], slots[1])

    def test_password(self):
        self.format()
        self.assertEqual(self.ours("enroll-password", f"--key-file={self.folder}/key", data="correct horse\n")["slot"], 1)
        done = self.run_tool("cryptsetup", "open", "--test-passphrase", "--verbose", self.volume, data="correct horse")
        self.assertIn("Key slot 1 unlocked", done.stdout)

    def test_remove_takes_the_token_along_and_keeps_the_key_that_opened(self):
        tpm = self.make_tpm()
        self.format()
        self.enrol_ours(tpm, "--tpm2-pcrs=")
        self.ours("enroll-recovery", f"--key-file={self.folder}/key")
        self.assertEqual([token["type"] for token in self.tokens()], ["systemd-tpm2", "systemd-recovery"])
        done = self.run_tool(PREONCTL, "luks", "remove", "--json", f"--key-file={self.folder}/key", self.volume, "0", check=False)
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "bad-argument")
        self.run_tool(PREONCTL, "luks", "remove", f"--key-file={self.folder}/key", self.volume, "1")
        self.assertEqual([token["type"] for token in self.tokens()], ["systemd-recovery"])
        self.run_tool(PREONCTL, "luks", "remove", f"--key-file={self.folder}/key", self.volume, "2")
        self.assertEqual(self.tokens(), [])
        self.dump_is_clean()

    def test_rotation_ends_with_a_slot_that_systemd_opens(self):
        tpm = self.make_tpm()
        self.make_policy_key("old")
        self.make_policy_key("new")
        self.format()
        self.enrol_theirs(tpm, f"--tpm2-pcrs=12:sha256={ZEROS}", f"--tpm2-public-key={self.folder}/old.pem", "--tpm2-public-key-pcrs=11")
        rotate = ["--tpm2", f"--tpm2-device=swtpm:path={tpm.socket}", f"--tpm2-signature={self.folder}/signature.json", f"--tpm2-public-key={self.folder}/new.pem"]
        # The kernel that runs is signed with the old key alone.
        self.sign(tpm, "old")
        first = self.ours("rotate", *rotate)
        self.assertEqual((first["slot"], first["tested"], first["removed"]), (2, False, []))
        again = self.ours("rotate", *rotate)
        self.assertEqual((again["slot"], again["removed"]), (2, []))
        # Opened otherwise, nothing says for certain to what it shall be bound; nor where the header speaks with two tongues of the slot that opened.
        other = [option for option in rotate if option != "--tpm2"]
        self.assertEqual(self.ours("rotate", f"--key-file={self.folder}/key", *other, check=False)["error"]["code"], "bad-argument")
        genuine = next(token for token in self.tokens() if token["keyslots"] == ["1"])
        self.import_token(genuine | {"tpm2-pcrs": []})
        refused = self.ours("rotate", *rotate, check=False)["error"]
        self.assertEqual(refused["code"], "bad-argument")
        self.run_tool("cryptsetup", "token", "remove", "--token-id", "2", self.volume)
        # The next one with the new key.
        self.sign(tpm, "new")
        done = self.ours("rotate", *rotate)
        self.assertEqual((done["slot"], done["tested"], done["removed"]), (2, True, [1]))
        self.assertEqual([token["tpm2-pcrs"] for token in self.tokens()], [[12]])
        opened = self.opens_theirs(tpm)
        self.assertIn("Key slot 2 unlocked", opened.stdout, opened.stderr)


class Words(Case):
    """The same lists of PCRs are taken and refused."""

    LISTS = ["", "7", "7+11", "7,11", "7 + 11", " 7", "platform-code+7", "Platform-Code", "kernel-boot,kernel-config", "system-identity", "24", "23", "-1", "0x7", "0x17", "0x18"]
    LISTS += ["07", "010", "08", "7+7", "7+", "+7", "++", "7:sha1", "7:sha1+11", "7:SHA256", "7:md5", "7:sha1+11:sha1", "7:sha256=00", "7=aa", "7:sha256=", "7:", ":sha256", "="]
    LISTS += [f"7:sha256={ZEROS}", f"7:sha256=0x{ZEROS}", f"7:sha1={ZEROS}", f"7:sha256={ZEROS}+7", "99999999999999999999", "boot", "7:sha256:sha1"]

    def test_lists(self):
        self.format()
        for words in self.LISTS:
            with self.subTest(list=words):
                theirs = self.run_tool(
                    "systemd-cryptenroll", f"--unlock-key-file={self.folder}/key", "--tpm2-device=swtpm:path=/nonexistent", f"--tpm2-pcrs={words}", self.volume, check=False
                )
                ours = self.ours("enroll-tpm", f"--key-file={self.folder}/key", "--tpm2-device=swtpm:path=/nonexistent", f"--tpm2-pcrs={words}", check=False)
                refused = "Could not parse PCR values" in theirs.stderr or "PCR values are not valid" in theirs.stderr or "Multiple PCR banks" in theirs.stderr
                self.assertEqual(ours["error"]["code"], "bad-argument" if refused else "no-tpm", theirs.stderr)


if __name__ == "__main__":
    unittest.main()
