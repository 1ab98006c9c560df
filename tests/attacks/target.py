"""A function as a process to be attacked, with cleartext HTTP/2, TLS and HTTP/1.1, and what it takes of the machine; nf-d-ausf as one."""
import collections
import contextlib
import json
import os
import pathlib
import resource
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
import lab  # noqa: E402  pylint: disable=wrong-import-position

DIMSI = "901700000000001"
MIB = 1 << 20

# What a well-behaved client POSTs: the answer has `status`, and `mark` in its body.
GoodRequest = collections.namedtuple("GoodRequest", "path body status mark")
_TLS = """      - address: {address}
        port: 7778
        tls:
          certificate: {folder}/pki/tls-{function}.pem
          private_key: {folder}/pki/tls-{function}.key
          ca: {folder}/pki/tls-ca.pem
          verify_client: false
    http1:"""


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Usage:
    """What a process takes: MiB, descriptors, threads."""

    def __init__(self, pid):
        fields = {}
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                name, _, value = line.partition(":")
                fields[name] = value.split()[0] if value.split() else ""
        self.resident, self.anonymous = (int(fields.get(name, "0")) / 1024 for name in ("VmRSS", "RssAnon"))
        self.threads = int(fields.get("Threads", "0"))
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))

    def rise_to(self, other):
        """The larger of each."""
        for name in ("resident", "anonymous", "threads", "descriptors"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))


class Target:
    """The `function` of a lab. Once it is started it has what prepare() gave it, and a well-behaved client asks it for `good_request`."""
    function = good_request = None
    most_pace = 1000  # of a client that asks for one thing after the other and is to keep up, in requests a second

    def __init__(self, the_lab):
        self.lab = the_lab
        host = self.lab.address(self.function)
        self.http2, self.tls, self.http1 = (host, 7777), (host, 7778), (host, 8080)
        config = self.lab.config(self.function)
        body = config.read_text().replace("    http1:", _TLS.format(address=host, folder=self.lab.folder, function=self.function), 1)
        if os.geteuid() != 0:  # who would not be shown how many descriptors it has
            section = "\n" + self.function.replace("-", "_") + ":\n"
            body = body.replace(section, section + "  insecure_debugging: true\n", 1)
        config.write_text(body)
        # A sanitized build keeps freed memory back to find its uses; not so much that it looks like a leak.
        self.lab.environment[self.function] = {"ASAN_OPTIONS": "quarantine_size_mb=8:" + os.environ.get("ASAN_OPTIONS", "")}

    def prepare(self):
        """Called whenever it has been started; its database is that of its process before."""
        raise NotImplementedError

    def expect(self, method, path, body, status, cause=None):
        """The answer's document. Throws RuntimeError for another answer than that."""
        seen, document = lab.Caller(self.lab, timeout=60).send(self.function, method, path, body)
        if seen not in status or cause is not None and document.get("cause") != cause:
            raise RuntimeError(f"{method} {path} was answered with {seen} {document}, not with {status} {cause or ''}")
        return document

    @property
    def pid(self):
        return self.lab.process[self.function].pid

    def output(self):
        """The end of what its processes said."""
        return self.lab.output(self.function)[-2000:]

    def start(self):
        """On the first core if there are several: who starts it and all the others are to share the rest. Before other programs of the
        machine, if that is allowed: what they do is not what is tried."""
        cores = sorted(os.sched_getaffinity(0))
        try:
            os.sched_setaffinity(0, cores[:1])
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, 0, -10)
            self.lab.start(self.function)
        finally:
            os.setpriority(os.PRIO_PROCESS, 0, 0)
            os.sched_setaffinity(0, cores)
        self.prepare()

    def end(self):
        """Its exit status; None if it does not end, and had to be killed."""
        process = self.lab.process.pop(self.function)
        process.terminate()
        try:
            return process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None

    def is_alive(self):
        return self.lab.process[self.function].poll() is None

    def usage(self):
        return Usage(self.pid)

    def settle(self, wanted_descriptors, seconds):
        """Waits until it has no more descriptors than that; what it takes then, or at the end of the time."""
        deadline = time.monotonic() + seconds
        while True:
            usage = self.usage()
            if usage.descriptors <= wanted_descriptors or time.monotonic() > deadline:
                return usage
            time.sleep(0.05)


def vector():
    return {"rand": "00112233445566778899aabbccddeeff", "autn": "ffeeddccbbaa99887766554433221100", "imsi": "001010000000001"}


def challenge_request():
    """Body of POST ue-authentications for DIMSI: steps (4) and (5)."""
    return json.dumps({"supiOrSuci": "imsi-" + DIMSI, "servingNetworkName": lab.NETWORK}).encode()


CHALLENGE_PATH = "/nausf-auth/v1/ue-authentications"
VECTORS_PATH = "/ndausf-vectors/v1/vectors"
VECTOR_PATH = VECTORS_PATH + "/" + DIMSI


class DAusf(Target):
    """It has one vector, of DIMSI."""
    function = "d-ausf"
    good_request = GoodRequest(CHALLENGE_PATH, challenge_request(), 201, b'"5gAuthData"')

    def prepare(self):
        self.expect("PUT", VECTOR_PATH, vector(), (200, 201))
