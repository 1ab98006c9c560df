"""Full, broken, locked, read-only and damaged disks under the three real functions: refused with a problem, named in the log, and served again
without a restart. Usage: storage_faults_test.py --programs FOLDER --preload LIBRARY (tests/faults/faulty_disk_preload.cpp)."""
import argparse
import contextlib
import errno
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
import unittest

import http2_caller
import lab

OPTIONS = None
WRITE_FAULTS = (((("write", errno.ENOSPC),), "No space left on device"), ((("write", errno.EIO),), "write, Input/output error"),
                ((("sync", errno.EIO),), "fsync, Input/output error"),
                ((("write", errno.EROFS), ("open", errno.EROFS)), "write, Read-only file system"))
FULL = ("write", errno.ENOSPC)
VECTOR = {"rand": "00" * 16, "autn": "11" * 16, "imsi": "001010000009999"}
STALL_S = 2  # a loop that stands still so long is noticed
VECTORS, DEVICES, IMPORTS = "/ndausf-vectors/v1/vectors", "/nausfext-onboarding/v1/devices/", "/nausfext-onboarding/v1/imports"
CLAIMS = "/narpf-keys/v1/claims/"


def vector_target(number):
    return f"{VECTORS}/{901709000000000 + number}"


def told(faults):
    return ", ".join(f"{operation}: {os.strerror(error)}" for operation, error in faults)


class StorageFaults(unittest.TestCase):
    """One lab for all tests of a class, each of which leaves it serving."""

    mapped_mib = None  # of each database; None: as it is configured without a word of it

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="storage-faults-")
        cls.lab = lab.Lab(cls.folder, OPTIONS.programs, 2)
        for name in lab.FUNCTIONS:
            cls.prepare(name)
            if cls.mapped_mib is not None:
                text = cls.lab.config(name).read_text()
                more = rf"\1\n  database_mapped_mib: {cls.mapped_mib}"
                cls.lab.config(name).write_text(re.sub(r"^(  database: .*)$", more, text, flags=re.MULTILINE))
            cls.lab.start(name)
        cls.devices, cls.offers = cls.lab.personalise("901700000000001", 60, "all")
        certificate = (cls.lab.folder / "pki" / "operator.pem").read_text()
        cls.operator = certificate.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0].replace("\n", "")
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
    def fault(self, name, *faults):
        """While it lasts, the disk of a function fails as `faults` say, (operation, error) or (operation, error, ending of the file's name) each;
        it must have been asked to."""
        control = self.lab.folder / (name + ".control")
        count = self.lab.folder / (name + ".control.count")
        count.unlink(missing_ok=True)
        control.write_text("".join(" ".join(map(str, fault)) + "\n" for fault in faults))
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

    def next_offer(self):
        """The dIMSI of a device that was not offered yet, and its offer."""
        type(self).next_device += 1
        return str(901700000000000 + self.next_device), self.offers[self.next_device - 1]

    def offer(self):
        """Offers a device; its dIMSI, and the answer."""
        dimsi, line = self.next_offer()
        return dimsi, self.caller.send("ausf-ext", "PUT", DEVICES + dimsi, line.encode())

    def wait_until_preloaded(self, dimsi):
        deadline = time.monotonic() + 20
        document = None
        while time.monotonic() < deadline:
            _, document = self.caller.get("ausf-ext", DEVICES + dimsi)
            if document["state"] == "PRELOADED":
                return document["imsi"]
            time.sleep(0.05)
        raise AssertionError(f"{dimsi} is not PRELOADED: {document}")

    def challenge(self, imsi):
        return self.caller.send("ausf-ext", "POST", "/nausf-auth/v1/ue-authentications",
                                {"supiOrSuci": "imsi-" + imsi, "servingNetworkName": lab.NETWORK})

    def next_key(self):
        """A device whose key was not asked for yet: its dIMSI, and the body that asks for it."""
        dimsi, line = self.next_offer()
        return dimsi, {"seCredentials": json.loads(line)["arpfs"][0]["seCredentials"], "operatorCertificate": self.operator}

    def retrieve(self, dimsi, body):
        return self.caller.send("arpf", "POST", f"/narpf-keys/v1/devices/{dimsi}/retrieve-key", body)

    def assert_claimed(self, dimsi, retrievals):
        status, claim = self.caller.get("arpf", CLAIMS + dimsi)
        self.assertEqual((status, claim["retrievals"]), (200, retrievals))

    def wait_for(self, what, holds, seconds=10):
        deadline = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), deadline, f"never: {what}")
            time.sleep(0.02)

    def assert_refused(self, answer):
        status, document = answer
        self.assertEqual((status, document["status"], document["cause"]), (503, 503, "INSUFFICIENT_RESOURCES"))
        self.assertLessEqual(set(document), {"status", "title", "cause", "detail"})

    def assert_named(self, name, text, reason):
        self.assertIn(str(self.lab.database(name)), text)
        self.assertIn(reason, text)

    def attach(self, dimsis):
        file = self.lab.folder / "some.devices"
        file.write_text("".join(line + "\n" for line in self.devices if any(dimsi in line for dimsi in dimsis)))
        self.lab.run_ue_sim("attach", "--d-ausf", self.lab.uri("d-ausf"), "--ausf-ext", self.lab.uri("ausf-ext"), "--devices", file)


