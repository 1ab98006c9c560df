"""A mixed load on the three functions, and a journal of what they acknowledged, held against what they answer later.

Each thing (a vector, a device, a claim) has a record, which one thread at a time works on. A write that was acknowledged must be there; one
that was sent and not acknowledged may be or not, until an answer has shown which: then that must stay so as well."""
import base64
import collections
import contextlib
import json
import random
import threading
import time
import urllib.parse

import http2_caller
import lab
import many_lines
import usim

STATES = ("OFFERED", "KEY_RETRIEVED", "PRELOADED", "RECEIVED", "ATTACHED", "RETIRED")
MOST_VECTORS = 3000  # each is looked at again after a blow, once it was written
AUSF = "00000000-0000-4000-8000-000000000001"


class Record:
    """Something that is written; `lock` is held by who works on it, `is_touched` is set until the next check."""

    def __init__(self, key):
        self.key, self.lock, self.is_touched = key, threading.Lock(), True


class Vector(Record):
    """A vector preloaded by hand: `candidates` is what may be there, None for nothing."""

    def __init__(self, key):
        super().__init__(key)
        self.candidates = [None]


class Device(Record):
    """A device that is onboarded: the lowest state and the IMSI that it must have, the highest SQN that was given out for it."""

    def __init__(self, device_line, offer_line):
        device = json.loads(device_line)
        super().__init__(device["dimsi"])
        self.ephemeral_key, self.offer = bytes.fromhex(device["eK"]), offer_line.encode()
        self.rank, self.imsi, self.sqn, self.usim = -1, None, -1, None
        self.is_retire_sent = False


class Claim(Record):
    """A dIMSI whose key is retrieved at the ARPF directly: how often at least and at most; whether it is spent, or free again."""

    def __init__(self, offer_line, certificate):
        offer = json.loads(offer_line)
        super().__init__(offer["dimsi"])
        credentials = offer["arpfs"][0]["seCredentials"]
        self.body = json.dumps({"seCredentials": credentials, "operatorCertificate": certificate}).encode()
        self.acknowledged = self.sent = 0
        self.spent, self.released = False, False  # True, False, or None: not known


