"""What a crash of the real functions leaves of their memory, and who may read that while they run: nothing, and nobody.
Usage: core_dumps_test.py --programs FOLDER."""
import argparse
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import lab

OPTIONS = None
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
CORE_PATTERN = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
# A sanitizer takes SIGSEGV for itself, and ends the process in its own way.
ENVIRONMENT = {name: "handle_segv=0:" + os.environ.get(name, "") for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")}


def limit_of(pid):
    """(soft, hard) of the size of core files, as /proc says it."""
    text = pathlib.Path(f"/proc/{pid}/limits").read_text()
    return re.search(r"^Max core file size\s+(\S+)\s+(\S+)", text, re.MULTILINE).groups()


def lift_limit(pid):
    """Core files as large as they like, from outside: what is left then is what the process itself forbids. True if we may."""
    try:
        resource.prlimit(pid, resource.RLIMIT_CORE, UNLIMITED)
        return True
    except PermissionError:
        return False


class CoreDumps(unittest.TestCase):
    """Functions that run in the folder of the lab, where a core file would be, and not as root, who may look into every process."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="core-dumps-")
        self.user = os.geteuid() or lab.NOBODY
        self.lab = lab.Lab(self.folder, OPTIONS.programs, 4)
        self.lab.where_and_who = {"cwd": self.folder}
        for name in lab.FUNCTIONS:
            self.lab.environment[name] = ENVIRONMENT
        if os.geteuid() == 0:
            self.lab.become_nobody()

    def tearDown(self):
        self.lab.end_all()
        shutil.rmtree(self.folder)

    def start(self, name):
        self.lab.start(name)
        return self.lab.process[name].pid

    def crash(self, process, how):
        """Whether the kernel says that it dumped core, whatever core_pattern names: a file or a program."""
        process.send_signal(how)
        end = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        self.assertEqual(process.wait(timeout=30), -how)
        return end.si_code == os.CLD_DUMPED

    def core_files(self):
        return sorted(path.name for path in pathlib.Path(self.folder).iterdir() if path.name.startswith("core"))

    def assert_closed(self, pid):
        """By /proc, which gives a process that is not dumpable to root: so its user can neither read its memory nor attach to it."""
        self.assertEqual(limit_of(pid), ("0", "0"))
        self.assertEqual(os.stat(f"/proc/{pid}/mem").st_uid, 0)
        reading = subprocess.run(["cat", f"/proc/{pid}/maps"], capture_output=True, **self.lab.where_and_who)
        self.assertNotEqual(reading.returncode, 0)

    def test_a_crash_leaves_no_core(self):
        """SIGABRT and SIGSEGV of each function: no core file and no dump into a pipe, not even where somebody lifted the limit."""
        is_lifted = True
        for name in lab.FUNCTIONS:
            for how in (signal.SIGABRT, signal.SIGSEGV):
                with self.subTest(function=name, signal=how.name):
                    self.lab.end_all()
                    self.assert_closed(self.start(name))
                    self.assertFalse(self.crash(self.lab.process.pop(name), how))
                    is_lifted = lift_limit(self.start(name)) and is_lifted
                    self.assertFalse(self.crash(self.lab.process.pop(name), how))
                    self.assertEqual(self.core_files(), [])
        if not is_lifted:
            print("skipped: whether it is dumped where the limit was lifted, which we may not do", file=sys.stderr)

    def test_the_simulator_leaves_no_core_either(self):
        """ue-sim, which has the keys of devices."""
        process = subprocess.Popen([self.lab.programs / "ue-sim", "rsmf", "--listen", f"127.0.{self.lab.net}.60:8080"],
                                   stdout=subprocess.DEVNULL, env={**os.environ, **ENVIRONMENT}, **self.lab.where_and_who)
        try:
            deadline = time.monotonic() + 20
            while limit_of(process.pid) != ("0", "0") and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.2)  # between the limit and the rest
            self.assert_closed(process.pid)
            lift_limit(process.pid)
            self.assertFalse(self.crash(process, signal.SIGABRT))
            self.assertEqual(self.core_files(), [])
        finally:
            process.kill()
            process.wait()

    def test_a_lab_may_say_otherwise(self):
        """With insecure_debugging the user may look into the process, and the log warns of it: so the test above sees what it looks for."""
        config = self.lab.config("arpf")
        config.write_text(config.read_text().replace("\narpf:\n", "\narpf:\n  insecure_debugging: true\n", 1))
        pid = self.start("arpf")
        self.assertIn("insecure_debugging: whoever is this user may read every key", self.lab.log("arpf"))
        self.assertEqual(limit_of(pid), ("0", "0"))
        self.assertEqual(os.stat(f"/proc/{pid}/mem").st_uid, self.user)
        if not lift_limit(pid) or "/" in CORE_PATTERN:
            print(f"skipped: whether it is dumped then (the limit cannot be lifted, or core_pattern is {CORE_PATTERN})", file=sys.stderr)
            return
        self.assertTrue(self.crash(self.lab.process.pop("arpf"), signal.SIGABRT))
        self.assertNotEqual(self.core_files(), [])


def main():
    global OPTIONS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


main()
