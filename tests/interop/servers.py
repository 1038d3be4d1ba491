# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP servers for tests of fetching: the real nginx, and some whose every byte is written by hand, so that they can lie."""

import contextlib
import re
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from pathlib import Path


class Exchange:
    """A request that came, and the connection to answer it on."""

    def __init__(self, connection, head, number):
        self.connection, self.number = connection, number
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = first.split(" ")
        self.headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}

    @property
    def first(self):
        """The byte that the request begins at; None when it asks for the whole file."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(match[1]) if match else None

    def send(self, data):
        self.connection.sendall(data)

    def head(self, status, **headers):
        lines = [f"HTTP/1.1 {status} Whatever"] + [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def reply(self, status, body=b"", **headers):
        self.head(status, Content_Length=len(body), **headers)
        self.send(body)

    def file(self, content, tag=None, upto=None, ranges=True):
        """As an honest server; cut off before byte `upto` of the file."""
        first = self.first if ranges else None
        headers = {"ETag": tag} if tag else {}
        if first is not None and tag and self.headers.get("if-range", tag) != tag:
            first = None
        if first is None:
            self.head(200, Content_Length=len(content), Accept_Ranges="bytes" if ranges else "none", **headers)
        else:
            self.head(206, Content_Length=len(content) - first, Content_Range=f"bytes {first}-{len(content) - 1}/{len(content)}", **headers)
        self.send(content[first or 0 : upto])
        if upto is not None and upto < len(content):
            self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError


class Server:
    """Calls `behave(exchange)` for each request. `requests` are all that came."""

    def __init__(self, behave):
        self.requests = []
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    while True:
                        head = b""
                        while b"\r\n\r\n" not in head:
                            got = self.request.recv(65536)
                            if not got:
                                return
                            head += got
                        exchange = Exchange(self.request, head.split(b"\r\n\r\n")[0], len(outer.requests))
                        outer.requests.append(exchange)
                        behave(exchange)

        class Listening(socketserver.ThreadingTCPServer):
            daemon_threads = allow_reuse_address = True

            def handle_error(self, *_):
                pass

        self.server = Listening(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/file"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def free_ports(count):
    """All held at once: asked for one after the other the same may come twice."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def make_certificates(folder):
    """An authority of our own, and a certificate by it for "localhost"."""
    folder = Path(folder)

    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=folder)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Authority of a test")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "names", "-out", "server.pem")
    for name in ("ca.pem", "server.pem"):
        (folder / name).chmod(0o644)


class Nginx:
    """nginx on loopback: `plain` and `secure` (TLS, HTTP/2) are its two addresses, folder/www what it serves; /nowhere/ sends from https to http."""

    def __init__(self, folder):
        self.folder = Path(folder)
        (self.folder / "www").mkdir()
        make_certificates(self.folder)
        plain, secure = free_ports(2)
        self.plain, self.secure, self.ca = f"http://localhost:{plain}", f"https://localhost:{secure}", self.folder / "ca.pem"
        self.wrong_name = f"https://127.0.0.1:{secure}"
        temporary = " ".join(f"{kind}_temp_path {self.folder}/temporary;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(
            f"""daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log; user root;
            events {{ worker_connections 64; }}
            http {{
              access_log {self.folder}/access.log; sendfile on; {temporary} http2 on;
              server {{
                listen 127.0.0.1:{plain}; listen 127.0.0.1:{secure} ssl; root {self.folder}/www;
                ssl_certificate {self.folder}/server.pem; ssl_certificate_key {self.folder}/server.key;
                location /downgrade {{ return 302 http://localhost:{plain}/file; }}
                location /upgrade {{ return 302 https://localhost:{secure}/file; }}
              }}
            }}
            """
        )

    def put(self, name, content):
        (self.folder / "www" / name).write_bytes(content)

    def log(self):
        return (self.folder / "access.log").read_text()

    def __enter__(self):
        command = [shutil.which("nginx"), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", str(self.folder / "error.log")]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        host, _, port = self.plain.removeprefix("http://").partition(":")
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection((host, int(port))):
                return self
            if self.process.poll() is not None:
                raise RuntimeError(self.process.stderr.read().decode())
            time.sleep(0.02)
        raise RuntimeError("nginx does not listen")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()
