#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""preon-fetch, driven as root drives it (preon-test-fetch), against the real nginx, against servers that break off, lie and loiter, and with fetchers that were
taken over in its place."""

import bz2
import contextlib
import gzip
import hashlib
import json
import lzma
import os
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from servers import Nginx, Server

CONTENT = random.Random(6).randbytes(3_000_000)
OTHER = random.Random(7).randbytes(3_000_000)
NOBODY = 65534


def digest(content):
    return hashlib.sha256(content).hexdigest()


def as_nobody(command):
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--", *command] if os.geteuid() == 0 else command


class Fetch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Where an ordinary user gets to: neither the clone nor the cache need be such a place.
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="fetch-", dir="/tmp")))
        cls.folder.chmod(0o777)
        for name in ("preon-fetch", "preon-test-fetch"):
            shutil.copy(shutil.which(name), cls.folder / name)
        (cls.folder / "nginx").mkdir()
        (cls.folder / "nginx").chmod(0o755)
        cls.nginx = cls.enterClassContext(Nginx(cls.folder / "nginx"))
        cls.nginx.put("file", CONTENT)

    def setUp(self):
        self.output, self.kept = self.folder / "output", self.folder / "kept"
        for path in (self.output, self.kept):
            path.write_bytes(b"")
            path.chmod(0o666)

    def start(self, *urls, program=None, wrap=as_nobody, mirrors=None, **request):
        request = {"mirrors": mirrors or [{"url": url} for url in urls], "output": str(self.output), "retryMilliseconds": 20, "hash": digest(CONTENT)} | request
        command = wrap([str(self.folder / "preon-test-fetch"), str(program or self.folder / "preon-fetch")])
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdin.write(json.dumps(request))
        process.stdin.close()
        process.stdin = None
        return process

    def end(self, process):
        said, errors = process.communicate(timeout=120)
        self.assertEqual((process.returncode, errors), (0, ""))
        return json.loads(said)

    def fetch(self, *urls, **request):
        return self.end(self.start(*urls, **request))

    def succeed(self, *urls, content=CONTENT, **request):
        said = self.fetch(*urls, hash=digest(request.pop("packed", content)), **request)
        self.assertIn("received", said, said)
        self.assertEqual(digest(self.output.read_bytes()), digest(content))
        return said["received"] | {"log": said["log"], "starts": said["starts"], "seconds": said["seconds"]}

    def refuse(self, code, *urls, **request):
        said = self.fetch(*urls, **request)
        self.assertIn("error", said, said)
        self.assertEqual(said["error"]["code"], code, said)
        return said["error"]["what"] + ": " + said["error"]["why"]


class Honest(Fetch):
    def test_a_file_from_nginx(self):
        received = self.succeed(self.nginx.plain + "/file", expectedSize=len(CONTENT))
        self.assertEqual((received["fetched"], received["size"], received["setbacks"], received["restarts"]), (len(CONTENT), len(CONTENT), 0, 0))
        self.assertEqual(received["starts"][0]["total"], len(CONTENT))
        self.assertTrue(received["starts"][0]["ranges"])

    def test_an_empty_file(self):
        self.nginx.put("empty", b"")
        self.assertEqual(self.succeed(self.nginx.plain + "/empty", content=b"")["size"], 0)

    def test_packed_files(self):
        packed = {"gz": gzip.compress(CONTENT), "xz": lzma.compress(CONTENT), "bz2": bz2.compress(CONTENT)}
        packed["zst"] = subprocess.run(["zstd", "-c"], input=CONTENT, stdout=subprocess.PIPE, check=True).stdout
        for name, content in packed.items():
            for form in (name, "auto"):
                with self.subTest(form=form, name=name):
                    self.nginx.put("packed", content)
                    received = self.succeed(self.nginx.plain + "/packed", packed=content, format=form)
                    self.assertEqual((received["size"], received["unpacked"]), (len(content), len(CONTENT)))

    def test_a_cancelled_fetch_goes_on_where_it_was(self):
        url = self.nginx.plain + "/file"
        said = self.fetch(url, kept=str(self.kept), stopAfter=1_000_000)
        self.assertEqual(said["error"]["code"], "cancelled")
        here = self.kept.stat().st_size
        self.assertGreaterEqual(here, 1_000_000)
        received = self.succeed(mirrors=[{"url": url, "validator": said["starts"][0]["validator"]}], kept=str(self.kept), offset=here)
        self.assertEqual((received["fetched"], received["size"], received["restarts"]), (len(CONTENT) - here, len(CONTENT), 0))
        self.assertEqual(digest(self.kept.read_bytes()), digest(CONTENT))

    def test_a_packed_file_goes_on_where_it_was(self):
        packed = gzip.compress(CONTENT)
        self.nginx.put("packed", packed)
        self.kept.write_bytes(packed[:1_234_567])
        received = self.succeed(self.nginx.plain + "/packed", packed=packed, format="gz", kept=str(self.kept), offset=1_234_567)
        self.assertEqual(received["fetched"], len(packed) - 1_234_567)

    def test_a_file_that_is_here_already_is_not_fetched(self):
        self.kept.write_bytes(CONTENT)
        received = self.succeed(self.nginx.plain + "/file", kept=str(self.kept), offset=len(CONTENT))
        self.assertEqual(received["fetched"], 0)

    def test_another_file_than_the_one_begun_is_fetched_anew(self):
        self.kept.write_bytes(OTHER[:1_000_000])
        received = self.succeed(mirrors=[{"url": self.nginx.plain + "/file", "validator": "ab" * 32}], kept=str(self.kept), offset=1_000_000)
        self.assertEqual((received["fetched"], received["restarts"]), (len(CONTENT), 1))
        self.assertTrue(any("another file now" in line for line in received["log"]), received["log"])

    def test_tls_and_http2(self):
        self.succeed(self.nginx.secure + "/file", caFile=str(self.nginx.ca))
        self.assertRegex(self.nginx.log(), r'"GET /file HTTP/2\.0" 200 3000000')
        self.kept.write_bytes(CONTENT[:7])
        self.succeed(self.nginx.secure + "/file", caFile=str(self.nginx.ca), kept=str(self.kept), offset=7)
        self.assertRegex(self.nginx.log(), r'"GET /file HTTP/2\.0" 206 2999993')

    def test_a_server_that_nobody_vouches_for(self):
        self.assertIn("certificate", self.refuse("insecure", self.nginx.secure + "/file"))
        self.assertEqual(self.output.read_bytes(), b"")

    def test_a_server_of_another_name(self):
        self.assertRegex(self.refuse("insecure", self.nginx.wrong_name + "/file", caFile=str(self.nginx.ca)), "127.0.0.1")

    def test_redirects(self):
        self.succeed(self.nginx.plain + "/upgrade", caFile=str(self.nginx.ca))
        self.assertIn("from https to http", self.refuse("insecure", self.nginx.secure + "/downgrade", caFile=str(self.nginx.ca)))

    def test_no_such_file(self):
        self.assertIn("status 404", self.refuse("not-found", self.nginx.plain + "/nothing"))

    def test_no_such_server(self):
        self.refuse("io", "http://127.0.0.1:1/file", tries=2)
        self.assertIn("resolve", self.refuse("io", "http://nowhere.invalid/file", tries=1))

    def test_addresses_that_are_not_fetched(self):
        for url in ("file:///etc/passwd", "ftp://localhost/x", "http://name:word@localhost/x"):
            self.refuse("bad-argument", url)

    def test_no_faster_than_allowed(self):
        self.assertGreater(self.succeed(self.nginx.plain + "/file", bytesPerSecond=1_500_000)["seconds"], 1.2)

    def test_a_proxy(self):
        with Server(lambda exchange: exchange.file(CONTENT)) as proxy:
            self.succeed("http://elsewhere.invalid/file", proxy=f"http://127.0.0.1:{proxy.port}")
            self.assertEqual(proxy.requests[0].path, "http://elsewhere.invalid/file")

    def test_nothing_but_the_file_is_asked_for(self):
        with Server(lambda exchange: exchange.file(CONTENT)) as server:
            self.succeed(server.url)
        self.assertEqual(set(server.requests[0].headers), {"host", "user-agent", "accept"})


class Unsteady(Fetch):
    def test_connections_that_break_off(self):
        dice = random.Random(8)

        def behave(exchange):
            exchange.file(CONTENT, tag='"1"', upto=(exchange.first or 0) + dice.randrange(100_000, 700_000))

        with Server(behave) as server:
            received = self.succeed(server.url)
        self.assertEqual((received["fetched"], received["restarts"]), (len(CONTENT), 0))
        self.assertGreater(received["setbacks"], 3)
        self.assertTrue(all(request.headers.get("if-range") == '"1"' for request in server.requests[1:]))

    def test_a_server_without_ranges_begins_anew(self):
        with Server(lambda exchange: exchange.file(CONTENT, ranges=False, upto=None if exchange.number else 500_000)) as server:
            received = self.succeed(server.url)
        self.assertEqual((received["fetched"], received["restarts"]), (len(CONTENT) + 500_000, 1))
        self.assertEqual([start["ranges"] for start in received["starts"]], [False, False])
        self.assertTrue(any("from its beginning again" in line for line in received["log"]))

    def test_a_packed_file_that_begins_anew_is_unpacked_anew(self):
        packed = gzip.compress(CONTENT)
        with Server(lambda exchange: exchange.file(packed, ranges=False, upto=None if exchange.number else 1_500_000)) as server:
            self.assertEqual(self.succeed(server.url, packed=packed, format="gz")["restarts"], 1)

    def test_a_server_that_never_gets_further_is_given_up(self):
        with Server(lambda exchange: exchange.file(CONTENT, ranges=False, upto=500_000)) as server:
            self.refuse("io", server.url, tries=3)
        self.assertLessEqual(len(server.requests), 5)

    def test_a_file_that_changes_meanwhile(self):
        def behave(exchange):
            exchange.file(OTHER if exchange.number == 0 else CONTENT, tag=f'"{min(exchange.number, 1)}"', upto=None if exchange.number else 1_000_000)

        with Server(behave) as server:
            received = self.succeed(server.url)
        self.assertEqual((received["restarts"], received["fetched"]), (1, len(CONTENT) + 1_000_000))

    def test_a_file_that_changes_without_a_word(self):
        # No If-Range is honoured: the tag of the part tells.
        def behave(exchange):
            first = exchange.first
            if first is None:
                exchange.file(CONTENT if exchange.number else OTHER, tag=f'"{exchange.number}"', upto=None if exchange.number else 1_000_000)
            else:
                exchange.headers.pop("if-range", None)
                exchange.file(CONTENT, tag='"later"')

        with Server(behave) as server:
            received = self.succeed(server.url)
        self.assertEqual(received["restarts"], 1)
        self.assertTrue(any("another file now" in line for line in received["log"]), received["log"])

    def test_a_file_that_always_changes(self):
        def behave(exchange):
            exchange.headers.pop("if-range", None)
            exchange.file(CONTENT, tag=f'"{exchange.number}"', upto=(exchange.first or 0) + 200_000)

        with Server(behave) as server:
            self.assertIn("another file now", self.refuse("changed", server.url, tries=20))

    def test_a_server_in_trouble_is_asked_later(self):
        def behave(exchange):
            if exchange.number == 0:
                exchange.reply(503, b"later", Retry_After=1)
            else:
                exchange.file(CONTENT)

        with Server(behave) as server:
            self.assertGreater(self.succeed(server.url)["seconds"], 0.9)

    def test_a_server_that_stays_in_trouble(self):
        with Server(lambda exchange: exchange.reply(500)) as server:
            self.assertIn("status 500", self.refuse("io", server.url, tries=3))
        self.assertEqual(len(server.requests), 3)

    def test_the_next_mirror_goes_on(self):
        with Server(lambda exchange: exchange.file(CONTENT, tag='"a"', upto=500_000)) as first, Server(lambda exchange: exchange.file(CONTENT, tag='"b"')) as second:
            received = self.succeed("http://127.0.0.1:1/file", first.url, self.nginx.plain + "/nothing", second.url)
        self.assertEqual((received["fetched"], received["restarts"]), (len(CONTENT), 0))
        self.assertEqual([(start["mirror"], start["offset"]) for start in received["starts"]], [(1, 0), (3, 500_000)])

    def test_a_server_that_sends_nothing(self):
        with Server(lambda exchange: time.sleep(5)) as server:
            self.assertIn("0 bytes came in 1 seconds", self.refuse("timeout", server.url, stallSeconds=1, tries=1))

    def test_a_server_that_drips(self):
        def behave(exchange):
            exchange.head(200, Content_Length=len(CONTENT))
            for byte in CONTENT[:100]:
                exchange.send(bytes([byte]))
                time.sleep(0.05)

        with Server(behave) as server:
            self.assertIn("bytes came in 1 seconds", self.refuse("timeout", server.url, stallSeconds=1, tries=1))

    def test_a_slow_server_is_waited_for(self):
        def behave(exchange):
            exchange.head(200, Content_Length=len(CONTENT))
            for offset in range(0, len(CONTENT), 200_000):
                exchange.send(CONTENT[offset : offset + 200_000])
                time.sleep(0.15)

        with Server(behave) as server:
            self.assertEqual(self.succeed(server.url, stallSeconds=1)["setbacks"], 0)

    def test_a_cancelled_fetch_ends_at_once(self):
        with Server(lambda exchange: time.sleep(30)) as server:
            process = self.start(server.url)
            while not server.requests:
                time.sleep(0.01)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            self.assertEqual(self.end(process)["error"]["code"], "cancelled")
            self.assertLess(time.monotonic() - began, 2)


class Lying(Fetch):
    def test_wrong_bytes(self):
        wrong = bytearray(CONTENT)
        wrong[1_000_000] ^= 1
        with Server(lambda exchange: exchange.file(bytes(wrong))) as server:
            said = self.refuse("corrupt", server.url)
        self.assertIn(digest(wrong), said)
        self.assertIn(digest(CONTENT), said)

    def test_wrong_bytes_of_a_packed_file(self):
        packed = gzip.compress(CONTENT)
        wrong = packed[:1_000_000] + OTHER[:1_000_000] + packed[2_000_000:]
        with Server(lambda exchange: exchange.file(wrong)) as server:
            self.assertIn("damaged near byte", self.refuse("bad-format", server.url, hash=digest(packed), format="gz"))
        with Server(lambda exchange: exchange.file(wrong)) as liar, Server(lambda exchange: exchange.file(packed)) as honest:
            self.assertEqual(self.succeed(liar.url, honest.url, packed=packed, format="gz")["restarts"], 1)

    def test_a_mirror_that_lies_is_left_for_another(self):
        with Server(lambda exchange: exchange.file(OTHER)) as liar, Server(lambda exchange: exchange.file(CONTENT)) as honest:
            received = self.succeed(liar.url, honest.url)
        self.assertEqual((received["restarts"], received["fetched"]), (1, len(OTHER) + len(CONTENT)))

    def test_kept_bytes_that_are_wrong_are_fetched_again(self):
        self.kept.write_bytes(OTHER[:1_000_000])
        received = self.succeed(self.nginx.plain + "/file", kept=str(self.kept), offset=1_000_000)
        self.assertEqual((received["restarts"], received["fetched"]), (1, 2 * len(CONTENT) - 1_000_000))

    def test_other_ranges_than_asked_for(self):
        def behave(exchange):
            if exchange.first is None:
                exchange.file(CONTENT, upto=500_000)
            else:
                exchange.head(206, Content_Length=1000, Content_Range=f"bytes 100-1099/{len(CONTENT)}")
                exchange.send(CONTENT[100:1100])

        with Server(behave) as server:
            self.assertIn("byte 100 and following, byte 500000 was asked for", self.refuse("bad-format", server.url))

    def test_ranges_that_are_longer_than_they_say(self):
        def behave(exchange):
            if exchange.first is None:
                exchange.file(CONTENT, upto=500_000)
            else:
                exchange.head(206, Transfer_Encoding="chunked", Content_Range=f"bytes 500000-500999/{len(CONTENT)}")
                exchange.send(b"7d0\r\n" + CONTENT[500_000:502_000] + b"\r\n0\r\n\r\n")

        with Server(behave) as server:
            self.assertIn("more than the 1000 bytes that it announced", self.refuse("bad-format", server.url))

    def test_ranges_in_small_pieces_are_put_together(self):
        def behave(exchange):
            if exchange.first is None:
                exchange.file(CONTENT, upto=500_000)
            else:
                end = min(exchange.first + 400_000, len(CONTENT))
                exchange.head(206, Content_Length=end - exchange.first, Content_Range=f"bytes {exchange.first}-{end - 1}/{len(CONTENT)}")
                exchange.send(CONTENT[exchange.first : end])

        with Server(behave) as server:
            self.assertEqual(self.succeed(server.url)["fetched"], len(CONTENT))

    def test_an_endless_body(self):
        def behave(exchange):
            exchange.head(200, Transfer_Encoding="chunked")
            while True:
                exchange.send(b"10000\r\n" + bytes(65536) + b"\r\n")

        with Server(behave) as server:
            self.assertIn("more than the 10000000 bytes that are fetched", self.refuse("corrupt", server.url, limit=10_000_000))
            self.assertIn("more than the 3000000 bytes of the file", self.refuse("corrupt", server.url, expectedSize=3_000_000))

    def test_endless_headers(self):
        def behave(exchange):
            exchange.send(b"HTTP/1.1 200 OK\r\n")
            while True:
                exchange.send(b"X-Filler: " + b"y" * 1000 + b"\r\n")

        with Server(behave) as server:
            self.refuse("io", server.url, tries=1)

    def test_another_length_than_the_body_s(self):
        def longer(exchange):
            exchange.head(200, Content_Length=len(CONTENT) + 5)
            exchange.send(CONTENT)
            exchange.close()

        def shorter(exchange):
            exchange.head(200, Content_Length=len(CONTENT) - 5)
            exchange.send(CONTENT)

        with Server(longer) as server:
            self.assertIn("3000005 bytes, 3000000 are expected", self.refuse("corrupt", server.url, expectedSize=len(CONTENT)))
            self.refuse("io", server.url, tries=2)
        with Server(shorter) as server:
            self.assertIn("2999995 bytes, 3000000 are expected", self.refuse("corrupt", server.url, expectedSize=len(CONTENT)))
            self.assertIn("2999995", self.refuse("corrupt", server.url))

    def test_redirects_in_a_circle_and_to_files(self):
        with Server(lambda exchange: exchange.reply(302, Location="/file")) as server:
            self.assertIn("elsewhere 6 times", self.refuse("insecure", server.url))
        self.assertEqual(len(server.requests), 6)
        with Server(lambda exchange: exchange.reply(302, Location="file:///etc/passwd")) as server:
            self.assertIn("where we do not go", self.refuse("insecure", server.url))

    def test_no_http_at_all(self):
        with Server(lambda exchange: exchange.send(b"SSH-2.0-OpenSSH\r\n" * 100)) as server:
            self.refuse("io", server.url, tries=1)

    def test_a_bomb(self):
        bomb = gzip.compress(bytes(200_000_000))
        with Server(lambda exchange: exchange.file(bomb)) as server:
            self.assertIn("more than the 10000000 bytes", self.refuse("bad-format", server.url, hash=digest(bomb), format="gz", sizeLimit=10_000_000))
        self.assertLessEqual(self.output.stat().st_size, 10_000_000)

    def test_what_is_signed_for_but_damaged(self):
        packed = gzip.compress(CONTENT)
        for wrong, why in ((packed[:-4], "end in the middle"), (packed + b"xyz", "something else follows"), (packed[:1000] + packed[1001:], "damaged")):
            with Server(lambda exchange, wrong=wrong: exchange.file(wrong)) as server:
                self.assertIn(why, self.refuse("bad-format", server.url, hash=digest(wrong), format="gz"))


START, DATA, SETBACK, DONE, FAILED = (0x50465200 + number for number in range(1, 6))


def frame(kind, content):
    return struct.pack("<II", kind, len(content)) + content


def start_frame(total, offset=0):
    return frame(START, struct.pack("<QQII32s", total, offset, 1, 0, b""))


class TakenOver(Fetch):
    """A preon-fetch that works for somebody else."""

    def impostor(self, says, then=""):
        (self.folder / "says").write_bytes(says)
        script = self.folder / "impostor"
        script.write_text(f"#!/bin/sh\ncat {self.folder}/says\n{then}\n")
        script.chmod(0o755)
        return {"program": script}

    def test_says_nonsense(self):
        for says in (bytes(64), frame(DATA, b"x"), start_frame(5) + frame(DATA, b"123456"), start_frame(5) + frame(DONE, struct.pack("<Q", 5)), start_frame(5, 3)):
            self.assertIn("makes no sense", self.refuse("bad-format", self.nginx.plain, **self.impostor(says)))

    def test_sends_other_bytes(self):
        says = start_frame(3) + frame(DATA, b"abc") + frame(DONE, struct.pack("<Q", 3))
        self.assertIn(digest(b"abc"), self.refuse("corrupt", self.nginx.plain, **self.impostor(says)))

    def test_ends_in_the_middle(self):
        said = self.refuse("tool-failed", self.nginx.plain, **self.impostor(start_frame(5) + frame(DATA, b"ab"), "echo of my own will >&2; exit 7"))
        self.assertIn("status 7: of my own will", said)

    def test_writes_much_on_its_standard_error(self):
        said = self.refuse("tool-failed", self.nginx.plain, **self.impostor(b"", "yes $(printf '\\033[31m') | head -c 3000000 >&2; exit 1"))
        self.assertLess(len(said), 1000)
        self.assertNotIn("\033", said)

    def test_never_ends(self):
        process = self.start(self.nginx.plain, **self.impostor(start_frame(5), "exec sleep 60"))
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.end(process)["error"]["code"], "cancelled")

    def test_an_unpacker_that_sends_without_end(self):
        script = self.folder / "impostor"
        script.write_text(f'#!/bin/sh\n[ "$1" = unpack ] || exec {self.folder}/preon-fetch "$@"\nexec cat /dev/zero\n')
        script.chmod(0o755)
        said = self.refuse("bad-format", self.nginx.plain + "/file", format="gz", sizeLimit=10_000_000, program=script)
        self.assertIn("more than the 10000000 bytes", said)

    def test_an_unpacker_that_ends_early(self):
        script = self.folder / "impostor"
        script.write_text(f'#!/bin/sh\n[ "$1" = unpack ] || exec {self.folder}/preon-fetch "$@"\nhead -c 1000; exit 0\n')
        script.chmod(0o755)
        self.refuse("tool-failed", self.nginx.plain + "/file", format="gz", program=script)


def children(process):
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def status_of(process):
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines() if ":\t" in line)


@contextlib.contextmanager
def loitering():
    """A server that sends the beginning of a packed file and then waits."""
    go_on = threading.Event()
    packed = gzip.compress(CONTENT)

    def behave(exchange):
        exchange.head(200, Content_Length=len(packed))
        exchange.send(packed[:2_000_000])
        go_on.wait(60)
        exchange.send(packed[2_000_000:])

    with Server(behave) as server:
        yield server, go_on, packed
        go_on.set()


class Confinement(Fetch):
    def confined(self, process):
        """The numbers of fetcher and unpacker, once both are at work."""
        end = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                found = children(process.pid)
                if len(found) == 2 and all(status_of(pid).get("Seccomp") == "2" for pid in found):
                    return found
            self.assertIsNone(process.poll())
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def look(self, wrap):
        """What the fetcher and the unpacker are, in the middle of their work."""
        with loitering() as (server, go_on, packed):
            process = self.start(server.url, wrap=wrap, format="gz", hash=digest(packed))
            found = {}
            for pid in self.confined(process):
                files = os.listdir(f"/proc/{pid}/fd") if os.geteuid() == 0 else []
                found[Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1]] = (status_of(pid), files)
            go_on.set()
            self.assertIn("received", self.end(process))
        self.assertEqual(digest(self.output.read_bytes()), digest(CONTENT))
        self.assertEqual(set(found), {b"fetch", b"unpack"})
        for job, (status, files) in found.items():
            with self.subTest(job=job):
                self.assertEqual((status["NoNewPrivs"], status["Seccomp"], status["CapEff"].strip("0"), status["CapPrm"].strip("0")), ("1", "2", "", ""))
                if job == b"unpack" and os.geteuid() == 0:
                    self.assertEqual(sorted(files), ["0", "1", "2"])
        return found

    def test_of_an_ordinary_user_s(self):
        self.look(as_nobody)

    def test_of_root_s(self):
        if os.geteuid() != 0:
            self.skipTest("only root can start it as root")
        users = self.folder / "passwd"
        users.write_text("root:x:0:0::/root:/bin/sh\npreon-fetch:x:4711:4712::/:/usr/sbin/nologin\n")
        wrap = lambda command: ["unshare", "--mount", "sh", "-c", f'mount --bind {users} /etc/passwd && exec "$@"', "sh", *command]
        for status, _ in self.look(wrap).values():
            self.assertEqual((status["Uid"].split(), status["Gid"].split(), status["Groups"].split()), (["4711"] * 4, ["4712"] * 4, []))

    def test_root_without_the_user_does_nothing(self):
        if os.geteuid() != 0:
            self.skipTest("only root can start it as root")
        said = self.refuse("permission", self.nginx.plain + "/file", wrap=list)
        self.assertIn("there is no user preon-fetch", said)

    def test_name_services_that_would_load_code_are_done_without(self):
        if os.geteuid() != 0:
            self.skipTest("only root can show it other settings")
        settings = self.folder / "nsswitch.conf"
        settings.write_text("passwd: files\nhosts: systemd files dns\n")
        wrap = lambda command: ["unshare", "--mount", "sh", "-c", f'mount --bind {settings} /etc/nsswitch.conf && exec "$@"', "sh", *as_nobody(command)]
        self.succeed(self.nginx.plain + "/file", wrap=wrap)

    def test_a_fetcher_that_is_killed_is_said_to_be(self):
        with loitering() as (server, _, packed):
            process = self.start(server.url, wrap=as_nobody, hash=digest(packed))
            while self.output.stat().st_size < 1_000_000:
                time.sleep(0.02)
            os.kill(children(process.pid)[0], signal.SIGKILL)
            error = self.end(process)["error"]
        self.assertEqual((error["code"], error["why"]), ("tool-failed", "it was stopped by signal 9"))

    def test_it_does_not_outlive_its_parent(self):
        with loitering() as (server, _, packed):
            process = self.start(server.url, wrap=as_nobody, format="gz", hash=digest(packed))
            orphans = self.confined(process)
            process.kill()
            process.communicate()
            end = time.monotonic() + 5
            while any(Path(f"/proc/{pid}").exists() for pid in orphans):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.02)

if __name__ == "__main__":
    unittest.main()