class WriteFaults:
    """Writes that the disk refuses, whichever way the databases are read."""

    def test_writes_of_vectors(self):
        """nf-d-ausf: a write that the disk refuses is a 503, once a group in the log; reads go on; writes do as soon as they can."""
        for faults, reason in WRITE_FAULTS:
            with self.subTest(told(faults)):
                before, kept = self.lab.log("d-ausf"), self.new_vector()
                self.assertEqual(self.preload(kept)[0], 201)
                targets, answers = [self.new_vector() for _ in range(24)], []

                def put(target, answers=answers):
                    answers.append(lab.Caller(self.lab).send("d-ausf", "PUT", target, VECTOR))

                with self.fault("d-ausf", *faults):
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
                # and perhaps what an earlier test brought about: who was served is noted up to two seconds later
                self.assertTrue(len(targets) <= sum(counts) <= len(targets) + 2, said)
                for target in targets:
                    self.assertEqual(self.caller.get("d-ausf", target)[0], 404)
                self.assertEqual(self.preload(targets[0])[0], 201)

    def test_writes_of_devices(self):
        """nf-ausf-ext: neither an offer nor an authentication is answered before it is written; what was begun goes on when it can be."""
        for faults, reason in WRITE_FAULTS:
            with self.subTest(told(faults)):
                before = self.lab.log("ausf-ext")
                preloaded, _ = self.offer()
                imsi = self.wait_until_preloaded(preloaded)
                with self.fault("ausf-ext", *faults):
                    refused, answer = self.offer()
                    self.assert_refused(answer)
                    self.assert_refused(self.challenge(imsi))
                    self.assert_refused(self.caller.send("ausf-ext", "POST", DEVICES + preloaded + "/retire"))
                    status, document = self.caller.get("ausf-ext", DEVICES + preloaded)
                    self.assertEqual((status, document["state"]), (200, "PRELOADED"))
                self.assert_named("ausf-ext", self.said_since("ausf-ext", before), reason)
                self.assertEqual(self.caller.get("ausf-ext", DEVICES + refused)[0], 404)
                self.assertEqual(self.challenge(imsi)[0], 201)
                type(self).next_device -= 1
                again, _ = self.offer()
                self.assertEqual(again, refused)
                self.wait_until_preloaded(again)
                self.attach([preloaded, again])
                self.assertEqual(self.caller.send("ausf-ext", "POST", DEVICES + preloaded + "/retire")[0], 204)
                self.wait_for("its vector is gone", lambda: self.caller.get("d-ausf", f"{VECTORS}/{preloaded}")[0] == 404)

    def test_writes_of_claims(self):
        """nf-arpf: no key leaves, and none is spent, before that is written; claims that are there stay what they are."""
        for faults, reason in WRITE_FAULTS:
            with self.subTest(told(faults)):
                before, held, refused = self.lab.log("arpf"), self.next_key(), self.next_key()
                self.assertEqual(self.retrieve(*held)[0], 200)
                with self.fault("arpf", *faults):
                    self.assert_refused(self.retrieve(*refused))
                    self.assert_refused(self.retrieve(*held))
                    self.assert_refused(self.caller.send("arpf", "POST", CLAIMS + held[0] + "/retire"))
                    self.assert_refused(self.caller.send("arpf", "DELETE", CLAIMS + held[0]))
                    self.assert_claimed(held[0], 1)
                    self.assertEqual(self.caller.get("arpf", CLAIMS + refused[0])[0], 404)
                self.assert_named("arpf", self.said_since("arpf", before), reason)
                self.assertEqual(self.caller.get("arpf", CLAIMS + refused[0])[0], 404)
                for key, retrievals in ((refused, 1), (held, 2)):
                    status, document = self.retrieve(*key)
                    self.assertEqual(status, 200, document)
                    self.assert_claimed(key[0], retrievals)
                self.assertEqual(self.caller.send("arpf", "POST", CLAIMS + held[0] + "/retire")[0], 204)
                status, document = self.retrieve(*held)
                self.assertEqual((status, document["cause"]), (403, "TOKEN_SPENT"))

    def test_a_disk_that_fills_up_during_a_bulk_load(self):
        """nf-d-ausf: the load is a 503, though pieces of it were stored; they stay what they are, and the load can be repeated."""
        caller, count = http2_caller.Http2Caller(self.lab), 10000
        lines = [json.dumps({**VECTOR, "dimsi": str(901708000000000 + number), "rand": f"{number:032x}"}) + "\n" for number in range(count)]
        first, middle, last = (f"{VECTORS}/{901708000000000 + number}" for number in (0, count // 2, count - 1))
        for target in (first, middle, last):
            self.assertIn(self.caller.send("d-ausf", "DELETE", target)[0], (204, 404))
        before, upload = self.lab.log("d-ausf"), http2_caller.Upload(caller, "d-ausf", VECTORS)
        upload.write("".join(lines[:5000]).encode())  # a piece is 4096 lines
        self.wait_for("a piece is stored", lambda: self.caller.get("d-ausf", first)[0] == 200)
        with self.fault("d-ausf", FULL):
            upload.write("".join(lines[5000:]).encode())
            answer = upload.end()
            self.assert_refused(answer)
            taken = int(re.search(r"(\d+) vectors taken, 0 refused", answer[1]["detail"])[1])  # a piece or a little more
            self.assertTrue(4096 <= taken <= 5000, answer[1]["detail"])
            self.assertEqual(self.caller.get("d-ausf", first)[1]["rand"], f"{0:032x}")
        self.assert_named("d-ausf", self.said_since("d-ausf", before), "No space left on device")
        self.assertEqual([self.caller.get("d-ausf", target)[0] for target in (first, middle, last)], [200, 404, 404])
        status, report = caller.load("d-ausf", VECTORS, "".join(lines).encode())
        self.assertEqual((status, report["accepted"], report["rejected"]), (200, count, 0))
        self.assertEqual(self.caller.get("d-ausf", last)[1]["rand"], f"{count - 1:032x}")

    def test_a_disk_that_fills_up_during_an_import(self):
        """nf-ausf-ext: the import is a 503, and no device of what was not stored is known; repeated, it is done."""
        caller, before = http2_caller.Http2Caller(self.lab), self.lab.log("ausf-ext")
        offers = [self.next_offer() for _ in range(3)]
        wrong = "".join(f'{{"dimsi":"{901708900000000 + number}","arpfs":[]}}\n' for number in range(300))  # a piece is 256 lines
        upload = http2_caller.Upload(caller, "ausf-ext", IMPORTS)
        upload.write(wrong.encode())
        reader = sqlite3.connect(f"file:{self.lab.database('ausf-ext')}?mode=ro", uri=True)
        stored = "SELECT count(*) FROM import_lines WHERE import_id = (SELECT id FROM imports WHERE NOT is_read ORDER BY received DESC LIMIT 1)"
        self.wait_for("a piece is stored", lambda: reader.execute(stored).fetchone()[0] >= 256)
        reader.close()
        with self.fault("ausf-ext", FULL):
            upload.write("".join(line + "\n" for _, line in offers).encode())
            answer = upload.end()
            self.assert_refused(answer)
            stored_lines = int(re.search(r"(\d+) stored", answer[1]["detail"])[1])  # a piece or a little more
            self.assertTrue(256 <= stored_lines <= 300, answer[1]["detail"])
            for dimsi, _ in offers:
                self.assertEqual(self.caller.get("ausf-ext", DEVICES + dimsi)[0], 404)
        self.assert_named("ausf-ext", self.said_since("ausf-ext", before), "No space left on device")
        status, report = caller.load("ausf-ext", IMPORTS, (wrong + "".join(line + "\n" for _, line in offers)).encode())
        self.assertEqual((status, report["received"], report["failed"]), (202, 303, 300))
        done = {"state": "DONE", "received": 303, "preloaded": 3, "failed": 300}
        self.wait_for("the import is done", lambda: done.items() <= self.caller.get("ausf-ext", f"{IMPORTS}/{report['importId']}")[1].items())
        self.attach([dimsi for dimsi, _ in offers])

    def test_a_disk_that_fills_up_during_onboarding(self):
        """nf-ausf-ext: a device whose next step cannot be written waits, and goes on when there is room."""
        self.lab.end("d-ausf")
        dimsi, answer = self.offer()
        self.assertEqual(answer[0], 202)  # the D-AUSF is down
        with self.fault("ausf-ext", FULL):
            self.lab.start("d-ausf")
            time.sleep(1.5)  # for the onboarding to come by, in vain
            _, document = self.caller.get("ausf-ext", DEVICES + dimsi)
            self.assertNotEqual(document["state"], "PRELOADED")
        self.wait_until_preloaded(dimsi)
        self.attach([dimsi])


class Unmapped(WriteFaults, StorageFaults):
    """Of a page that is mapped, and cannot be read, the kernel tells by SIGBUS: without a mapping it is an error."""

    mapped_mib = 0

    def test_reads(self):
        """A read that the disk refuses is a 500, and named in the log; it is read again once it can be."""
        target = self.new_vector()
        device, _ = self.offer()
        imsi = self.wait_until_preloaded(device)
        places = (("d-ausf", "GET", target, None),
                  ("ausf-ext", "GET", DEVICES + device, None),
                  ("ausf-ext", "POST", "/nausf-auth/v1/ue-authentications",
                   {"supiOrSuci": "imsi-" + imsi, "servingNetworkName": lab.NETWORK}))
        for name, method, where, body in places:
            with self.subTest(name=name, target=where):
                self.assertIn(self.preload(target)[0], (200, 201))
                before, other = self.lab.log(name), self.new_vector()
                # A write, so that nothing is left in the readers' memory.
                self.assertEqual(self.preload(other)[0], 201) if name == "d-ausf" else self.assertEqual(self.challenge(imsi)[0], 201)
                with self.fault(name, ("read", errno.EIO)):
                    status, document = self.caller.send(name, method, where, body)
                self.assertEqual((status, document["cause"]), (500, "SYSTEM_FAILURE"), document)
                self.assertNotIn("SELECT", document["detail"])
                self.assert_named(name, self.said_since(name, before), "Input/output error")
                self.assertIn(self.caller.send(name, method, where, body)[0], (200, 201))
        dimsi, _ = self.offer()
        self.wait_until_preloaded(dimsi)

    def test_reads_of_what_is_due(self):
        """What nobody asked for is read in vain, too, and the log says so; receipts and onboarding go on once it can be read."""
        for name, said, write in (("d-ausf", "receipts that are due cannot be read", lambda: self.preload(self.new_vector())),
                                  ("ausf-ext", "onboarding cannot read what is due", self.offer)):
            with self.subTest(name):
                before = self.lab.log(name)
                # A write, so that nothing is left in the readers' memory; the committer's own pages need not be read.
                write()
                with self.fault(name, ("read", errno.EIO)):
                    self.wait_for(said, lambda: said in self.said_since(name, before))
                self.assert_named(name, self.said_since(name, before), "Input/output error")
        dimsi, _ = self.offer()
        self.wait_until_preloaded(dimsi)


class AsShipped(WriteFaults, StorageFaults):
    """The configurations as they are in config/: the D-AUSF and the target AUSF read their databases through mappings."""

    def test_locked_databases(self):
        """Another process holds the databases: reads go on at once, writes are 503 after the busy timeout, and taken when it lets go."""
        kept, target, key, (dimsi, line) = self.new_vector(), self.new_vector(), self.next_key(), self.next_offer()
        device, _ = self.offer()
        self.wait_until_preloaded(device)
        held = self.next_key()
        self.assertEqual((self.preload(kept)[0], self.retrieve(*held)[0]), (201, 200))
        writes = {"d-ausf": ("PUT", target, VECTOR), "arpf": ("POST", f"/narpf-keys/v1/devices/{key[0]}/retrieve-key", key[1]),
                  "ausf-ext": ("PUT", DEVICES + dimsi, line.encode())}
        reads = {"d-ausf": kept, "arpf": CLAIMS + held[0], "ausf-ext": DEVICES + device}
        before, others, answers = {name: self.lab.log(name) for name in writes}, [], {}
        for name in writes:
            others.append(sqlite3.connect(self.lab.database(name), isolation_level=None))
            others[-1].execute("BEGIN EXCLUSIVE")

        def write(name):
            answers[name] = lab.Caller(self.lab).send(name, *writes[name])

        writers = [threading.Thread(target=write, args=(name,)) for name in writes]
        for writer in writers:
            writer.start()
        slowest = 0
        while any(writer.is_alive() for writer in writers):
            for name, where in reads.items():
                begin = time.monotonic()
                self.assertEqual(self.caller.get(name, where)[0], 200)
                slowest = max(slowest, time.monotonic() - begin)
            time.sleep(0.02)
        for other in others:
            other.execute("ROLLBACK")
            other.close()
        self.assertLess(slowest, STALL_S)
        for name, request in writes.items():
            with self.subTest(name):
                self.assert_refused(answers[name])
                self.assert_named(name, self.said_since(name, before[name]), "database is locked")
                self.assertIn(self.caller.send(name, *request)[0], (200, 201, 202))
        self.assert_claimed(key[0], 1)
        self.wait_until_preloaded(dimsi)

    def test_a_checkpoint_that_fails(self):
        """The WAL takes what the database file cannot: writes are acknowledged, the log says what failed, and a later checkpoint makes it good."""
        before, target = self.lab.log("d-ausf"), self.new_vector()
        with self.fault("d-ausf", ("write", errno.EIO, ".db")):
            self.assertEqual(self.preload(target)[0], 201)
            self.wait_for("a checkpoint failed", lambda: "a checkpoint failed" in self.said_since("d-ausf", before))
            self.assertEqual(self.preload(self.new_vector())[0], 201)
            self.assertEqual(self.caller.get("d-ausf", target)[0], 200)
        self.assert_named("d-ausf", self.said_since("d-ausf", before), "a checkpoint failed")
        last = self.new_vector()
        self.assertEqual(self.preload(last)[0], 201)
        self.wait_for("what was written is in the database file", lambda: self.is_in_file(target) and self.is_in_file(last))

    def is_in_file(self, target):
        """Whether the database file has the vector, without its WAL."""
        copy = self.lab.folder / "without-wal.db"
        shutil.copy(self.lab.database("d-ausf"), copy)
        database = sqlite3.connect(f"file:{copy}?immutable=1", uri=True)
        with contextlib.closing(database), contextlib.suppress(sqlite3.DatabaseError):  # a copy of what is being written is any mixture
            digits = target.rsplit("/", 1)[1]
            value = int(digits.ljust(16, "f"), 16)
            return database.execute("SELECT 1 FROM vectors WHERE dimsi = ?", (value - (1 << 64) if value >> 63 else value,)).fetchone() is not None
        return False

    def stop_and_keep(self, name):
        """Ends a function; the database, WAL and all, is in one file then, and in another that restart_with_sound_database() takes."""
        self.assertEqual(self.lab.end(name), 0)
        path = str(self.lab.database(name))
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.remove_companions(name)
        shutil.copy(path, path + ".sound")

    def damage(self, name, table):
        """Overwrites the first page of a table of a function that is stopped."""
        path = str(self.lab.database(name))
        with contextlib.closing(sqlite3.connect(path)) as database:
            (root,), (page_size,) = (database.execute(sql).fetchone() for sql in
                                     (f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'", "PRAGMA page_size"))
        with open(path, "r+b") as file:
            file.seek((root - 1) * page_size)
            file.write(b"\x5a" * page_size)

    def test_z1_damaged_databases(self):
        """Pages that are overwritten: 500 and a line of the log for those who need them, and no crash; 404 is never made of it."""
        device, _ = self.offer()
        self.wait_until_preloaded(device)
        target, held, (dimsi, line), key = self.new_vector(), self.next_key(), self.next_offer(), self.next_key()
        self.assertEqual((self.preload(target)[0], self.retrieve(*held)[0]), (201, 200))
        cases = (("d-ausf", "vectors", target, ("PUT", self.new_vector(), VECTOR)),
                 ("arpf", "claims", CLAIMS + held[0], ("POST", f"/narpf-keys/v1/devices/{key[0]}/retrieve-key", key[1])),
                 ("ausf-ext", "devices", DEVICES + device, ("PUT", DEVICES + dimsi, line.encode())))
        for name, table, where, write in cases:
            with self.subTest(name):
                self.stop_and_keep(name)
                self.damage(name, table)
                before = self.lab.log(name)
                self.lab.start(name)
                for _ in range(3):
                    status, document = self.caller.get(name, where)
                    self.assertEqual((status, document["cause"]), (500, "SYSTEM_FAILURE"))
                self.assert_refused(self.caller.send(name, *write))
                self.assert_named(name, self.said_since(name, before), "malformed")
                self.assertEqual(self.lab.end(name), 0)
                self.restart_with_sound_database(name)
                self.assertEqual(self.caller.get(name, where)[0], 200)
                self.assertIn(self.caller.send(name, *write)[0], (200, 201, 202))

    def test_z1_a_file_that_is_cut_short(self):
        """What was read through a mapping is 500 or, if it is cut in the midst of a look-up, the process's end by SIGBUS; 404 is never made of it."""
        dimsis, path = [901707000000000 + number for number in range(3000)], str(self.lab.database("d-ausf"))
        lines = "".join(json.dumps({**VECTOR, "dimsi": str(dimsi)}) + "\n" for dimsi in dimsis)
        self.assertEqual(http2_caller.Http2Caller(self.lab).load("d-ausf", VECTORS, lines.encode())[0], 200)
        self.stop_and_keep("d-ausf")
        self.lab.start("d-ausf")
        targets = [f"{VECTORS}/{dimsi}" for dimsi in dimsis[::100]]
        for target in targets:
            self.assertEqual(self.caller.get("d-ausf", target)[0], 200)
        os.truncate(path, 4096)
        with contextlib.suppress(lab.NoAnswer):
            for target in targets:
                self.assertEqual(self.caller.send("d-ausf", "GET", target)[0], 500)
        self.assertIn(self.lab.end("d-ausf"), (0, -signal.SIGBUS))
        self.restart_with_sound_database("d-ausf")
        for target in targets:
            self.assertEqual(self.caller.get("d-ausf", target)[0], 200)

    def remove_companions(self, name):
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(str(self.lab.database(name)) + suffix)

    def restart_with_sound_database(self, name):
        path = str(self.lab.database(name))
        self.remove_companions(name)
        shutil.copy(path + ".sound", path)
        self.lab.start(name)

    def test_z2_what_cannot_start_says_why(self):
        """A header that is overwritten, a file or a folder that cannot be written: exit status 1, and a line that names the file."""
        path = str(self.lab.database("d-ausf"))
        self.stop_and_keep("d-ausf")
        with self.subTest("read-only"), self.fault("d-ausf", ("open", errno.EACCES)):
            status, said = self.lab.fail_to_start("d-ausf")
            self.assertEqual(status, 1)
            self.assertIn(f"the database {path} cannot be written", said)
        with self.subTest("folder read-only"):
            self.prepare("d-ausf", path + "-")
            with self.fault("d-ausf", ("open", errno.EACCES)):
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
            self.remove_companions("d-ausf")
            with open(path, "r+b") as file:
                file.write(b"this was a database once")
            status, said = self.lab.fail_to_start("d-ausf")
            self.assertEqual(status, 1)
            self.assertIn(path, said)
            self.assertIn("file is not a database", said)
        self.restart_with_sound_database("d-ausf")
        self.assertEqual(self.preload(self.new_vector())[0], 201)


def main():
    global OPTIONS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--preload", required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


main()
