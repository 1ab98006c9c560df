"""Every key of `sbi: limits:`, from the YAML to what it does: nf-d-ausf is started with a small limit, and what is within it passes, and what is
beyond it does not. Each key has a test of its name. Usage: limits_test.py --programs FOLDER [Limits.test_KEY...]."""
import argparse
import collections
import http.client
import json
import pathlib
import re
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import time
import unittest
import urllib.request

import ground
import http2
import target
from http2 import ACK, DATA, END_STREAM, FRAME_OCTETS, INITIAL_WINDOW_SIZE, PING, SETTINGS

OPTIONS = None
PATIENCE_S = 60  # for what is to come: sanitized, on a busy machine
JSON, NDJSON = ("content-type", "application/json"), ("content-type", "application/x-ndjson")
UNKNOWN = target.VECTORS_PATH + "/901700000000009"  # 404: the request was served
READ_LIMITS = target.lab.ROOT / "lib" / "service" / "config.cpp"


def keys_of_limits():
    """As the functions read them."""
    text = READ_LIMITS.read_text()
    return set(re.findall(r'\b(?:size|duration)\("(\w+)"', text)) | set(re.findall(r'limits\.\w+ = milliseconds\(section\.integer\("(\w+)"', text))


def soon():
    return time.monotonic() + PATIENCE_S


def vector_of(octets):
    """A body of PUT of so many octets."""
    return json.dumps(target.vector()).encode().ljust(octets)


def begun(connection, count, ending):
    """Requests without their end, each with what ending(stream) gives behind it."""
    octets = b""
    for _ in range(count):
        stream = connection.stream()
        octets += connection.headers(stream, "PUT", UNKNOWN, (JSON,), False) + ending(stream)
    return octets


def errors(connection, count):
    """Requests with window updates that overflow their windows."""
    return begun(connection, count, lambda stream: http2.window_update(stream, 0x7FFFFFFF))


def resets(connection, count):
    return begun(connection, count, http2.reset)


