"""The three functions as processes of their own, in a folder of their own, and HTTP/1.1 to them."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
NETWORK = "5G:mnc001.mcc001.3gppnetwork.org"
OPERATOR = "Example MNO"
FUNCTIONS = ("arpf", "d-ausf", "ausf-ext")
NOBODY = 65534  # a user and a group
_HOST = {"arpf": 30, "d-ausf": 40, "ausf-ext": 50}
_QUICK = (("first_pause_ms: 500", "first_pause_ms: 50"), ("longest_pause_ms: 60000", "longest_pause_ms: 500"),
          ("wait_ms: 5000", "wait_ms: 500"))
PATIENT = {"max_wait_ms": 20000}  # a machine that does other things too is no overload


class NoAnswer(Exception):
    """The request was sent, perhaps, and not answered: whether it was carried out is not known."""


class NotSent(NoAnswer):
    """It could not be sent: nobody listens."""


class Lab:
    """Configurations in `folder`, at 127.0.`net`.x; programs of `programs`. `limits` goes to `sbi: limits:` of each."""

    def __init__(self, folder, programs, net, limits=PATIENT):
        self.folder, self.programs, self.net = pathlib.Path(folder), pathlib.Path(programs), net
        self.process = {}
        self.environment = {}  # function -> what its process finds in its environment, beside ours
        self.where_and_who = {}  # cwd, user, group, umask, limits of the processes, as of subprocess.Popen: ours
        self.run_ue_sim("pki", "--out", self.folder / "pki", "--arpf-uri", self.uri("arpf"))
        for name in FUNCTIONS:
            text = (ROOT / "config" / (name + ".yaml")).read_text()
            text = text.replace("lab/", str(self.folder) + "/").replace("127.0.0.", f"127.0.{net}.")
            for old, new in _QUICK:
                text = text.replace(old, new)
            if limits:
                values = ", ".join(f"{key}: {value}" for key, value in limits.items())
                text = text.replace("\n  sbi:\n", f"\n  sbi:\n    limits: {{{values}}}\n", 1)
            self.config(name).write_text(text)

    def address(self, name):
        return f"127.0.{self.net}.{_HOST[name]}"

    def uri(self, name):
        return f"http://{self.address(name)}:7777"

    def config(self, name):
        return self.folder / (name + ".yaml")

    def database(self, name):
        return self.folder / (name + ".db")

    def log(self, name):
        """All that the function's log says."""
        path = self.folder / (name + ".log")
        return path.read_text(errors="replace") if path.exists() else ""

    def output(self, name):
        """All that its processes wrote to the console, the log as well."""
        return (self.folder / (name + ".out")).read_text(errors="replace")

    def run_ue_sim(self, *arguments):
        done = subprocess.run([self.programs / "ue-sim", *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"ue-sim {arguments[0]} failed: {done.stdout[-600:]} {done.stderr[-600:]}")
        return done.stdout

    def personalise(self, first_dimsi, count, name):
        """Devices with their keys, and their offers: two lists in one order."""
        devices, ledger = self.folder / (name + ".devices"), self.folder / (name + ".ledger")
        self.run_ue_sim("personalise", "--pki", self.folder / "pki", "--dimsi", first_dimsi, "--count", count,
                        "--devices", devices, "--ledger", ledger, "--arpf", self.uri("arpf"))
        return devices.read_text().splitlines(), ledger.read_text().splitlines()

    def become_nobody(self):
        """For root: processes are a user's from now on, and so is all: the folder, and programs that nobody need be let to in another one."""
        self.where_and_who.update(user=NOBODY, group=NOBODY, extra_groups=[])
        for program in ("ue-sim", *("nf-" + name for name in FUNCTIONS)):
            shutil.copy(self.programs / program, self.folder)
        self.programs = self.folder
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)

    def command(self, name, *arguments):
        """Runs a command of the function's program; what it said and its exit status."""
        done = subprocess.run([self.programs / ("nf-" + name), *map(str, arguments), "-c", self.config(name)], capture_output=True,
                              text=True, env={**os.environ, **self.environment.get(name, {})}, timeout=30)
        return done.returncode, done.stdout + done.stderr

    def is_listening(self, name, port):
        try:
            socket.create_connection((self.address(name), port), timeout=1).close()
            return True
        except OSError:
            return False

    def start(self, name, level="warning"):
        if self.is_listening(name, 7777):
            raise RuntimeError(f"somebody else listens at {self.address(name)} already")
        with open(self.folder / (name + ".out"), "ab") as out:
            self.process[name] = subprocess.Popen(
                [self.programs.resolve() / ("nf-" + name), "-c", self.config(name), "-e", level], stdout=out, stderr=out,
                env={**os.environ, **self.environment.get(name, {})}, **self.where_and_who)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process[name].poll() is None:
            if self.is_listening(name, 7777) and self.is_listening(name, 8080):
                return
            time.sleep(0.01)
        raise RuntimeError(f"nf-{name} does not start: {self.output(name)[-600:]}")

    def fail_to_start(self, name):
        """Starts what must end by itself: its exit status, and what it said last."""
        try:
            self.start(name)
        except RuntimeError as error:
            return self.process.pop(name).wait(timeout=10), str(error)
        self.end(name)
        raise AssertionError(f"nf-{name} starts")

    def end(self, name, how=signal.SIGTERM):
        """Its exit status."""
        self.process[name].send_signal(how)
        return self.process.pop(name).wait(timeout=30)

    def end_all(self):
        for process in self.process.values():
            process.terminate()
        for process in self.process.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
        self.process.clear()


class Caller:
    """One thread's connections, kept open."""

    def __init__(self, lab, timeout=15):
        self._lab, self._timeout, self._open = lab, timeout, {}

    def send(self, name, method, target, body=None, headers=None):
        """(status, document or None; of NDJSON a list of documents). Throws NoAnswer."""
        fields = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            fields.setdefault("content-type", "application/json")
        connection = self._open.get(name)
        if connection is None:
            connection = self._open[name] = http.client.HTTPConnection(self._lab.address(name), 8080, timeout=self._timeout)
        try:
            connection.request(method, target, body, fields)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            del self._open[name]
            raise NoAnswer(f"{method} {target}: {error!r}") from error
        if answer.getheader("content-type") == "application/x-ndjson":
            return answer.status, [json.loads(line) for line in text.splitlines()]
        return answer.status, json.loads(text) if text else None

    def get(self, name, target):
        """As send, again where a kept connection was one to a process that is gone."""
        try:
            return self.send(name, "GET", target)
        except NoAnswer:
            return self.send(name, "GET", target)
