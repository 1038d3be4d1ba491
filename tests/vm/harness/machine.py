# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A machine (what stays: firmware variables, TPM, its folder) and its running VM (what ends with the power)."""

import base64
import itertools
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from . import child, firmware
from .accel import accelerator
from .agent import PORT, Agent, credentials, push_script
from .errors import Trouble
from .qmp import Qmp
from .serial import Serial

# What a stick is plugged into. The cloud kernel of the profile `base` knows no USB; to it a removable SCSI disk is what a stick
# is to others: the firmware starts from it, and /sys/block/sda/removable says 1.
_STICK = {"scsi": "scsi-hd,bus=scsi.0", "usb": "usb-storage,bus=usb.0"}[os.environ.get("PREON_STICK", "scsi")]

BOOT_LIMIT = 600
POWEROFF_LIMIT = 120


class Machine:
    """A folder with a TPM (or without one) and a firmware of its own. TWIN_OF copies the firmware's variables of another machine, not its TPM.

    cpus: one where they are emulated. A second one hardly makes a start faster, and with a busy host one of the two may wait so long for the other that the guest's
    kernel never comes up.
    """

    def __init__(self, folder, *, twin_of=None, memory=2048, cpus=None, tpm=True):
        self.folder = Path(folder).resolve()
        self.memory, self.cpus, self.tpm = memory, cpus or (1 if accelerator() == "tcg" else 2), tpm
        self.boots = 0
        (self.folder / "tpm").mkdir(parents=True, exist_ok=True)
        if not self.variables.exists():
            if twin_of:
                shutil.copyfile(twin_of.variables, self.variables)
            else:
                firmware.new_variables(self.variables)

    @property
    def variables(self):
        return self.folder / "vars.fd"

    @classmethod
    def new(cls, folder, **options):
        shutil.rmtree(folder, ignore_errors=True)
        return cls(folder, **options)

    def copy(self, folder):
        """The same machine (TPM and firmware variables as they are now) in another folder, so that two tests can start from it."""
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir(parents=True)
        shutil.copytree(self.folder / "tpm", Path(folder, "tpm"), ignore=shutil.ignore_patterns("*.sock", ".lock"))
        shutil.copyfile(self.variables, Path(folder, "vars.fd"))
        return Machine(folder, memory=self.memory, cpus=self.cpus, tpm=self.tpm)

    def boot(self, **options):
        """Powers it on. See VM for the options."""
        self.boots += 1
        return VM(self, **options)