class Limits(unittest.TestCase):
    folder = the_target = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="limits-")
        cls.the_target = target.DAusf(target.lab.Lab(cls.folder, OPTIONS.programs, OPTIONS.net, target.lab.PATIENT))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def serve(self, **limits):
        """Starts nf-d-ausf with these limits; at the end of the test it is to end in good order."""
        values = ", ".join(f"{key}: {value}" for key, value in {**target.lab.PATIENT, **limits}.items())
        config = self.the_target.lab.config("d-ausf")
        text, count = re.subn(r"(?m)^    limits: \{.*\}$", f"    limits: {{{values}}}", config.read_text())
        self.assertEqual(count, 1)
        config.write_text(text)
        self.the_target.lab.start("d-ausf")
        self.addCleanup(self.end)

    def end(self):
        self.assertEqual(self.the_target.end(), 0, self.the_target.lab.output("d-ausf")[-2000:])

    def open(self, *first_settings, tls=None):
        """A connection on which the server's settings have come and are in force."""
        address = self.the_target.tls if tls else self.the_target.http2
        connection = http2.Connection(address, None, first_settings, tls, PATIENCE_S)
        self.addCleanup(connection.close)
        until = soon()
        while not connection.has_settings and time.monotonic() < until:
            connection.wait(until)
        connection.send(http2.frame(SETTINGS, ACK), until)
        return connection

    def begin(self, connection, method="PUT", path=target.VECTOR_PATH, fields=(JSON,)):
        """A request without its end; its stream."""
        stream = connection.stream()
        connection.send(connection.headers(stream, method, path, fields, False), soon())
        return stream

    def finish(self, connection, stream, body=b""):
        """The status of what was begun."""
        connection.send(http2.frame(DATA, END_STREAM, stream, body), soon())
        return connection.answer(stream, soon())

    def ask(self, connection, fields=()):
        """The status of a GET."""
        stream = connection.stream()
        connection.send(connection.headers(stream, "GET", UNKNOWN, fields), soon())
        return connection.answer(stream, soon())

    def put(self, connection, body):
        octets, stream = connection.request("PUT", target.VECTOR_PATH, body)
        connection.send(octets, soon())
        return connection.answer(stream, soon())

    def send_at_once(self, connections, count):
        """So many GETs on each; of all of them connection and stream."""
        asked = []
        for connection in connections:
            wave = [connection.request("GET", UNKNOWN) for _ in range(count)]
            connection.send(b"".join(octets for octets, _ in wave), soon())
            asked += [(connection, stream) for _, stream in wave]
        return asked

    def statuses(self, asked):
        """How often each came."""
        return collections.Counter(connection.answer(stream, soon()) for connection, stream in asked)

    def assert_serves(self, *connections):
        for connection in connections:
            self.assertEqual(self.ask(connection), 404)

    def assert_ends(self, connection, *saying, after=b""):
        """The server closes it, having said that, perhaps while these octets are being sent."""
        until = soon()
        try:
            connection.send(after, until)
            while time.monotonic() < until:
                connection.wait(until)
        except http2.Ended:
            pass
        self.assertTrue(connection.is_closed)
        for word in saying:
            self.assertIn(word, connection.seen)

    def assert_closed(self, one, within_s=PATIENCE_S):
        """The same of a socket that says nothing."""
        one.settimeout(within_s)
        try:
            while one.recv(1 << 14):
                pass
        except ConnectionError:
            pass

    def silent(self, address, octets=b""):
        one = socket.create_connection(address, timeout=PATIENCE_S)
        self.addCleanup(one.close)
        one.sendall(octets)
        return one

    def metric(self, name):
        with urllib.request.urlopen("http://%s:%d/metrics" % self.the_target.http1, timeout=PATIENCE_S) as answer:
            return int(re.search(rf"(?m)^{name} (\d+)$", answer.read().decode()).group(1))

    def test_every_key_has_a_test(self):
        tested = {name[len("test_"):] for name in dir(self) if name.startswith("test_")} - {"every_key_has_a_test"}
        self.assertGreater(len(tested), 20)
        self.assertEqual(tested, keys_of_limits())

    # What the server holds, of all connections.

    def test_max_connections(self):
        self.serve(max_connections=2)
        first, second = self.open(), self.open()
        self.assert_serves(first, second)
        third = self.open()  # the first is idle, and gives way
        self.assert_serves(third, second)
        with self.assertRaises(http2.Ended):
            self.ask(first)
        streams = [(one, self.begin(one)) for one in (third, second)]
        self.assert_serves(third, second)
        with self.assertRaises(http2.Ended):  # nobody is
            self.ask(self.open())
        for one, stream in streams:
            self.assertIn(self.finish(one, stream, vector_of(1024)), (200, 201))
        second.close()
        until, status = soon(), None
        while status is None and time.monotonic() < until:
            try:
                status = self.ask(self.open())
            except http2.Ended:  # it has not seen yet that there is room
                pass
        self.assertEqual(status, 404)

    def test_max_handshakes(self):
        self.serve(max_handshakes=2)
        hello = ground.client_hello()
        oldest, other = (self.silent(self.the_target.tls, hello[:len(hello) // 2]) for _ in range(2))
        self.assert_serves(self.open())
        for one in (oldest, other):
            one.setblocking(False)
            self.assertRaises(BlockingIOError, one.recv, 1)
        self.silent(self.the_target.tls, hello[:len(hello) // 2])
        self.assert_closed(oldest)
        other.setblocking(False)
        self.assertRaises(BlockingIOError, other.recv, 1)

    def test_max_handshakes_per_second(self):
        self.serve(max_handshakes_per_second=3)
        hello, delayed = ground.client_hello(), "first_attach_tls_handshakes_delayed_total"

        def all_answered(count):
            return all(one.recv(1) for one in [self.silent(self.the_target.tls, hello) for _ in range(count)])
        self.assertTrue(all_answered(3))
        self.assertEqual(self.metric(delayed), 0)
        begun = time.monotonic()
        self.assertTrue(all_answered(12))
        self.assertGreater(self.metric(delayed), 0)
        self.assertGreater(time.monotonic() - begun, 2)  # three at once, and nine more at three a second

    def test_max_half_open_streams(self):
        self.serve(max_half_open_streams=5)
        hoarder, usual = self.open(), self.open()
        for _ in range(4):
            self.begin(hoarder)
        stream = self.begin(usual)
        self.assert_serves(hoarder, usual)
        self.begin(usual)
        self.assert_ends(hoarder)
        self.assertIn(self.finish(usual, stream, vector_of(200)), (200, 201))

    def test_max_buffered_mib(self):
        self.serve(max_buffered_mib=1, max_body_bytes=1 << 20)
        hoarder, usual = self.open(), self.open()
        poured = collections.Counter()
        self.pour(hoarder, self.begin(hoarder), 600000, poured)
        poured.clear()
        stream = self.begin(usual)
        self.pour(usual, stream, (1 << 20) - 600000, poured)
        self.assert_serves(hoarder, usual)
        self.pour(usual, stream, 1, poured)
        self.assert_ends(hoarder)
        self.assertEqual(self.finish(usual, stream), 400)  # it is no JSON

    def pour(self, connection, stream, octets, poured):
        """Sends so much of a body as the server's windows let it; `poured`: what went out on this connection before, by stream."""
        until = soon()
        while octets > 0:
            room = min(65535 + connection.granted[0] - sum(poured.values()),
                       connection.initial_window + connection.granted[stream] - poured[stream], FRAME_OCTETS, octets)
            if room > 0:
                connection.send(http2.frame(DATA, 0, stream, b" " * room), until)
                poured[stream] += room
                octets -= room
            elif time.monotonic() < until:
                connection.wait(until)
            else:
                self.fail("the server's windows stay shut")

    def test_max_imports(self):
        self.serve(max_imports=1)
        self.fill_imports(1, 503)

    def test_max_imports_per_peer(self):
        self.serve(max_imports=3, max_imports_per_peer=2)
        self.fill_imports(2, 429)

    def fill_imports(self, count, refusal):
        connection = self.open()

        def begin():
            return self.begin(connection, "POST", target.VECTORS_PATH, (NDJSON,))
        held = [begin() for _ in range(count)]
        self.assertEqual(self.finish(connection, begin(), b"\n"), refusal)
        self.assertEqual([self.finish(connection, stream, b"\n") for stream in held], [200] * count)
        self.assertEqual(self.finish(connection, begin(), b"\n"), 200)

    # What one request may be.

    def test_max_headers(self):
        self.serve(max_headers=16)
        connection = self.open()
        fields = [(f"x-{number}", "1") for number in range(17)]
        self.assertEqual(self.ask(connection, fields[:16]), 404)
        self.assertEqual(self.ask(connection, fields), 431)

    def test_max_header_bytes(self):
        self.serve(max_header_bytes=1024)
        connection = self.open()
        room = 1024 - len(UNKNOWN) - len("x")
        self.assertEqual(self.ask(connection, [("x", "v" * room)]), 404)
        self.assertEqual(self.ask(connection, [("x", "v" * (room + 1))]), 431)

    def test_max_header_expansion(self):
        self.serve(max_header_bytes=1024, max_header_expansion=3)
        self.assertEqual(self.ask(self.open(), [("x", "v" * 2500)]), 431)
        beyond = self.open()
        stream = beyond.stream()
        bomb = beyond.headers(stream, "GET", UNKNOWN, [("x", "v" * 3100)])
        self.assert_ends(beyond, "GOAWAY ENHANCE_YOUR_CALM", after=bomb)

    def test_max_body_bytes(self):
        self.serve(max_body_bytes=1024)
        connection, caller = self.open(), target.lab.Caller(self.the_target.lab, PATIENCE_S)
        self.assertIn(self.put(connection, vector_of(1024)), (200, 201))
        self.assertEqual(self.put(connection, vector_of(1025)), 413)
        self.assertEqual(caller.send("d-ausf", "PUT", target.VECTOR_PATH, vector_of(1024))[0], 200)
        self.assertEqual(caller.send("d-ausf", "PUT", target.VECTOR_PATH, vector_of(1025))[0], 413)

    def test_max_http1_connections(self):
        self.serve(max_http1_connections=2)
        first, second = self.served_by_http1(), self.served_by_http1()
        self.assertEqual(self.ask_by_http1(self.silent(self.the_target.http1)), b"")
        for one in (first, second):
            self.assertEqual(self.ask_by_http1(one), b"404")
        first.close()
        self.served_by_http1()

    def served_by_http1(self):
        """A connection that has been served; there may be room for it only when the server has seen that another is gone."""
        until = soon()
        while True:
            one = self.silent(self.the_target.http1)
            status = self.ask_by_http1(one)
            if status or time.monotonic() > until:
                self.assertEqual(status, b"404")
                return one

    def ask_by_http1(self, one):
        """The status of a GET; nothing if the connection ends."""
        one.settimeout(PATIENCE_S)
        answer = http.client.HTTPResponse(one)
        try:
            one.sendall(f"GET {UNKNOWN} HTTP/1.1\r\nHost: d-ausf\r\nConnection: keep-alive\r\n\r\n".encode())
            answer.begin()
            answer.read()
        except (ConnectionError, http.client.HTTPException):
            return b""
        return str(answer.status).encode()

    def test_max_http1_mib(self):
        self.serve(max_http1_mib=1)
        self.assertEqual(self.load_by_http1(1 << 20), b"200")
        self.assertEqual(self.load_by_http1((1 << 20) + 1), b"413")

    def load_by_http1(self, octets):
        """The status of a bulk load of blank lines that has so many octets with its head."""
        def head(length):
            return (f"POST {target.VECTORS_PATH} HTTP/1.1\r\nHost: d-ausf\r\nContent-Type: {NDJSON[1]}\r\nConnection: close\r\n"
                    f"Content-Length: {length}\r\n\r\n").encode()
        length = octets - len(head(octets))
        self.assertEqual(len(head(length)) + length, octets)
        one = self.silent(self.the_target.http1, head(length))
        try:
            one.sendall(b"\n" * length)
        except ConnectionError:  # it was refused by its head
            pass
        answer = b""
        while len(answer) < 12:
            octets_read = one.recv(1 << 14)
            self.assertTrue(octets_read)
            answer += octets_read
        return answer[9:12]

    # What one connection, or one peer, may bring about.

    def test_max_streams(self):
        self.serve(max_streams=4)
        within, beyond = self.open(), self.open()
        streams = [self.begin(within) for _ in range(4)]
        for stream in streams:
            self.assertIn(self.finish(within, stream, vector_of(200)), (200, 201))
        self.assert_serves(within)
        for _ in range(5):
            self.begin(beyond)
        self.assert_ends(beyond, "GOAWAY PROTOCOL_ERROR")

    def test_max_requests_per_second(self):
        self.serve(max_requests_per_second=5)
        connections = self.open(), self.open()  # one peer: they have its address
        self.assertEqual(self.statuses(self.send_at_once(connections[:1], 5)), {404: 5})
        seen = self.statuses(self.send_at_once(connections[1:], 100))
        self.assertGreater(seen[429], 0)
        self.assertEqual(seen[429] + seen[404], 100)

    def test_max_idle_frames_per_second(self):
        self.serve(max_idle_frames_per_second=100)
        within, beyond = self.open(), self.open()
        within.send(http2.frame(PING, 0, 0, bytes(8)) * 90, soon())
        self.assert_serves(within)
        self.assertEqual(within.seen["PING answered"], 90)
        pings = http2.frame(PING, 0, 0, bytes(8)) * 400  # in two seconds, if a second ends among them
        self.assert_ends(beyond, "GOAWAY ENHANCE_YOUR_CALM", after=pings)

    def test_max_stream_errors_per_second(self):
        self.serve(max_stream_errors_per_second=5)
        within, beyond = self.open(), self.open()
        within.send(errors(within, 5), soon())
        self.assert_serves(within)
        self.assertEqual(within.seen["RST_STREAM FLOW_CONTROL_ERROR"], 5)
        with self.assertRaises(http2.Ended):
            for _ in range(20):  # a second may end among them; and what they brought about is counted when more comes
                beyond.send(errors(beyond, 20), soon())
                beyond.wait(soon())
        self.assertIn("GOAWAY ENHANCE_YOUR_CALM", beyond.seen)

    def test_max_client_resets_burst(self):
        self.serve(max_client_resets_per_second=1, max_client_resets_burst=30)
        within, beyond = self.open(), self.open()
        within.send(resets(within, 30), soon())
        self.assert_serves(within)
        self.assert_ends(beyond, after=resets(beyond, 60))

    def test_max_client_resets_per_second(self):
        for rate, goes_on in ((30, True), (1, False)):
            with self.subTest(rate):
                self.serve(max_client_resets_per_second=rate, max_client_resets_burst=30)
                connection = self.open()
                connection.send(resets(connection, 30), soon())
                self.assert_serves(connection)
                time.sleep(2.1)  # two whole seconds of the server's: at one a second no more than a few of the 30 may be had again
                if goes_on:
                    connection.send(resets(connection, 30), soon())
                    self.assert_serves(connection)
                else:
                    self.assert_ends(connection, after=resets(connection, 30))
                self.doCleanups()

    # How long something may take.

    def test_first_byte_timeout_s(self):
        self.serve(first_byte_timeout_s=1)
        active = self.open()
        self.assert_serves(active)
        self.assert_closed(self.silent(self.the_target.http2), within_s=8)  # 10 s are the default
        self.assert_closed(self.silent(self.the_target.tls), within_s=8)
        self.assert_serves(active)

    def test_idle_timeout_s(self):
        self.serve(idle_timeout_s=1, first_byte_timeout_s=PATIENCE_S)
        not_yet, idle = self.open(), self.open()
        self.assert_serves(idle)
        self.assert_ends(idle, "GOAWAY NO_ERROR")
        self.assert_serves(not_yet)

    def test_request_timeout_s(self):
        self.serve(request_timeout_s=5, first_byte_timeout_s=1)
        late, never = self.open(), self.open()
        of_late, of_never = self.begin(late), self.begin(never)
        self.assert_closed(self.silent(self.the_target.http2))  # a second of the five is over, or two
        self.assertIn(self.finish(late, of_late, vector_of(200)), (200, 201))
        self.assertEqual(never.answer(of_never, time.monotonic() + 20), 400)  # 30 s are the default

    def test_write_timeout_s(self):
        self.serve(write_timeout_s=1)
        shut, usual = self.open((INITIAL_WINDOW_SIZE, 0)), self.open()
        octets, stream = shut.request("GET", UNKNOWN)
        shut.send(octets, soon())
        self.assertEqual(self.ask(usual), 404)
        until = time.monotonic() + 25  # 30 s are the default
        while stream not in shut.ended and time.monotonic() < until:
            shut.wait(until)
        self.assertIn("RST_STREAM CANCEL", shut.seen)
        self.assert_serves(usual)

    def test_max_wait_ms(self):
        """The server stands still until all has come, so that the last ones wait for the first ones: some 1000 requests take more than 4 ms."""
        for wait_ms, is_shed in ((60000, False), (1, True)):
            with self.subTest(wait_ms):
                self.serve(max_wait_ms=wait_ms)
                connections = [self.open() for _ in range(10)]
                self.assert_serves(*connections)
                process = self.the_target.lab.process["d-ausf"]
                process.send_signal(signal.SIGSTOP)
                try:
                    asked = self.send_at_once(connections, 120)
                finally:
                    process.send_signal(signal.SIGCONT)
                seen = self.statuses(asked)
                self.assertEqual(seen[404] + seen[503], len(asked))
                self.assertEqual(seen[503] > 0, is_shed)
                self.assertEqual(self.metric("first_attach_http2_shed_total"), seen[503])
                self.doCleanups()


def main():
    global OPTIONS  # pylint: disable=global-statement
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True, type=pathlib.Path)
    parser.add_argument("--net", type=int, default=8, help="at 127.0.NET.x")
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()
