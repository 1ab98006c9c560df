"""nf-d-ausf as a process to be attacked, with cleartext HTTP/2, TLS and HTTP/1.1, and what it takes of the machine."""
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
_TLS = """      - address: {address}
        port: 7778
        tls:
          certificate: {folder}/pki/tls-d-ausf.pem
          private_key: {folder}/pki/tls-d-ausf.key
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
    """At 127.0.`net`.40, in `folder`. `limits` goes to `sbi: limits:`. It has one vector, of DIMSI."""

    def __init__(self, folder, programs, net, limits):
        self.lab = lab.Lab(folder, programs, net, limits)
        host = self.lab.address("d-ausf")
        self.http2, self.tls, self.http1 = (host, 7777), (host, 7778), (host, 8080)
        config = self.lab.config("d-ausf")
        body = config.read_text().replace("    http1:", _TLS.format(address=host, folder=self.lab.folder), 1)
        if os.geteuid() != 0:  # who would not be shown how many descriptors it has
            body = body.replace("\nd_ausf:\n", "\nd_ausf:\n  insecure_debugging: true\n", 1)
        config.write_text(body)
        # A sanitized build keeps freed memory back to find its uses; not so much that it looks like a leak.
        self.lab.environment["d-ausf"] = {"ASAN_OPTIONS": "quarantine_size_mb=8:" + os.environ.get("ASAN_OPTIONS", "")}

    @property
    def pid(self):
        return self.lab.process["d-ausf"].pid

    def start(self):
        """On the first core if there are several: who starts it and all the others are to share the rest. Before other programs of the
        machine, if that is allowed: what they do is not what is tried."""
        cores = sorted(os.sched_getaffinity(0))
        try:
            os.sched_setaffinity(0, cores[:1])
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, 0, -10)
            self.lab.start("d-ausf")
        finally:
            os.setpriority(os.PRIO_PROCESS, 0, 0)
            os.sched_setaffinity(0, cores)
        caller = lab.Caller(self.lab, timeout=60)
        status, _ = caller.send("d-ausf", "PUT", "/ndausf-vectors/v1/vectors/" + DIMSI, vector())
        if status not in (200, 201):
            raise RuntimeError(f"the vector was answered with {status}")

    def end(self):
        """Its exit status; None if it does not end, and had to be killed."""
        process = self.lab.process.pop("d-ausf")
        process.terminate()
        try:
            return process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None

    def is_alive(self):
        return self.lab.process["d-ausf"].poll() is None

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
