"""Backup and restore of the real functions: while they run and write, after all was wiped, and what is refused.
Usage: backup_test.py --programs FOLDER."""
import argparse
import os
import pathlib
import shutil
import signal
import sqlite3
import stat
import sys
import tempfile
import threading
import unittest

import lab

OPTIONS = None
DEVICES = 12


class Backup(unittest.TestCase):
    """A lab for each test, with devices that are PRELOADED."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="backup-")
        self.lab = lab.Lab(self.folder, OPTIONS.programs, 3)
        for name in lab.FUNCTIONS:
            self.lab.start(name)
        self.devices, self.offers = self.lab.personalise("901700000000001", DEVICES, "all")
        self.lab.run_ue_sim("offer", "--ausf-ext", self.lab.uri("ausf-ext"), "--ledger", self.lab.folder / "all.ledger", "--wait", 30)

    def tearDown(self):
        self.lab.end_all()
        shutil.rmtree(self.folder)

    def file(self, name):
        return self.lab.folder / (name + ".backup")

    def back_up(self, name):
        status, said = self.lab.command(name, "backup", "--to", self.file(name))
        self.assertEqual(status, 0, said)

    def restore(self, name):
        status, said = self.lab.command(name, "restore", "--from", self.file(name))
        self.assertEqual(status, 0, said)
        return said

    def refused(self, name, *arguments):
        """The command must fail; what it said."""
        status, said = self.lab.command(name, *arguments)
        self.assertEqual(status, 1, said)
        return said

    def attach(self):
        self.lab.run_ue_sim("attach", "--d-ausf", self.lab.uri("d-ausf"), "--ausf-ext", self.lab.uri("ausf-ext"),
                            "--devices", self.lab.folder / "all.devices")

    def leftovers(self):
        return [path.name for path in self.lab.folder.iterdir() if ".part" in path.name]

    def test_wiped_and_restored(self):
        """What was backed up while it ran is served again after all databases were lost: every device attaches."""
        for name in lab.FUNCTIONS:
            self.back_up(name)
        for name in lab.FUNCTIONS:
            self.lab.end(name, signal.SIGKILL)
            for suffix in ("", "-wal", "-shm"):
                pathlib.Path(str(self.lab.database(name)) + suffix).unlink(missing_ok=True)
            self.assertNotIn("before-restore", self.restore(name))
            self.lab.start(name)
        self.attach()

    def test_while_it_writes(self):
        """A backup during writes is one moment: all that was acknowledged before it began, of each writer a beginning without gaps."""
        may_write, written = threading.Event(), [0] * 4
        may_write.set()

        def write(writer):
            caller = lab.Caller(self.lab)
            while may_write.is_set():
                number = written[writer]
                status, _ = caller.send("d-ausf", "PUT", f"/ndausf-vectors/v1/vectors/{901709000000000 + writer * 1000000 + number}",
                                        {"rand": "00" * 16, "autn": "11" * 16, "imsi": "001010000009999"})
                assert status == 201, status
                written[writer] += 1

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(len(written))]
        for thread in threads:
            thread.start()
        before, counts = [], []
        for round_number in range(3):
            before.append(list(written))
            self.file("d-ausf").unlink(missing_ok=True)
            self.back_up("d-ausf")
            counts.append(self.counts(self.file("d-ausf"), len(written)))
            self.assertTrue(all(count >= least for count, least in zip(counts[-1], before[-1])), f"{counts[-1]} after {before[-1]}")
        may_write.clear()
        for thread in threads:
            thread.join()
        self.assertTrue(all(count <= most for count, most in zip(counts[-1], written)))
        self.assertGreater(sum(before[2]), sum(before[1]), "nothing was written meanwhile")

    def counts(self, path, writers):
        database = sqlite3.connect(path)
        dimsis = [f"{value & (1 << 64) - 1:016x}"[:15] for value, in database.execute("SELECT dimsi FROM vectors")]
        database.close()
        out = []
        for writer in range(writers):
            numbers = sorted(int(dimsi) for dimsi in dimsis if dimsi.startswith(str(901709000000000 + writer * 1000000)[:9]))
            self.assertEqual(numbers, [901709000000000 + writer * 1000000 + i for i in range(len(numbers))])
            out.append(len(numbers))
        return out

    def test_the_file(self):
        """A backup is one file for this user alone; it replaces none, and leaves nothing behind when it fails."""
        self.back_up("ausf-ext")
        self.assertEqual(stat.S_IMODE(self.file("ausf-ext").stat().st_mode), 0o600)
        content = self.file("ausf-ext").read_bytes()
        self.assertIn("is there already", self.refused("ausf-ext", "backup", "--to", self.file("ausf-ext")))
        self.assertEqual(self.file("ausf-ext").read_bytes(), content)
        self.assertIn("cannot make", self.refused("ausf-ext", "backup", "--to", self.lab.folder / "none" / "file"))
        self.assertEqual(self.lab.command("ausf-ext", "backup")[0], 2)
        self.assertEqual(self.leftovers(), [])
        self.assertEqual([path.name for path in self.lab.folder.glob("*.backup*")], ["ausf-ext.backup"])

    def test_sealed(self):
        """No key is in a backup in clear; without its key-encryption key, a restored nf-ausf-ext does not start."""
        self.back_up("ausf-ext")
        content = self.file("ausf-ext").read_bytes()
        for line in self.devices:
            key = line.split('"eK":"')[1][:32]
            self.assertFalse(bytes.fromhex(key) in content or key.encode() in content)
        self.lab.end("ausf-ext")
        self.restore("ausf-ext")
        key_file = self.lab.folder / "pki" / "kek.hex"
        key_file.write_text("00" * 32)
        status, said = self.lab.fail_to_start("ausf-ext")
        self.assertEqual(status, 1)
        self.assertIn("key_encryption_key is not the one", said)

    def test_refused(self):
        """While the function runs, and for what is no sound backup of it: refused, and the database stays what it is."""
        self.back_up("d-ausf")
        self.back_up("arpf")
        self.assertIn("stop the function first", self.refused("d-ausf", "restore", "--from", self.file("d-ausf")))
        self.attach()  # nothing happened to it
        self.lab.end("d-ausf")
        self.assertIn("is not a backup of this function", self.refused("d-ausf", "restore", "--from", self.file("arpf")))
        self.assertIn("there is no backup", self.refused("d-ausf", "restore", "--from", self.lab.folder / "none"))
        newer = self.lab.folder / "newer"
        shutil.copy(self.file("d-ausf"), newer)
        database = sqlite3.connect(newer)
        database.execute("PRAGMA user_version=99")
        database.close()
        self.assertIn("newer than this program knows", self.refused("d-ausf", "restore", "--from", newer))
        torn = self.lab.folder / "torn"
        torn.write_bytes(self.file("d-ausf").read_bytes()[:-2048])
        self.refused("d-ausf", "restore", "--from", torn)
        text = self.lab.folder / "text"
        text.write_text("no database at all, but long enough to be looked at\n" * 100)
        self.refused("d-ausf", "restore", "--from", text)
        self.assertEqual(self.leftovers(), [])
        self.assertEqual(list(self.lab.folder.glob("*before-restore*")), [])
        self.lab.start("d-ausf")
        self.attach()

    def test_the_old_one_is_kept(self):
        """What a restore replaces is kept whole, whatever its process left of it, even if it is damaged."""
        self.back_up("d-ausf")
        status, _ = lab.Caller(self.lab).send("d-ausf", "PUT", "/ndausf-vectors/v1/vectors/901709999999999",
                                              {"rand": "00" * 16, "autn": "11" * 16, "imsi": "001010000009999"})
        self.assertEqual(status, 201)
        self.lab.end("d-ausf", signal.SIGKILL)
        self.restore("d-ausf")
        aside, = (path for path in self.lab.folder.glob("d-ausf.db.before-restore-*") if path.suffix != ".db-wal")
        database = sqlite3.connect(aside)
        self.assertEqual(database.execute("SELECT count(*) FROM vectors").fetchone(), (DEVICES + 1,))
        database.close()
        self.assertEqual(stat.S_IMODE(self.lab.database("d-ausf").stat().st_mode), 0o600)
        self.lab.start("d-ausf")
        self.assertEqual(lab.Caller(self.lab).get("d-ausf", "/ndausf-vectors/v1/vectors/901709999999999")[0], 404)
        self.attach()
        self.lab.end("d-ausf")
        with open(self.lab.database("d-ausf"), "r+b") as file:
            file.write(b"\0" * 4096)
        self.assertIn("before-restore", self.restore("d-ausf"))
        self.lab.start("d-ausf")
        self.attach()


def main():
    global OPTIONS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True)
    OPTIONS, rest = parser.parse_known_args()
    os.umask(0o022)
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


main()