class VM:
    """A running machine. As a context manager it is off at the end in all cases.

    disks: fixed disks, /dev/vda first. sticks: removable USB sticks. first: the disk that the firmware shall try first; without
    it the firmware's own boot order decides, as on a person's machine. cmdline: appended to the signed command line, after which the
    TPM opens no installed root any more. credentials: names and values. display: a QEMU display, such as "gtk"; None for no window. agent: whether commands can be run.
    network: a card of its own, and a DHCP server that gives it 10.0.2.15; this machine's own servers it reaches at 10.0.2.2. No one reaches it.
    sound: where what its loudspeaker says goes, as QEMU takes it ("pa", "wav,path=…"); None for no sound card. graphics: QEMU's device.
    """

    def __init__(self, machine, *, disks=(), sticks=(), first=None, cmdline="", credentials=None, display=None, agent=True,
                 serial_on_terminal=False, sound=None, graphics="VGA", network=False):  # fmt: skip
        self.machine, self.label = machine, f"boot-{machine.boots}"
        self.began = time.monotonic()
        self.serial = Serial(machine.folder / f"{self.label}.serial.log")
        self.serial.path.unlink(missing_ok=True)
        self._log = machine.folder / f"{self.label}.qemu.log"
        self._log.unlink(missing_ok=True)
        self.qmp, self.agent = Qmp(), Agent()
        self._qemu = self._tpm = None
        self._terminal = serial_on_terminal
        self._input = self._console_input()
        try:
            if machine.tpm:
                self._start_tpm()
            command = self._command(disks, sticks, first, cmdline, credentials or {}, display, agent)
            command += self._screen_and_sound(graphics, display, sound)
            command += ["-nic", "user,model=virtio-net-pci" if network else "none"]
            fds = (self.qmp.theirs.fileno(), self.agent.theirs.fileno())
            self._qemu = child.spawn(command, cwd=machine.folder, log=self._log, pass_fds=fds, inherit_terminal=serial_on_terminal)
            self.agent.theirs.close()
            self._qmp_or_why()
        except BaseException:
            self.close()
            raise

    def _qmp_or_why(self):
        try:
            self.qmp.greet()
        except (Trouble, OSError) as trouble:
            said = self._log.read_text(errors="replace") if self._log.exists() else ""
            raise Trouble(f"QEMU did not start: {trouble}\n{said}") from trouble

    def _console_input(self):
        fifo = self.machine.folder / "console.in"
        fifo.unlink(missing_ok=True)
        os.mkfifo(fifo)
        # Opened both ways, so that neither we nor QEMU wait for the other.
        return os.open(fifo, os.O_RDWR)

    def _start_tpm(self):
        # A relative name, because a socket's path has at most 107 bytes.
        socket = self.machine.folder / "tpm.sock"
        socket.unlink(missing_ok=True)
        command = ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=tpm", "--ctrl", "type=unixio,path=tpm.sock", "--terminate"]
        self._tpm = child.spawn(command, cwd=self.machine.folder, log=self.machine.folder / "swtpm.log")
        end = time.monotonic() + 10
        while not socket.exists():
            if self._tpm.poll() is not None or time.monotonic() > end:
                raise Trouble("swtpm did not start: " + (self.machine.folder / "swtpm.log").read_text(errors="replace")[-800:])
            time.sleep(0.02)

    def _command(self, disks, sticks, first, cmdline, extra, display, agent):
        command = ["qemu-system-x86_64", "-name", f"Preon {self.machine.folder.name}"]
        command += firmware.machine_options("vars.fd", accelerator(), self.machine.memory, self.machine.cpus)
        if self.machine.tpm:
            command += ["-chardev", "socket,id=tpm,path=tpm.sock", "-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", "tpm-tis,tpmdev=tpm"]
        command += ["-chardev", f"socket,id=qmp,fd={self.qmp.theirs.fileno()}", "-mon", "chardev=qmp,mode=control"]
        command += ["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]
        command += ["-device", "qemu-xhci,id=usb", "-device", "virtio-scsi-pci,id=scsi"]
        if self._terminal:
            command += ["-chardev", f"stdio,id=console,mux=on,signal=off,logfile={self.serial.path.name}", "-serial", "chardev:console"]
        else:
            command += ["-chardev", f"file,id=console,path={self.serial.path.name},input-path=console.in", "-serial", "chardev:console"]
        for number, disk in enumerate(disks):
            command += ["-drive", disk.drive(f"disk{number}")]
            command += ["-device", f"virtio-blk-pci,drive=disk{number},serial={disk.serial}" + (",bootindex=0" if disk is first else "")]
        for number, stick in enumerate(sticks):
            command += ["-drive", stick.drive(f"stick{number}")]
            option = f"{_STICK},id=plug{number},drive=stick{number},removable=on,serial={stick.serial}"
            command += ["-device", option + (",bootindex=0" if stick is first else "")]
        if agent:
            command += ["-chardev", f"socket,id=probe,fd={self.agent.theirs.fileno()}"]
            command += ["-device", f"virtserialport,chardev=probe,name={PORT}"]
            extra = credentials() | extra
        if cmdline:
            # QEMU takes a comma for the next option unless it is doubled.
            command += ["-smbios", "type=11,value=io.systemd.stub.kernel-cmdline-extra=" + cmdline.replace(",", ",,")]
        for name, value in extra.items():
            data = base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
            command += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={data}"]
        return command

    @staticmethod
    def _screen_and_sound(graphics, display, sound):
        command = ["-device", f"{graphics},edid=on,xres=1280,yres=800", "-display", display or "none"]
        if display:
            command += ["-device", "usb-tablet,bus=usb.0"]
        if sound:
            command += ["-audiodev", f"{sound},id=sound", "-device", "intel-hda", "-device", "hda-output,audiodev=sound"]
        return command

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Pulls the plug: QEMU is killed, the disks keep what they were given."""
        if self._qemu is not None and self._qemu.poll() is None:
            self._qemu.kill()
            self._qemu.wait()
        # With --terminate swtpm leaves by itself once QEMU is gone, its state written.
        if self._tpm is not None:
            try:
                self._tpm.wait(3)
            except subprocess.TimeoutExpired:
                child.end(self._tpm)
        self.qmp.close()
        self.agent.close()
        if self._input is not None:
            os.close(self._input)
            self._input = None

    power_cut = close

    def is_running(self):
        return self._qemu.poll() is None

    def age(self):
        return time.monotonic() - self.began

    def _watch(self, patterns):
        def look():
            if not self.is_running():
                raise Trouble("the machine switched itself off")
            for pattern in patterns:
                if self.serial.seen(pattern):
                    raise Trouble(f"the console shows /{pattern}/, so no system will come up")

        return look

    def _with_console(self, work):
        try:
            return work()
        except (Trouble, OSError) as trouble:
            raise Trouble(f"{trouble}\n--- console of {self.machine.folder.name}, {self.label}:\n{self.serial.tail()}") from trouble

    def wait_up(self, timeout=BOOT_LIMIT, hopeless=(r"Kernel panic", r"No bootable option")):
        """Waits until commands can be run. HOPELESS: what the console shows when that will never be."""
        self._with_console(lambda: self.agent.wait_ready(timeout, look=self._watch(hopeless)))
        return self

    def run(self, script, timeout=120):
        """Runs SCRIPT (bash) as root in the guest and gives its Answer, whatever the exit status."""
        return self._with_console(lambda: self.agent.run(script, timeout))

    def ask(self, script, timeout=120):
        """Runs SCRIPT, which must succeed, and gives its output without the last line's end."""
        answer = self.run(script, timeout)
        if not answer.ok:
            raise Trouble(f"in the guest, this failed: {script.strip()}\n{answer}")
        return answer.out.rstrip("\n")

    def device_of(self, disk):
        """The guest's name of a disk (/dev/sda), found by its serial number: with several disks the kernel's names follow no order."""
        # Serial numbers are udev's knowledge, and a system may be up before udev has looked at every disk.
        rows = [row.split() for row in self.ask("udevadm settle --timeout=60; lsblk --nodeps --noheadings --output PATH,SERIAL").splitlines()]
        found = [row[0] for row in rows if row[1:] == [disk.serial]]
        if len(found) != 1:
            raise Trouble(f"the guest sees {len(found)} disks with the serial number {disk.serial}: {rows}")
        return found[0]

    def push(self, path, data, mode="0644"):
        self.ask(push_script(path, data if isinstance(data, bytes) else data.encode(), mode))

    def pull(self, path):
        return base64.b64decode(self.ask(f"base64 -w0 <'{path}'"))

    def expect(self, pattern, timeout):
        return self.serial.expect(pattern, timeout, self.is_running)

    def shows(self, pattern, timeout=60):
        """Whether the console shows PATTERN, now or within TIMEOUT seconds: a terminal's words come later than what they speak of."""
        try:
            return bool(self.expect(pattern, timeout))
        except Trouble:
            return False

    def reboot(self, timeout=BOOT_LIMIT, ask=lambda vm: vm.agent.send("systemctl reboot")):
        """Restarts as a person would (ASK says how), and waits for the next system to be up."""
        before = self.agent.boot_id
        self.serial.mark()
        ask(self)
        self._with_console(lambda: self.agent.wait_ready(timeout, not_boot=before, look=self._watch([r"Kernel panic", r"No bootable option"])))

    def poweroff(self, timeout=POWEROFF_LIMIT):
        self.agent.send("systemctl poweroff")
        self.wait_off(timeout)

    def wait_off(self, timeout):
        try:
            self._qemu.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Trouble(f"the machine is still on after {timeout} s; its console ends with\n{self.serial.tail()}") from None
        self.close()

    def wait_for_end(self):
        """For a machine that a person drives: waits until it is switched off."""
        status = self._qemu.wait()
        self.close()
        return status

    def screenshot(self, path):
        path = Path(path).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.qmp.screenshot(path)

    def type_on_console(self, text):
        """Types on the serial console, which is /dev/console."""
        os.write(self._input, text.encode())

    def unplug_stick(self):
        self.qmp.command("device_del", id="plug0")

    def _lines_above(self, title):
        """How many entries the menu shows above the one with TITLE; an empty line is above them all."""
        shown = self.serial.since_mark()
        above = shown[: re.search(title, shown).start()].split("\n")[:-1]
        return len(list(itertools.takewhile(str.strip, reversed(above))))

    def choose(self, title, timeout=120):
        """Chooses the entry whose title has TITLE in systemd-boot's menu, with the arrow keys."""
        self.expect(title, timeout)
        # Any key ends the countdown; the first one is there for that.
        self.qmp.press("home")
        time.sleep(1)
        for _ in range(self._lines_above(title)):
            self.qmp.press("down")
            time.sleep(0.4)
        self.qmp.press("ret")
