"""A well-behaved client, as a process of its own: at a fixed pace it asks for the same at each listener, on a connection that it keeps,
and every few requests on a new one, so that a starved accept or handshake shows. Its latencies count from when a request was due."""
import collections
import contextlib
import gc
import http.client
import multiprocessing
import os
import ssl
import time

import http2

NEW_CONNECTION_EVERY = 10
SOURCE = ("127.0.0.7", 0)  # another peer than the attackers, who come from 127.0.0.1

Sample = collections.namedtuple("Sample", "due milliseconds listener is_new fault")


def tls_context():
    """Takes any server: whom it trusts is not what is tried here."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


class Http2Caller:
    def __init__(self, address, tls, timeout):
        self._timeout = timeout
        self._connection = http2.Connection(address, tls=tls, timeout=timeout, source=SOURCE)
        self._connection.keeps_bodies = True

    def post(self, path, body):
        until = time.monotonic() + self._timeout
        octets, stream = self._connection.request("POST", path, body)
        self._connection.send(octets, until)
        status = self._connection.answer(stream, until)
        return status, self._connection.bodies.pop(stream, b"")

    def close(self):
        self._connection.close()


class Http1Caller:
    def __init__(self, address, timeout):
        self._connection = http.client.HTTPConnection(*address, timeout=timeout, source_address=SOURCE)
        self._connection.connect()

    def post(self, path, body):
        self._connection.request("POST", path, body, {"content-type": "application/json"})
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self):
        self._connection.close()


class GoodClient:
    """Begins at once. `listeners` is of "http2", "tls", "http1"; `pace` in requests a second at each of
    them, or the target's most_pace, if that is less."""

    def __init__(self, the_target, listeners, pace, timeout):
        self._address = {name: getattr(the_target, name) for name in listeners}
        self._request = the_target.good_request
        self._pace, self._timeout = min(pace, the_target.most_pace), timeout
        self._tls = tls_context()
        self._ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(target=self._run, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def end(self):
        """All its samples."""
        self._ours.send("end")
        samples = self._ours.recv()
        self._process.join()
        return samples

    def _open(self, listener):
        if listener == "http1":
            return Http1Caller(self._address[listener], self._timeout)
        return Http2Caller(self._address[listener], self._tls if listener == "tls" else None, self._timeout)

    def _run(self, pipe):
        with contextlib.suppress(OSError):  # who may not is a little slower
            os.setpriority(os.PRIO_PROCESS, 0, -10)
        gc.disable()
        samples, kept, count, due = [], {}, 0, time.monotonic()
        while not pipe.poll(max(0.0, due - time.monotonic())):
            for listener in self._address:
                is_new = count % NEW_CONNECTION_EVERY == NEW_CONNECTION_EVERY - 1 or listener not in kept
                fault = self._ask(kept, listener, is_new)
                samples.append(Sample(due, (time.monotonic() - due) * 1000, listener, is_new, fault))
                if fault:  # what was due meanwhile is lost with it; the fault is counted, not the wait of those behind it
                    due = time.monotonic()
            count += 1
            due += 1 / self._pace
        pipe.send(samples)

    def _ask(self, kept, listener, is_new):
        """What went wrong, or None."""
        try:
            if is_new and listener in kept:
                kept.pop(listener).close()
            if is_new:
                kept[listener] = self._open(listener)
            status, body = kept[listener].post(self._request.path, self._request.body)
        except (OSError, http2.Ended, http.client.HTTPException) as error:
            kept.pop(listener, None)
            return ("new connection: " if is_new else "kept connection: ") + (repr(error) if isinstance(error, OSError) else str(error))
        if status == self._request.status and self._request.mark in body:
            return None
        kept.pop(listener).close()
        return f"answered with {status}"


def percentile(samples, share):
    """Of their latencies, in milliseconds; 0 without samples."""
    values = sorted(sample.milliseconds for sample in samples)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0