class Load:
    """Threads that write, while they may; `faults` is what must not have been seen."""

    def __init__(self, the_lab, seed, device_count, claim_count):
        self.lab, self.random = the_lab, random.Random(seed)
        devices = the_lab.personalise("901700000000001", device_count + claim_count, "all")
        certificate = (the_lab.folder / "pki" / "operator.pem").read_text()
        certificate = certificate.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0].replace("\n", "")
        base64.b64decode(certificate, validate=True)
        self.device_lines = {json.loads(line)["dimsi"]: line for line in devices[0]}
        self.fresh = collections.deque(Device(*lines) for lines in zip(devices[0][:device_count], devices[1][:device_count]))
        self.claims = [Claim(line, certificate) for line in devices[1][device_count:]]
        self.devices, self.vectors = [], []
        self.acknowledged = collections.Counter()
        self.checks = self.challenges = self.refused = 0
        self.batches = self.cut_batches = 0
        self.bulk, self.imports = many_lines.BulkLoads(self), many_lines.Imports(self)
        self.faults = []
        self.in_flight = collections.Counter()
        self._counting = threading.Lock()
        self._may_run = threading.Event()
        self._is_over = False
        self._busy = 0
        over_http1 = [self.preload] * 2 + [self.onboard, self.authenticate, self.retire, self.claim]
        over_http2 = [self.preload_batch, self.authenticate_batch, self.claim_batch, self.import_offers]
        over_http2 += [self.bulk.load] * 2  # one makes its lines while the other's are taken
        callers = [(job, lab.Caller) for job in over_http1] + [(job, http2_caller.Http2Caller) for job in over_http2]
        self._threads = [threading.Thread(target=self._run, args=(job, make(the_lab)), daemon=True) for job, make in callers]
        for thread in self._threads:
            thread.start()

    # The threads.

    def _run(self, job, caller):
        while True:
            self._may_run.wait()
            with self._counting:
                if self._is_over:
                    return
                if not self._may_run.is_set():
                    continue
                self._busy += 1
            try:
                job(caller)
            except lab.NoAnswer:
                time.sleep(0.002)  # it is being killed: no need to spin
            except Exception as error:  # pylint: disable=broad-except
                self.fault(f"{job.__name__}: {error!r}")
            with self._counting:
                self._busy -= 1

    def resume(self):
        self._may_run.set()

    def pause(self):
        """Returns when nothing is under way any more."""
        self._may_run.clear()
        while True:
            with self._counting:
                if self._busy == 0:
                    return
            time.sleep(0.002)

    def end(self):
        self.pause()
        self._is_over = True
        self._may_run.set()
        for thread in self._threads:
            thread.join()

    def fault(self, text):
        with self._counting:
            self.faults.append(text)

    def expect(self, holds, text):
        with self._counting:
            self.checks += 1
        if not holds:
            self.fault(text)

    @contextlib.contextmanager
    def under_way(self, name):
        """A request to a function, which a blow may hit."""
        with self._counting:
            self.in_flight[name] += 1
        try:
            yield
        finally:
            with self._counting:
                self.in_flight[name] -= 1

    def judge(self, name, what, status):
        """An answer of 500 or more leaves open what was done: NoAnswer. 503 says that it can be tried again; any other is a fault besides."""
        if status == 503:
            with self._counting:
                self.refused += 1
        elif status >= 500:
            self.fault(f"{what} was answered with {status}")
        if status >= 500:
            raise lab.NoAnswer(f"{what}: {status}")
        if status < 300:
            with self._counting:
                self.acknowledged[name] += 1

    def write(self, caller, name, method, target, body=None, headers=None):
        """As Caller.send, judged."""
        with self.under_way(name):
            status, document = caller.send(name, method, target, body, headers)
        self.judge(name, f"{method} {target}", status)
        return status, document

    def write_all(self, caller, name, requests):
        """As Http2Caller.send_all, each answer judged; None for those that leave open what was done."""
        with self.under_way(name):
            answers = caller.send_all(name, requests)
        with self._counting:
            self.batches += 1
            self.cut_batches += None in answers
        for number, ((method, target, _), answer) in enumerate(zip(requests, answers)):
            if answer is None:
                continue
            try:
                self.judge(name, f"{method} {target}", answer[0])
            except lab.NoAnswer:
                answers[number] = None
        return answers

    @contextlib.contextmanager
    def one_of(self, records):
        """One of them at random that nobody works on, or None."""
        record = None
        for _ in range(8):
            record = random.choice(records) if records else None
            if record is not None and record.lock.acquire(blocking=False):
                record.is_touched = True
                break
            record = None
        try:
            yield record
        finally:
            if record is not None:
                record.lock.release()

    @contextlib.contextmanager
    def some_of(self, records, count):
        """At most so many of them at random that nobody works on."""
        chosen = [record for record in random.sample(records, min(count, len(records))) if record.lock.acquire(blocking=False)]
        try:
            for record in chosen:
                record.is_touched = True
            yield chosen
        finally:
            for record in chosen:
                record.lock.release()

    # nf-d-ausf: PUT and DELETE of vectors.

    def add_vectors(self, count):
        with self._counting:
            for _ in range(min(count, MOST_VECTORS - len(self.vectors))):
                self.vectors.append(Vector(str(901709000000000 + len(self.vectors))))

    @staticmethod
    def change(vector):
        """What is to be done with it, as a request; and what it will be."""
        wanted, method, body = None, "DELETE", None
        if vector.candidates == [None] or random.random() < 0.8:
            wanted = (random.randbytes(16).hex(), random.randbytes(16).hex(), "00101" + vector.key[5:])
            method, body = "PUT", dict(zip(("rand", "autn", "imsi"), wanted))
        vector.candidates = vector.candidates + [wanted]
        return (method, "/ndausf-vectors/v1/vectors/" + vector.key, body), wanted

    def changed(self, vector, wanted, status):
        if status not in (200, 201, 204, 404):
            self.fault(f"a vector was answered with {status}")
        vector.candidates = [wanted]

    def preload(self, caller):
        if random.random() < 0.5 or not self.vectors:
            self.add_vectors(1)
        with self.one_of(self.vectors) as vector:
            if vector is None:
                return
            request, wanted = self.change(vector)
            status, _ = self.write(caller, "d-ausf", *request)
            self.changed(vector, wanted, status)

    def preload_batch(self, caller):
        self.add_vectors(random.randrange(12))
        with self.some_of(list(self.vectors), 24) as vectors:
            changes = [self.change(vector) for vector in vectors]
            answers = self.write_all(caller, "d-ausf", [request for request, _ in changes])
            for vector, (_, wanted), answer in zip(vectors, changes, answers):
                if answer is not None:
                    self.changed(vector, wanted, answer[0])
            if None in answers:
                raise lab.NoAnswer("of a batch of vectors")

    def check_vector(self, caller, vector):
        status, document = caller.get("d-ausf", "/ndausf-vectors/v1/vectors/" + vector.key)
        seen = (document["rand"], document["autn"], document["imsi"]) if status == 200 else None
        self.expect(status in (200, 404) and seen in vector.candidates,
                    f"vector {vector.key}: {status} {seen}, not {vector.candidates}")
        vector.candidates = [seen]

    # nf-ausf-ext: offers, authentications, retires.

    def onboard(self, caller):
        with self.fresh_devices(1) as devices:
            for device in devices:
                self.offer(caller, device)
        if devices:
            return
        time.sleep(0.005)
        with self.one_of([device for device in self.devices[-128:] if device.rank < 2]) as device:
            if device is not None:
                self.check_device(caller, device)

    @contextlib.contextmanager
    def fresh_devices(self, count):
        """So many that were never offered; none while many are on their way."""
        devices = []
        with self._counting:
            waiting = sum(1 for device in self.devices[-128:] if device.rank < 2)
            while waiting < 32 and self.fresh and len(devices) < count:
                devices.append(self.fresh.popleft())
                devices[-1].lock.acquire()
            self.devices += devices
        try:
            yield devices
        finally:
            for device in devices:
                device.lock.release()

    def import_offers(self, caller):
        with self.fresh_devices(random.choice((2, 8, 24))) as devices:
            self.imports.send(caller, devices)

    def offer(self, caller, device):
        headers = {"prefer": "respond-async"} if random.random() < 0.7 else {}
        target = "/nausfext-onboarding/v1/devices/" + device.key
        status, document = self.write(caller, "ausf-ext", "PUT", target, device.offer, headers)
        self.expect(status in (200, 201, 202), f"an offer of {device.key} was answered with {status}")
        if status >= 300:
            return
        device.rank = max(device.rank, 0)
        self.see_device(device, document)

    def see_device(self, device, document):
        """What is shown of a device must be at least what was shown before."""
        state = document["state"]
        rank = STATES.index(state) if state in STATES else -2
        allowed_retired = device.is_retire_sent or state != "RETIRED"
        self.expect(rank >= device.rank and allowed_retired, f"device {device.key} is {state} after {STATES[max(device.rank, 0)]}")
        imsi = document.get("imsi")
        if rank == 5:
            self.expect(imsi is None, f"device {device.key} is RETIRED and has an IMSI")
        else:
            self.expect(device.imsi is None or imsi == device.imsi, f"device {device.key} has the IMSI {imsi} after {device.imsi}")
        device.rank = max(device.rank, rank)
        if imsi is not None and device.usim is None:
            device.imsi, device.usim = imsi, usim.Usim(device.ephemeral_key, device.key, imsi)

    def check_device(self, caller, device):
        status, document = caller.get("ausf-ext", "/nausfext-onboarding/v1/devices/" + device.key)
        if status == 404 and device.rank < 0:
            self.offer(caller, device)  # it was sent and not acknowledged, and is not there: again
            return
        self.expect(status == 200, f"device {device.key} is answered with {status} after {STATES[max(device.rank, 0)]}")
        if status == 200:
            self.see_device(device, document)
        if device.rank >= 1:
            status, claim = caller.get("arpf", "/narpf-keys/v1/claims/" + device.key)
            self.expect(status == 200 and claim["operator"] == lab.OPERATOR, f"the claim of {device.key} is lost: {status}")
        if 2 <= device.rank < 5 and not device.is_retire_sent:
            status, vector = caller.get("d-ausf", "/ndausf-vectors/v1/vectors/" + device.key)
            self.expect(status == 200 and vector["imsi"] == device.imsi, f"the vector of {device.key} is lost: {status} {vector}")

    def authenticate(self, caller):
        with self.one_of([device for device in self.devices if 2 <= device.rank < 5]) as device:
            if device is not None and not device.is_retire_sent:
                self.authenticate_one(caller, device, random.random() < 0.6)

    def authenticate_one(self, caller, device, is_confirmed):
        """5G AKA at the AUSF, or a vector for an AUSF that is there already. Its SQN is above all that were given out before."""
        if not is_confirmed and random.random() < 0.3:
            target = f"/nudm-ueau/v1/imsi-{device.imsi}/security-information/generate-auth-data"
            body = {"servingNetworkName": lab.NETWORK, "ausfInstanceId": AUSF}
            status, document = self.write(caller, "ausf-ext", "POST", target, body)
            self.expect(status == 200, f"device {device.key}: a vector is answered with {status} {document}")
            if status == 200:
                self.take_challenge(device, document["authenticationVector"])
            return
        body = {"supiOrSuci": "imsi-" + device.imsi, "servingNetworkName": lab.NETWORK}
        status, document = self.write(caller, "ausf-ext", "POST", "/nausf-auth/v1/ue-authentications", body)
        self.expect(status == 201, f"device {device.key}: its authentication is answered with {status} {document}")
        res_star = self.take_challenge(device, document["5gAuthData"]) if status == 201 else None
        if not is_confirmed or res_star is None:
            return
        target = urllib.parse.urlsplit(document["_links"]["5g-aka"]["href"]).path
        status, document = self.write(caller, "ausf-ext", "PUT", target, {"resStar": res_star.hex()})
        if status == 404:
            return  # contexts live in memory: its process was killed meanwhile
        self.see_success(device, status, document)

    def authenticate_batch(self, caller):
        """5G AKA of several devices at once: their challenges together, then all their RES*."""
        able = [device for device in self.devices if 2 <= device.rank < 5 and not device.is_retire_sent]
        with self.some_of(able, 16) as devices:
            devices = [device for device in devices if not device.is_retire_sent]
            requests = [("POST", "/nausf-auth/v1/ue-authentications",
                         {"supiOrSuci": "imsi-" + device.imsi, "servingNetworkName": lab.NETWORK}) for device in devices]
            asked = []
            for device, answer in zip(devices, self.write_all(caller, "ausf-ext", requests)):
                self.expect(answer is None or answer[0] == 201, f"device {device.key}: its authentication is answered with {answer}")
                if answer is not None and answer[0] == 201:
                    res_star = self.take_challenge(device, answer[1]["5gAuthData"])
                    target = urllib.parse.urlsplit(answer[1]["_links"]["5g-aka"]["href"]).path
                    asked.append((device, ("PUT", target, {"resStar": res_star.hex() if res_star else ""})))
            for (device, _), answer in zip(asked, self.write_all(caller, "ausf-ext", [request for _, request in asked])):
                if answer is not None and answer[0] != 404:
                    self.see_success(device, *answer)
        if len(asked) < len(devices) or not devices:
            raise lab.NoAnswer("of a batch of authentications")

    def see_success(self, device, status, document):
        is_success = status == 200 and document["authResult"] == "AUTHENTICATION_SUCCESS"
        self.expect(is_success, f"device {device.key}: its RES* was answered with {status} {document}")
        device.rank = max(device.rank, 4)

    def take_challenge(self, device, vector):
        answer = device.usim.answer(bytes.fromhex(vector["rand"]), bytes.fromhex(vector["autn"]), lab.NETWORK)
        self.expect(answer is not None, f"device {device.key}: MAC-A is wrong")
        if answer is None:
            return None
        self.expect(answer[0] > device.sqn, f"device {device.key}: SQN {answer[0]} after {device.sqn}")
        device.sqn = max(device.sqn, answer[0])
        with self._counting:
            self.challenges += 1
        return answer[1]

    def retire(self, caller):
        attached = [device for device in self.devices if device.rank == 4]
        if len(attached) < 20 or random.random() < 0.5:
            time.sleep(0.01)
            return
        with self.one_of(attached) as device:
            if device is None:
                return
            device.is_retire_sent = True
            status, _ = self.write(caller, "ausf-ext", "POST", f"/nausfext-onboarding/v1/devices/{device.key}/retire")
            self.expect(status == 204, f"the retire of {device.key} was answered with {status}")
            device.rank = 5

    # nf-arpf: keys retrieved, claims retired and given up.

    def claim(self, caller):
        with self.one_of(self.claims) as claim:
            if claim is None or claim.spent is not False or claim.released is not False:
                return
            chance, target = random.random(), "/narpf-keys/v1/claims/" + claim.key
            if claim.acknowledged == 0 or chance < 0.8:
                claim.sent += 1
                status, _ = self.write(caller, "arpf", "POST", f"/narpf-keys/v1/devices/{claim.key}/retrieve-key", claim.body)
                claim.acknowledged += 1
            elif chance < 0.95:
                claim.spent = None
                status, _ = self.write(caller, "arpf", "POST", target + "/retire")
                claim.spent = True
            else:
                claim.spent = claim.released = None
                status, _ = self.write(caller, "arpf", "DELETE", target)
                claim.spent = claim.released = True
            self.expect(status in (200, 204), f"the claim of {claim.key} was answered with {status}")

    def claim_batch(self, caller):
        """Keys of several devices at once."""
        with self.some_of(self.claims, 8) as claims:
            claims = [claim for claim in claims if claim.spent is False and claim.released is False]
            for claim in claims:
                claim.sent += 1
            answers = self.write_all(caller, "arpf", [("POST", f"/narpf-keys/v1/devices/{claim.key}/retrieve-key", claim.body)
                                                      for claim in claims])
            for claim, answer in zip(claims, answers):
                if answer is not None:
                    claim.acknowledged += 1
                    self.expect(answer[0] == 200, f"the claim of {claim.key} was answered with {answer[0]}")
        if None in answers or not claims:
            raise lab.NoAnswer("of a batch of claims")

    def check_claim(self, caller, claim):
        if claim.sent == 0:
            return
        status, document = caller.get("arpf", "/narpf-keys/v1/claims/" + claim.key)
        if status == 200:
            count = document["retrievals"]
            self.expect(claim.released is not True, f"the claim of {claim.key} was given up, and is there")
            self.expect(claim.acknowledged <= count <= claim.sent,
                        f"the claim of {claim.key} counts {count}, not {claim.acknowledged} to {claim.sent}")
            self.expect(document["operator"] == lab.OPERATOR, f"the claim of {claim.key} is another's")
            claim.acknowledged = claim.sent = count
        else:
            is_fine = status == 404 and (claim.released is not False or claim.acknowledged == 0)
            self.expect(is_fine, f"the claim of {claim.key} is lost: {status}")
            if claim.released is None:
                claim.spent = True
        if claim.released is None:
            claim.released = status == 404
        if claim.spent is not False:
            self.check_spent(caller, claim)

    def check_spent(self, caller, claim):
        """A spent token brings no key any more. Asking tells whether a retire that was not acknowledged was carried out."""
        if claim.spent is None:
            claim.sent += 1
        status, document = caller.send("arpf", "POST", f"/narpf-keys/v1/devices/{claim.key}/retrieve-key", claim.body)
        is_spent = status == 403 and document["cause"] == "TOKEN_SPENT"
        self.expect(is_spent or claim.spent is None, f"the token of {claim.key} was spent, and is answered with {status}")
        if claim.spent is None:
            claim.spent = is_spent
            claim.sent -= is_spent
            claim.acknowledged += not is_spent

    # Checks, while the load is paused.

    def check(self, caller, sample):
        """All that was written since the last check, and `sample` of the others of each kind (None: all of them)."""
        for records, check in ((self.vectors, self.check_vector), (self.devices, self.check_device), (self.claims, self.check_claim)):
            others = [record for record in records if not record.is_touched]
            chosen = [record for record in records if record.is_touched]
            chosen += others if sample is None else self.random.sample(others, min(sample, len(others)))
            for record in chosen:
                check(caller, record)
                record.is_touched = False
        self.bulk.check(caller, 40)
        self.imports.check(caller, sample and sample // 4)
        self.check_imsis()

    def check_imsis(self):
        """No IMSI was ever with two devices: none rests shorter than a day."""
        owners = {}
        for device in self.devices:
            if device.imsi is None:
                continue
            owner = owners.setdefault(device.imsi, device)
            self.expect(owner is device, f"{device.imsi} is with {device.key} and {owner.key}")
