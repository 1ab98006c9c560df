"""What the real functions keep to the user that they run as: the files that they make, the secrets of TLS, and the memory of the key-encryption key.
Usage: this_user_test.py --programs FOLDER."""
import argparse
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import lab

OPTIONS = None
PATIENCE_S = 60
SANITIZERS = (b"__asan_init", b"__tsan_init")  # a symbol of each that has an mlock of its own
RSMF_ADDRESS = "127.0.0.60"


def mode_of(path):
    return path.stat().st_mode & 0o7777


class ThisUser(unittest.TestCase):
    """Functions in the folder of the lab, in an environment that would rather have it otherwise."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="this-user-"))
        self.lab = lab.Lab(self.folder, OPTIONS.programs, 7)
        self.rsmf = None

    def tearDown(self):
        self.lab.end_all()
        if self.rsmf:
            self.rsmf.terminate()
            self.rsmf.wait(timeout=20)
            self.rsmf.stderr.close()
        shutil.rmtree(self.folder)

    def change(self, name, old, new):
        """One place of a function's configuration."""
        text = self.lab.config(name).read_text()
        self.assertEqual(text.count(old), 1, old)
        self.lab.config(name).write_text(text.replace(old, new))

    def test_files_that_they_make(self):
        """Databases, logs and audit logs are the user's alone, whatever umask the function is started with."""
        self.lab.where_and_who = {"umask": 0}
        subprocess.run(["touch", self.folder / "by-another"], check=True, **self.lab.where_and_who)
        self.assertEqual(mode_of(self.folder / "by-another"), 0o666)  # so it is the function that sees to it
        for name in lab.FUNCTIONS:
            self.change(name, "  # audit: {file:", "  audit: {file:")
            self.lab.start(name)
        for name in lab.FUNCTIONS:
            made = {path.name: mode_of(path) for path in self.folder.glob(name + ".*") if path.suffix not in (".yaml", ".out")}
            self.assertLessEqual({f"{name}{end}" for end in (".db", ".db-wal", ".db-shm", ".log", ".audit")}, made.keys())
            self.assertEqual({file: oct(mode) for file, mode in made.items() if mode & 0o077}, {})

    def start_rsmf(self):
        """With TLS, at a free port of the address that its certificate is for; its URI."""
        pki = self.folder / "pki"
        with socket.create_server((RSMF_ADDRESS, 0)) as free:
            listen = f"{RSMF_ADDRESS}:{free.getsockname()[1]}"
        own = ["--server-certificate", pki / "tls-rsmf.pem", "--server-private-key", pki / "tls-rsmf.key", "--server-ca", pki / "tls-ca.pem"]
        self.rsmf = subprocess.Popen([self.lab.programs / "ue-sim", "rsmf", "--listen", listen, *own], stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE, text=True)
        said = self.rsmf.stderr.readline()
        self.assertRegex(said, "^listening at https://")
        return said.split()[-1]

    def test_secrets_of_tls(self):
        """SSLKEYLOGFILE is a word of the environment, not of the configuration: a device goes all the way, and nothing is logged by it."""
        secrets = {"SSLKEYLOGFILE": str(self.folder / "secrets.log")}
        rsmf = self.start_rsmf()
        self.change("ausf-ext", f"uri: http://127.0.{self.lab.net}.60:8080/notifications", "uri: " + rsmf)
        self.change("ausf-ext", "#~  tls: {certificate:", "    tls: {certificate:")
        for name in lab.FUNCTIONS:
            self.lab.environment[name] = secrets
            self.lab.start(name)
        pki = self.folder / "pki"
        uris = [word for name in lab.FUNCTIONS for word in ("--" + name, self.lab.uri(name))]
        tls = ["--tls-certificate", pki / "tls-ue-sim.pem", "--tls-private-key", pki / "tls-ue-sim.key", "--tls-ca", pki / "tls-ca.pem"]
        done = subprocess.run([self.lab.programs / "ue-sim", "demo", "--pki", pki, *uris, "--rsmf", rsmf, *tls, "--dimsi", "901700000000001",
                               "--count", "1"], capture_output=True, text=True, env={**os.environ, **secrets}, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stdout[-1000:] + done.stderr[-1000:])  # the RSMF was told, over TLS
        self.assertFalse((self.folder / "secrets.log").exists())

    def test_a_key_that_may_be_swapped_out(self):
        """Where no memory may be locked nf-ausf-ext does not start, unless its configuration says in so many words that it may."""
        if any(runtime in (self.lab.programs / "nf-ausf-ext").read_bytes() for runtime in SANITIZERS):
            print("skipped: a sanitizer's mlock locks nothing, and says that it did", file=sys.stderr)
            return
        if os.geteuid() == 0:
            self.lab.become_nobody()  # root locks without limit
        self.lab.start("ausf-ext")
        self.assertEqual(self.lab.end("ausf-ext"), 0)
        self.assertNotIn("swapped out", self.lab.log("ausf-ext"))
        self.lab.where_and_who["preexec_fn"] = lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
        status, said = self.lab.fail_to_start("ausf-ext")
        self.assertEqual(status, 2)
        self.assertIn("ausf_ext.key_encryption_key: would be in memory that may be swapped out", said)
        self.assertIn("LimitMEMLOCK=", said)
        self.change("ausf-ext", "\nausf_ext:\n", "\nausf_ext:\n  insecure_unlocked_memory: true\n")
        self.lab.start("ausf-ext")
        self.assertIn("insecure_unlocked_memory: a key-encryption key may be swapped out", self.lab.log("ausf-ext"))


def main():
    global OPTIONS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


main()
