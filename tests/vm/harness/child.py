# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Child processes that cannot outlive us, however we end."""

import ctypes
import os
import signal
import subprocess

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _bound_to_parent(parent):
    def prepare():
        # A session of its own keeps a Ctrl-C at our terminal from reaching QEMU before we have said what happened.
        os.setsid()
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def spawn(command, *, cwd=None, log=None, pass_fds=(), inherit_terminal=False):
    """Starts COMMAND; the kernel kills it when this process ends. Output goes to the file LOG."""
    if inherit_terminal:
        return subprocess.Popen(command, cwd=cwd, pass_fds=pass_fds, preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
    with open(log, "ab") if log else open(os.devnull, "wb") as sink:
        return subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            preexec_fn=_bound_to_parent(os.getpid()),
        )


def end(process, *, patience=5.0):
    """Ends a child: politely, then not. Returns its exit status."""
    if process is None:
        return None
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


def sigterm_is_an_exception():
    """Lets `finally` and `with` run when ctest's time limit or a person ends us."""

    def stop(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
