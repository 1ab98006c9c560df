"""Full, broken, locked, read-only and damaged disks under the real nf-d-ausf and nf-ausf-ext: refused with a problem, named in the log, and
served again without a restart. Usage: storage_faults_test.py --programs FOLDER --preload LIBRARY (tests/faults/faulty_disk_preload.cpp)."""
import argparse
import contextlib
import errno
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
import unittest

import lab

OPTIONS = None
WRITE_FAULTS = (("write", errno.ENOSPC, "No space left on device"), ("write", errno.EIO, "write, Input/output error"),
                ("sync", errno.EIO, "fsync, Input/output error"))
VECTOR = {"rand": "00" * 16, "autn": "11" * 16, "imsi": "001010000009999"}
STALL_S = 2  # a loop that stands still so long is noticed


def vector_target(number):
    return f"/ndausf-vectors/v1/vectors/{901709000000000 + number}"


class StorageFaults(unittest.TestCase):
    """One lab for all; each test leaves it serving."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="storage-faults-")
        cls.lab = lab.Lab(cls.folder, OPTIONS.programs, 2)
        for name in lab.FUNCTIONS:
            cls.prepare(name)
            # Of a page that is mapped, and cannot be read, the kernel tells by SIGBUS: without a mapping it is an error.
            text = cls.lab.config(name).read_text()
            cls.lab.config(name).write_text(re.sub(r"^(  database: .*)$", r"\1\n  database_mapped_mib: 0", text, flags=re.MULTILINE))
            cls.lab.start(name)
        cls.devices, cls.offers = cls.lab.personalise("901700000000001", 30, "all")
        cls.next_device, cls.next_vector = 0, 0
        cls.caller = lab.Caller(cls.lab)

    @classmethod
    def prepare(cls, name, prefix=None):
        control = cls.lab.folder / (name + ".control")
        control.write_text("")
        cls.lab.environment[name] = {"LD_PRELOAD": OPTIONS.preload, "FAULTY_DISK_CONTROL": str(control),
                                     "FAULTY_DISK_PREFIX": prefix or str(cls.lab.database(name))}

    @classmethod
    def tearDownClass(cls):
        cls.lab.end_all()
        shutil.rmtree(cls.folder)

    @contextlib.contextmanager
    def fault(self, name, operation, error):
        """While it lasts, the disk of a function fails; it must have been asked to."""
        control = self.lab.folder / (name + ".control")
        count = self.lab.folder / (name + ".control.count")
        count.unlink(missing_ok=True)
        control.write_text(f"{operation} {error}")
        try:
            yield
        finally:
            control.write_text("")
        self.assertTrue(count.exists(), "the disk was never asked")

    def said_since(self, name, before):
        return self.lab.log(name)[len(before):]

    def new_vector(self):
        type(self).next_vector += 1
        return vector_target(self.next_vector)

    def preload(self, target):
        return self.caller.send("d-ausf", "PUT", target, VECTOR)

    def offer(self):
        """Offers a device; its dIMSI, and the answer."""
        line, dimsi = self.offers[self.next_device], str(901700000000001 + self.next_device)
        type(self).next_device += 1
        return dimsi, self.caller.send("ausf-ext", "PUT", "/nausfext-onboarding/v1/devices/" + dimsi, line.encode())

    def wait_until_preloaded(self, dimsi):
        deadline = time.monotonic() + 20
        document = None
        while time.monotonic() < deadline:
            _, document = self.caller.get("ausf-ext", "/nausfext-onboarding/v1/devices/" + dimsi)
            if document["state"] == "PRELOADED":
                return document["imsi"]
            time.sleep(0.05)
        raise AssertionError(f"{dimsi} is not PRELOADED: {document}")

    def challenge(self, imsi):
        return self.caller.send("ausf-ext", "POST", "/nausf-auth/v1/ue-authentications",
                                {"supiOrSuci": "imsi-" + imsi, "servingNetworkName": lab.NETWORK})

    def assert_refused(self, answer):
        status, document = answer
        self.assertEqual((status, document["status"], document["cause"]), (503, 503, "INSUFFICIENT_RESOURCES"))

    def assert_named(self, name, text, reason):
        self.assertIn(str(self.lab.database(name)), text)
        self.assertIn(reason, text)

    def test_writes_of_vectors(self):
        """nf-d-ausf: a write that the disk refuses is a 503, once a group in the log; reads go on; writes do as soon as they can."""
        for operation, error, reason in WRITE_FAULTS:
            with self.subTest(operation=operation, error=os.strerror(error)):
                before, kept = self.lab.log("d-ausf"), self.new_vector()
                self.assertEqual(self.preload(kept)[0], 201)
                targets, answers = [self.new_vector() for _ in range(24)], []

                def put(target, answers=answers):
                    answers.append(lab.Caller(self.lab).send("d-ausf", "PUT", target, VECTOR))

                with self.fault("d-ausf", operation, error):
                    threads = [threading.Thread(target=put, args=(target,)) for target in targets]
                    for thread in threads:
                        thread.start()
                    for thread in threads:
                        thread.join()
                    self.assertEqual(self.caller.get("d-ausf", kept)[0], 200)
                self.assertEqual(len(answers), len(targets))
                for answer in answers:
                    self.assert_refused(answer)
                said = self.said_since("d-ausf", before)
                self.assert_named("d-ausf", said, reason)
                counts = [int(count) for count in re.findall(r"(\d+) writes were not made", said)]
                self.assertEqual(sum(counts), len(targets), said)
                for target in targets:
                    self.assertEqual(self.caller.get("d-ausf", target)[0], 404)
                self.assertEqual(self.preload(targets[0])[0], 201)

    def test_writes_of_devices(self):
        """nf-ausf-ext: neither an offer nor an authentication is answered before it is written; what was begun goes on when it can be."""
        for operation, error, reason in WRITE_FAULTS:
            with self.subTest(operation=operation, error=os.strerror(error)):
                before = self.lab.log("ausf-ext")
                preloaded, _ = self.offer()
                imsi = self.wait_until_preloaded(preloaded)
                with self.fault("ausf-ext", operation, error):
                    refused, answer = self.offer()
                    self.assert_refused(answer)
                    self.assert_refused(self.challenge(imsi))
                    self.assertEqual(self.caller.get("ausf-ext", "/nausfext-onboarding/v1/devices/" + preloaded)[0], 200)
                self.assert_named("ausf-ext", self.said_since("ausf-ext", before), reason)
                self.assertEqual(self.caller.get("ausf-ext", "/nausfext-onboarding/v1/devices/" + refused)[0], 404)
                self.assertEqual(self.challenge(imsi)[0], 201)
                type(self).next_device -= 1
                again, _ = self.offer()
                self.assertEqual(again, refused)
                self.wait_until_preloaded(again)
                self.attach([preloaded, again])

    def attach(self, dimsis):
        file = self.lab.folder / "some.devices"
        file.write_text("".join(line + "\n" for line in self.devices if any(dimsi in line for dimsi in dimsis)))
        self.lab.run_ue_sim("attach", "--d-ausf", self.lab.uri("d-ausf"), "--ausf-ext", self.lab.uri("ausf-ext"), "--devices", file)

    def test_a_disk_that_fills_up_during_onboarding(self):
        """nf-ausf-ext: a device whose next step cannot be written waits, and goes on when there is room."""
        self.lab.end("d-ausf")
        dimsi, answer = self.offer()
        self.assertEqual(answer[0], 202)  # the D-AUSF is down
        with self.fault("ausf-ext", "write", errno.ENOSPC):
            self.lab.start("d-ausf")
            time.sleep(1.5)  # for the onboarding to come by, in vain
            _, document = self.caller.get("ausf-ext", "/nausfext-onboarding/v1/devices/" + dimsi)
            self.assertNotEqual(document["state"], "PRELOADED")
        self.wait_until_preloaded(dimsi)
        self.attach([dimsi])

    def test_reads(self):
        """A read that the disk refuses is a 500, and named in the log; it is read again once it can be."""
        target = self.new_vector()
        device, _ = self.offer()
        imsi = self.wait_until_preloaded(device)
        places = (("d-ausf", "GET", target, None),
                  ("ausf-ext", "GET", "/nausfext-onboarding/v1/devices/" + device, None),
                  ("ausf-ext", "POST", "/nausf-auth/v1/ue-authentications",
                   {"supiOrSuci": "imsi-" + imsi, "servingNetworkName": lab.NETWORK}))
        for name, method, where, body in places:
            with self.subTest(name=name, target=where):
                self.assertIn(self.preload(target)[0], (200, 201))
                before, other = self.lab.log(name), self.new_vector()
                # A write, so that nothing is left in the readers' memory.
                self.assertEqual(self.preload(other)[0], 201) if name == "d-ausf" else self.assertEqual(self.challenge(imsi)[0], 201)
                with self.fault(name, "read", errno.EIO):
                    status, document = self.caller.send(name, method, where, body)
                self.assertEqual((status, document["cause"]), (500, "SYSTEM_FAILURE"), document)
                self.assertNotIn("SELECT", document["detail"])
                self.assert_named(name, self.said_since(name, before), "Input/output error")
                self.assertIn(self.caller.send(name, method, where, body)[0], (200, 201))
        dimsi, _ = self.offer()
        self.wait_until_preloaded(dimsi)

    def test_a_locked_database(self):
        """Another process holds the database: reads go on at once, writes are 503 after the busy timeout, and taken when it lets go."""
        kept, target = self.new_vector(), self.new_vector()
        self.assertEqual(self.preload(kept)[0], 201)
        other = sqlite3.connect(self.lab.database("d-ausf"), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        answers = []
        writer = threading.Thread(target=lambda: answers.append(lab.Caller(self.lab).send("d-ausf", "PUT", target, VECTOR)))
        writer.start()
        slowest = 0
        while writer.is_alive():
            begin = time.monotonic()
            self.assertEqual(self.caller.get("d-ausf", kept)[0], 200)
            slowest = max(slowest, time.monotonic() - begin)
            time.sleep(0.02)
        other.execute("ROLLBACK")
        other.close()
        self.assert_refused(answers[0])
        self.assertLess(slowest, STALL_S)
        self.assertIn("database is locked", self.lab.log("d-ausf"))
        self.assertEqual(self.preload(target)[0], 201)

    def test_z1_a_damaged_database(self):
        """Pages that are overwritten: 500 and a line of the log for those who need them, and no crash; 404 is never made of it."""
        target = self.new_vector()
        self.assertEqual(self.preload(target)[0], 201)
        self.assertEqual(self.lab.end("d-ausf"), 0)
        path = self.lab.database("d-ausf")
        shutil.copy(path, str(path) + ".sound")
        database = sqlite3.connect(path)
        (root,), (page_size,) = (database.execute(sql).fetchone() for sql in
                                 ("SELECT rootpage FROM sqlite_master WHERE name = 'vectors'", "PRAGMA page_size"))
        database.close()
        with open(path, "r+b") as file:
            file.seek((root - 1) * page_size)
            file.write(b"\x5a" * page_size)
        self.lab.start("d-ausf")
        before = self.lab.log("d-ausf")
        for _ in range(3):
            status, document = self.caller.get("d-ausf", target)
            self.assertEqual((status, document["cause"]), (500, "SYSTEM_FAILURE"))
        self.assert_refused(self.preload(self.new_vector()))
        said = self.said_since("d-ausf", before)
        self.assertIn("malformed", said)
        self.assertIn(str(path), said)
        self.assertEqual(self.lab.end("d-ausf"), 0)
        self.restart_with_sound_database()

    def remove_companions(self):
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(str(self.lab.database("d-ausf")) + suffix)

    def restart_with_sound_database(self):
        path = str(self.lab.database("d-ausf"))
        self.remove_companions()
        shutil.copy(path + ".sound", path)
        self.lab.start("d-ausf")
        self.assertEqual(self.preload(self.new_vector())[0], 201)

    def test_z2_what_cannot_start_says_why(self):
        """A header that is overwritten, a file or a folder that cannot be written: exit status 1, and a line that names the file."""
        path = str(self.lab.database("d-ausf"))
        self.assertEqual(self.lab.end("d-ausf"), 0)
        shutil.copy(path, path + ".sound")
        with self.subTest("read-only"), self.fault("d-ausf", "open", errno.EACCES):
            status, said = self.lab.fail_to_start("d-ausf")
            self.assertEqual(status, 1)
            self.assertIn(f"the database {path} cannot be written", said)
        with self.subTest("folder read-only"):
            self.prepare("d-ausf", path + "-")
            with self.fault("d-ausf", "open", errno.EACCES):
                status, said = self.lab.fail_to_start("d-ausf")
            self.prepare("d-ausf")
            self.assertEqual(status, 1)
            self.assertIn("attempt to write a readonly database (" + path, said)
        with self.subTest("no such folder"):
            self.lab.config("d-ausf").write_text(self.lab.config("d-ausf").read_text().replace(path, path + ".none/x.db"))
            status, said = self.lab.fail_to_start("d-ausf")
            self.lab.config("d-ausf").write_text(self.lab.config("d-ausf").read_text().replace(path + ".none/x.db", path))
            self.assertEqual(status, 1)
            self.assertIn(f"cannot open the database {path}.none/x.db", said)
        with self.subTest("no database"):
            self.remove_companions()
            with open(path, "r+b") as file:
                file.write(b"this was a database once")
            status, said = self.lab.fail_to_start("d-ausf")
            self.assertEqual(status, 1)
            self.assertIn(path, said)
            self.assertIn("file is not a database", said)
        self.restart_with_sound_database()


def main():
    global OPTIONS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--preload", required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


main()
