"""HTTP/2 to the functions: batches of requests on one connection, written at once, and NDJSON that is sent piece by piece."""
import json
import pathlib
import sys
import time

import lab

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "attacks"))
import http2  # noqa: E402  pylint: disable=wrong-import-position

_AT_ONCE = 100  # streams of a batch: fewer than a function allows
_NDJSON = "application/x-ndjson"


class Http2Caller:
    """One thread's connections, kept open. A connection that ends is made anew for the next call."""

    def __init__(self, the_lab, timeout=15):
        self._lab, self._timeout, self._open = the_lab, timeout, {}

    def connection(self, name):
        """The connection to a function. Throws NotSent."""
        known = self._open.get(name)
        if known is None or known.is_closed:
            try:
                known = self._connect(name)
            except (OSError, http2.Ended) as error:
                raise lab.NotSent(f"nf-{name}: {error!r}") from error
            known.keeps_bodies = True
            self._open[name] = known
        return known

    def _connect(self, name):
        until = time.monotonic() + self._timeout
        connection = http2.Connection((self._lab.address(name), 7777))
        while not connection.has_settings and time.monotonic() < until:
            connection.wait(until)
        connection.send(http2.frame(http2.SETTINGS, http2.ACK), until)
        return connection

    def drop(self, name):
        """The next call has a connection of its own: what is late on this one is not waited for."""
        known = self._open.pop(name, None)
        if known is not None and not known.is_closed:
            known.close()

    def send_all(self, name, requests):
        """`requests` are (method, target, document or octets or None). Of each (status, document), or None if it was not answered."""
        assert len(requests) <= _AT_ONCE
        connection = self._fresh(name)
        octets, streams = b"", []
        for method, target, body in requests:
            body = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
            assert len(body) <= http2.FRAME_OCTETS
            frames, stream = connection.request(method, target, body)
            octets += frames
            streams.append(stream)
        until = time.monotonic() + self._timeout
        try:
            connection.send(octets, until)
            for stream in streams:
                connection.answer(stream, until)
        except http2.Ended:
            pass
        out = [answer_on(connection, stream) for stream in streams]
        if None in out:
            self.drop(name)
        return out

    def load(self, name, target, lines):
        """POSTs NDJSON: (status, document). Throws NoAnswer."""
        upload = Upload(self, name, target)
        upload.write(lines)
        return upload.end(self._timeout)

    def _fresh(self, name):
        """The connection, once it is known to be alive: one to a process that is gone would cost a batch."""
        try:
            connection = self.connection(name)
            connection.take()
        except http2.Ended:
            connection = self.connection(name)
        return connection


def answer_on(connection, stream):
    """(status, document) of a stream that has ended with a whole answer, else None."""
    status, text = connection.statuses.get(stream), connection.bodies.pop(stream, b"")
    if stream not in connection.ended or not status:
        return None
    try:
        return status, json.loads(text) if text else None
    except ValueError:
        return None


class Upload:
    """One POST of NDJSON. What it cannot send, for the peer has answered already or has gone, is left out: end() tells."""

    def __init__(self, caller, name, target):
        self._caller, self._name, self._what = caller, name, f"POST {target}"
        caller.drop(name)
        self._connection = connection = caller.connection(name)
        self._stream, self._sent = connection.stream(), 0
        self._send(connection.headers(self._stream, "POST", target, [("content-type", _NDJSON)], False))

    def _send(self, octets, timeout=15):
        try:
            self._connection.send(octets, time.monotonic() + timeout)
        except http2.Ended:
            pass

    def _room(self):
        granted, first = self._connection.granted, 65535
        return min(first + granted[0], self._connection.initial_window + granted[self._stream]) - self._sent

    def _is_over(self):
        return self._connection.is_closed or self._stream in self._connection.ended

    def write(self, lines, timeout=15):
        """Returns once all is handed to the socket, as the peer's flow control lets it."""
        left, until = memoryview(lines), time.monotonic() + timeout
        while left and not self._is_over() and time.monotonic() < until:
            size = min(self._room(), http2.FRAME_OCTETS, len(left))
            if size > 0:
                self._send(http2.frame(http2.DATA, 0, self._stream, bytes(left[:size])))
                self._sent, left = self._sent + size, left[size:]
                continue
            try:
                self._connection.wait(until)
            except http2.Ended:
                pass

    def end(self, timeout=15):
        """(status, document). Throws NoAnswer."""
        if not self._is_over():
            self._send(http2.frame(http2.DATA, http2.END_STREAM, self._stream))
        try:
            if not self._connection.is_closed:
                self._connection.answer(self._stream, time.monotonic() + timeout)
        except http2.Ended:
            pass
        answer = answer_on(self._connection, self._stream)
        self._caller.drop(self._name)
        if answer is None:
            raise lab.NoAnswer(f"{self._what}: not answered")
        return answer
