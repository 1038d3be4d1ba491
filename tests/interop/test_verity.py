#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`preonctl verity format` and `verify` do what veritysetup does: the same bytes on the hash device, the same lines, the same exit status.
`sign` and `check-signature` make and take what openssl and systemd-repart do.

Known differences, all of them on purpose:
- Where format fails, ours leaves no hash file behind that was not there before.
- Without a superblock, theirs moves a --hash-offset that is no multiple of the hash block down to one, over whatever is there; ours refuses.
- A --hash-offset that is no multiple of the page, with data of a single block, makes theirs fail on a new file; ours succeeds.
- A --root-hash-file that cannot be read makes their verify succeed; ours fails.
- The hash algorithms are the SHA-1 and SHA-2 that the kernel's users have; theirs takes all that its library knows.
"""

import json
import os
import random
import subprocess
import tempfile
import unittest
from pathlib import Path

OURS = [os.environ.get("PREONCTL", "preonctl"), "verity"]
THEIRS = ["veritysetup"]
UUID = "--uuid=00112233-4455-6677-8899-aaBBccddeeff"
SALT = "--salt=0123456789abcdef"
BLOCK = 4096


class Verity(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.dice = random.Random(20261123)

    def data(self, size, name="data"):
        (self.folder / name).write_bytes(self.dice.randbytes(size))
        return name

    def run_tool(self, tool, *words):
        done = subprocess.run([*tool, *words], cwd=self.folder, capture_output=True, text=True, errors="backslashreplace", check=False, timeout=60)
        return done.returncode, done.stdout

    def format(self, tool, *options, data="data", before=None, same=False):
        """Status, lines, and what is on the hash device; data and hash may be the same file."""
        hashes = self.folder / "hash"
        hashes.unlink(missing_ok=True)
        if same:
            hashes.write_bytes((self.folder / data).read_bytes())
        elif before is not None:
            hashes.write_bytes(before)
        status, lines = self.run_tool(tool, "format", "hash" if same else data, "hash", *options)
        return status, lines, hashes.read_bytes() if hashes.exists() else None

    def same_format(self, *options, **words):
        theirs = self.format(THEIRS, *options, **words)
        ours = self.format(OURS, *options, **words)
        self.assertEqual(ours[:2], theirs[:2], options)
        self.assertTrue(ours[2] == theirs[2], f"the hash device differs: {options}")
        self.assertEqual(theirs[0], 0, options)
        return next(line.split()[-1] for line in ours[1].splitlines() if line.startswith("Root hash"))

    def verify(self, *words):
        return tuple(self.run_tool(tool, "verify", *words)[0] for tool in (OURS, THEIRS))

    def both_say(self, status, *words):
        self.assertEqual(self.verify(*words), (status, status), words)


class Format(Verity):
    def test_sizes_around_each_full_level(self):
        for blocks in (1, 2, 3, 127, 128, 129, 255, 300, 128 * 128 - 1, 128 * 128, 128 * 128 + 1):
            data = self.data(blocks * BLOCK + (blocks * 37) % 900)  # the rest is not looked at
            root = self.same_format(UUID, SALT, data=data)
            self.both_say(0, data, "hash", root)

    def test_block_sizes(self):
        data = self.data(3 << 20)
        for data_block in (512, 1024, 4096, 16384):
            for hash_block in (512, 1024, 4096, 65536):
                root = self.same_format(UUID, SALT, f"--data-block-size={data_block}", f"--hash-block-size={hash_block}")
                self.both_say(0, data, "hash", root)

    def test_algorithms_and_types(self):
        data = self.data(777 * BLOCK)
        for algorithm in ("sha1", "sha256", "sha384", "sha512", "SHA256"):
            for kind in (0, 1):
                for hash_block in (512, 4096):
                    root = self.same_format(UUID, SALT, f"--hash={algorithm}", f"--format={kind}", f"--hash-block-size={hash_block}")
                    self.both_say(0, data, "hash", root)

    def test_salts(self):
        data = self.data(200 * BLOCK)
        for salt in ("-", "", "00", "AAbb", self.dice.randbytes(31).hex(), self.dice.randbytes(32).hex(), self.dice.randbytes(256).hex()):
            root = self.same_format(UUID, f"--salt={salt}")
            self.both_say(0, data, "hash", root)

    def test_random_shapes(self):
        for _ in range(25):
            data_block, hash_block = (1 << self.dice.randint(9, 13) for _ in range(2))
            data = self.data(self.dice.randint(data_block, 600_000))
            options = [UUID, f"--salt={self.dice.randbytes(self.dice.randint(1, 64)).hex()}", f"--data-block-size={data_block}", f"--hash-block-size={hash_block}",
                       f"--hash={self.dice.choice(['sha1', 'sha256', 'sha512'])}", f"--format={self.dice.randint(0, 1)}"]
            if self.dice.random() < 0.3:
                options.append(f"--data-blocks={self.dice.randint(1, os.path.getsize(self.folder / data) // data_block)}")
            with self.subTest(options=options):
                self.both_say(0, data, "hash", self.same_format(*options, data=data))

    def test_a_hash_file_that_is_larger_keeps_the_rest(self):
        self.data(300 * BLOCK)
        self.same_format(UUID, SALT, before=self.dice.randbytes(100_000))
        self.same_format(UUID, SALT, before=self.dice.randbytes(6_000))

    def test_offset_and_the_same_file(self):
        data = self.data(299 * BLOCK + 700)
        for offset in (512, 4096, 1 << 20, 123 * 512):
            root = self.same_format(UUID, SALT, f"--hash-offset={offset}")
            self.both_say(0, data, "hash", root, f"--hash-offset={offset}")
        for offset in (298 * BLOCK, 298 * BLOCK + 512, 400 * BLOCK):
            root = self.same_format(UUID, SALT, "--data-blocks=298", f"--hash-offset={offset}", same=True)
            self.both_say(0, "hash", "hash", root, f"--hash-offset={offset}")

    def test_without_superblock(self):
        data = self.data(299 * BLOCK)
        for options in ([SALT], ["--salt=-", "--hash-offset=8192"], [SALT, "--hash=sha512", "--data-blocks=100", "--hash-block-size=1024", "--format=0"]):
            root = self.same_format(*options, "--no-superblock")
            self.both_say(0, data, "hash", root, *options, "--no-superblock")
            self.both_say(2, data, "hash", root, *options, "--no-superblock", "--salt=ffff")

    def test_root_hash_file(self):
        data = self.data(50 * BLOCK)
        found = []
        for tool in (THEIRS, OURS):
            (self.folder / "root").write_text("something longer than a root hash" * 10)
            self.format(tool, UUID, SALT, "--root-hash-file=root")
            found.append((self.folder / "root").read_text())
        self.assertEqual(*found)
        self.both_say(0, data, "hash", "--root-hash-file=root")
        (self.folder / "root").write_text("abcd")
        self.both_say(1, data, "hash", "--root-hash-file=root")

    def test_random_salts_and_uuids_are_made(self):
        self.data(50 * BLOCK)
        first, second = (self.format(OURS)[1].splitlines() for _ in range(2))
        for name in ("UUID:", "Salt:"):
            a, b = (next(line for line in lines if line.startswith(name)) for lines in (first, second))
            self.assertNotEqual(a, b)
            self.assertEqual(len(a), len(next(line for line in self.format(THEIRS)[1].splitlines() if line.startswith(name))))

    def test_what_is_refused(self):
        self.data(50 * BLOCK)
        self.data(4095, "tiny")
        self.data(0, "empty")
        (self.folder / "folder").mkdir()
        wrong = [["--hash=nonsense"], ["--salt=a"], ["--salt=zz"], ["--salt=" + "aa" * 257], ["--uuid=00112233"], ["--uuid=00112233445566778899aabbccddeeff"], ["--uuid="],
                 ["--data-blocks=51"], ["--data-blocks=18446744073709551615"], ["--data-block-size=1000"], ["--data-block-size=0"], ["--hash-block-size=256"],
                 ["--hash-block-size=1048576"], ["--format=2"], ["--format=x"], ["--hash-offset=100"]]
        for options in wrong:
            theirs, ours = (self.format(tool, *options)[0] for tool in (THEIRS, OURS))
            self.assertEqual((ours, theirs), (1, 1), options)
            self.assertFalse((self.folder / "hash").exists(), options)
        for data in ("tiny", "empty"):
            self.assertEqual([self.format(tool, data=data)[0] for tool in (THEIRS, OURS)], [1, 1], data)
        self.assertEqual([self.format(tool, "--data-blocks=50", f"--hash-offset={49 * BLOCK}", same=True)[0] for tool in (THEIRS, OURS)], [1, 1])
        for words in (["missing", "hash"], ["data", "folder"], ["folder", "hash"]):
            self.assertEqual([self.run_tool(tool, "format", *words)[0] for tool in (THEIRS, OURS)], [4, 4], words)
        self.assertEqual([self.run_tool(tool, "format", "data", "missing/hash")[0] for tool in (THEIRS, OURS)], [1, 1])

    def test_a_full_disk_leaves_nothing(self):
        self.data(2000 * BLOCK)
        script = 'ulimit -f 40; trap "" XFSZ; exec "$@"'
        done = subprocess.run(["bash", "-c", script, "-", *OURS, "format", "data", "hash"], cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("could not be", done.stderr)
        self.assertFalse((self.folder / "hash").exists())


class Verify(Verity):
    def setUp(self):
        super().setUp()
        self.data(700 * BLOCK + 512)
        self.root = self.same_format(UUID, SALT)

    def flip(self, name, at, bit=None):
        path = self.folder / name
        content = bytearray(path.read_bytes())
        content[at] ^= 1 << (self.dice.randrange(8) if bit is None else bit)
        path.write_bytes(content)

    def test_every_flipped_bit_of_the_data(self):
        whole = (self.folder / "data").read_bytes()
        for at in [0, 700 * BLOCK - 1, *(self.dice.randrange(700 * BLOCK) for _ in range(20))]:
            self.flip("data", at)
            self.both_say(2, "data", "hash", self.root)
            (self.folder / "data").write_bytes(whole)
        self.flip("data", 700 * BLOCK + 3)  # behind the last whole block
        self.both_say(0, "data", "hash", self.root)

    def test_every_flipped_bit_of_the_tree(self):
        whole = (self.folder / "hash").read_bytes()
        for at in [BLOCK, len(whole) - 1, *(self.dice.randrange(BLOCK, len(whole)) for _ in range(20))]:
            self.flip("hash", at)
            self.both_say(2, "data", "hash", self.root)
            (self.folder / "hash").write_bytes(whole)

    def test_every_byte_of_the_superblock(self):
        whole = (self.folder / "hash").read_bytes()
        for at in [*range(0, 16), *range(32, 42), *range(64, 104)]:
            self.flip("hash", at, bit=at % 5)  # not bit 5, the letters' case: theirs takes "sHa256", which the kernel does not
            ours, theirs = self.verify("data", "hash", self.root)
            self.assertEqual(ours == 0, theirs == 0, f"byte {at}: {ours} {theirs}")
            (self.folder / "hash").write_bytes(whole)

    def test_wrong_root_hashes(self):
        self.both_say(1, "data", "hash", "00" + self.root[2:])
        self.both_say(1, "data", "hash", self.root[2:])
        self.both_say(1, "data", "hash", "zz" + self.root[2:])
        self.both_say(1, "data", "hash")
        self.flip("data", 5000)
        self.both_say(2, "data", "hash", "00" + self.root[2:])

    def test_single_block(self):
        self.data(BLOCK, "one")
        root = self.same_format(UUID, SALT, data="one")
        self.flip("one", 100)
        self.both_say(1, "one", "hash", root)

    def test_cut_off_and_missing(self):
        whole = (self.folder / "hash").read_bytes()
        for size in (len(whole) - BLOCK, BLOCK, 511, 0):
            (self.folder / "hash").write_bytes(whole[:size])
            self.both_say(1, "data", "hash", self.root)
        (self.folder / "hash").write_bytes(whole)
        os.truncate(self.folder / "data", 699 * BLOCK)
        self.both_say(1, "data", "hash", self.root)
        self.both_say(4, "missing", "hash", self.root)
        self.both_say(4, "data", "missing", self.root)
        self.both_say(1, "data", "hash", self.root, "--hash-offset=512")
        self.both_say(1, "data", "hash", self.root, "--hash-offset=100")

    def test_options_that_the_superblock_overrules(self):
        self.both_say(0, "data", "hash", self.root, "--hash=sha512", "--salt=00", "--data-blocks=5", "--data-block-size=512")


class Signatures(Verity):
    ROOT = "96d95f4430f6e9b449d8cb406a668c3ef54416d5d02b2f29ab8de605c5f8175c"

    def setUp(self):
        super().setUp()
        kinds = {"rsa": ["-newkey", "rsa:2048"], "ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]}
        for name, kind in kinds.items():
            self.openssl("req", "-x509", *kind, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/O=Preon/CN=test {name}", "-days", "2")
        (self.folder / "root").write_text(self.ROOT)

    def openssl(self, *words, check=True):
        return subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, check=check).returncode

    def ours(self, *words):
        return self.run_tool(OURS, *words)

    def sign(self, name, *options):
        return self.ours("sign", self.ROOT, f"--key={name}.key", f"--certificate={name}.crt", *options)

    def test_openssl_takes_what_we_sign(self):
        for name in ("rsa", "ec"):
            self.assertEqual(self.sign(name, "--output=ours.p7s"), (0, ""))
            for kind in ("smime", "cms"):
                verify = [kind, "-verify", "-binary", "-inform", "DER", "-in", "ours.p7s", "-certfile", f"{name}.crt", "-nointern", "-noverify"]
                self.assertEqual(self.openssl(*verify, "-content", "root", check=False), 0, (name, kind))
                (self.folder / "other").write_text("0" + self.ROOT[1:])
                self.assertNotEqual(self.openssl(*verify, "-content", "other", check=False), 0, (name, kind))

    def test_we_take_what_openssl_signs(self):
        for name, other in (("rsa", "ec"), ("ec", "rsa")):
            for kind, extra in (("smime", []), ("cms", []), ("smime", ["-nocerts"]), ("smime", ["-md", "sha512"])):
                self.openssl(kind, "-sign", "-binary", "-noattr", "-outform", "DER", "-in", "root", "-signer", f"{name}.crt", "-inkey", f"{name}.key", "-out", "theirs.p7s", *extra)
                check = ["check-signature", "theirs.p7s", f"--root-hash={self.ROOT}"]
                self.assertEqual(self.ours(*check, f"--certificate={name}.crt"), (0, self.ROOT + "\n"), (name, kind))
                self.assertEqual(self.ours(*check, f"--certificate={other}.crt", f"--certificate={name}.crt")[0], 0)
                self.assertEqual(self.ours(*check, f"--certificate={other}.crt")[0], 1)
                self.assertEqual(self.ours("check-signature", "theirs.p7s", f"--root-hash=0{self.ROOT[1:]}", f"--certificate={name}.crt")[0], 1)
                self.assertEqual(self.ours("check-signature", "theirs.p7s", f"--certificate={name}.crt")[0], 1)

    def test_rsa_signatures_are_openssls_bytes(self):
        self.sign("rsa", "--output=ours.p7s")
        self.openssl("smime", "-sign", "-binary", "-noattr", "-outform", "DER", "-in", "root", "-signer", "rsa.crt", "-inkey", "rsa.key", "-out", "theirs.p7s")
        self.assertEqual((self.folder / "ours.p7s").read_bytes(), (self.folder / "theirs.p7s").read_bytes())

    def test_signature_partition_of_systemd_repart(self):
        self.data(1200 * BLOCK, "usr")
        definitions = self.folder / "repart.d"
        definitions.mkdir()
        common = "[Partition]\nVerityMatchKey=usr\n"
        (definitions / "1.conf").write_text(f"{common}Type=usr-x86-64\nVerity=data\nCopyBlocks={self.folder}/usr\n")
        (definitions / "2.conf").write_text(f"{common}Type=usr-x86-64-verity\nVerity=hash\n")
        (definitions / "3.conf").write_text(f"{common}Type=usr-x86-64-verity-sig\nVerity=signature\n")
        done = subprocess.run(["systemd-repart", "--empty=create", "--size=16M", "--dry-run=no", "--json=pretty", "--no-pager", "--seed=random", f"--definitions={definitions}",
                               "--private-key=rsa.key", "--certificate=rsa.crt", "disk"], cwd=self.folder, capture_output=True, text=True, check=True)
        plan = json.loads(done.stdout)
        root = plan[0]["roothash"]
        disk = (self.folder / "disk").read_bytes()
        for entry, name in zip(plan, ("usr", "tree", "signature")):
            (self.folder / name).write_bytes(disk[entry["offset"]:entry["offset"] + entry["raw_size"]])

        self.assertEqual(self.ours("check-signature", "signature", "--certificate=rsa.crt", f"--root-hash={root}"), (0, root + "\n"))
        self.assertEqual(self.ours("check-signature", "signature", "--certificate=ec.crt")[0], 1)
        self.assertEqual(self.ours("check-signature", "signature", "--certificate=rsa.crt", f"--root-hash={self.ROOT}")[0], 1)
        ours = self.ours("sign", root, "--key=rsa.key", "--certificate=rsa.crt", "--json")[1]
        self.assertEqual(ours.removesuffix("\n").encode(), (self.folder / "signature").read_bytes().rstrip(b"\0"))
        self.assertEqual(self.ours("sign", root, "--key=rsa.key", "--certificate=rsa.crt", "--json", "--output=ours.json"), (0, ""))
        self.assertEqual((self.folder / "ours.json").read_bytes(), (self.folder / "signature").read_bytes().rstrip(b"\0"))
        self.both_say(0, "usr", "tree", root)

    def test_damage_anywhere_in_a_signature_is_found(self):
        self.sign("rsa", "--json", "--output=good.json")
        good = (self.folder / "good.json").read_bytes()
        fields = json.loads(good)
        places = [good.index(fields[name].encode()) + i for name in ("rootHash", "certificateFingerprint") for i in range(0, 64, 5)]
        places += range(len(good) - 300, len(good) - 10, 29)  # the signature proper, behind the copy of the certificate, which nobody looks at
        for at in places:
            bad = bytearray(good)
            bad[at] = ord("1") if bad[at] != ord("1") else ord("2")
            (self.folder / "bad.json").write_bytes(bad)
            self.assertEqual(self.ours("check-signature", "bad.json", "--certificate=rsa.crt")[0], 1, at)

    def test_wrong_words(self):
        for words in (["zz", "--key=rsa.key", "--certificate=rsa.crt"], [self.ROOT, "--key=ec.key", "--certificate=rsa.crt"], [self.ROOT, "--key=rsa.crt", "--certificate=rsa.crt"],
                      [self.ROOT, "--key=missing", "--certificate=rsa.crt"]):
            self.assertEqual(self.ours("sign", *words, "--output=out"), (1, ""), words)
        self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()
