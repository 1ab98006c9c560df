"""Attacks that speak HTTP/1.1, on its cleartext listener."""
import select
import socket
import time

import bounds
import ground
import target
from http2_attacks import BAD_LINES

# Connections that send whole heads, fewer than max_http1_connections: who has sent one keeps its place, and with all of them others are kept out.
_ASKING = 200
_LINE = b"POST " + target.CHALLENGE_PATH.encode() + b" HTTP/1.1\r\nHost: a\r\n"


def _post(path, kind, body):
    return (f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def _note(site, octets):
    if octets.startswith(b"HTTP/1.1 "):
        site.seen[octets[9:12].decode()] += 1
    elif not octets:
        site.seen["closed"] += 1


def _pour(site, make):
    """make() gives pieces; all of them go over a connection, then over a new one, while the time lasts. Answers are read, and counted;
    a piece without octets waits for one."""
    while not site.is_over():
        try:
            one = socket.create_connection(site.http1, timeout=2)
        except OSError as error:
            site.seen["not accepted: " + type(error).__name__] += 1
            site.pause(0.01)
            continue
        try:
            for piece in make():
                if not _send(site, one, piece):
                    break
        except OSError as error:
            site.seen[type(error).__name__] += 1
        one.close()


def _send(site, one, octets):
    """False if there is no use in more: the server has closed, or the time is over."""
    one.setblocking(False)
    if not octets and select.select([one], [], [], max(0.0, site.until - time.monotonic()))[0]:
        _note(site, one.recv(1 << 16))
    left = memoryview(octets)
    while left and not site.is_over():
        readable, writable, _ = select.select([one], [one], [], max(0.0, min(0.2, site.until - time.monotonic())))
        if readable:
            got = one.recv(1 << 16)
            _note(site, got)
            if not got:
                return False
        if writable:
            left = left[one.send(left[:1 << 18]):]
    return not site.is_over()


def slow_headers_http1(site):
    site.drip(site.http1, site.most(1000), _LINE + b"X: ", b"y")


def slow_bodies_http1(site):
    site.drip(site.http1, site.most(_ASKING), _LINE + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n", b" ")


def pipelining_http1(site):
    """Requests without a pause, on one connection."""
    request = _post(target.CHALLENGE_PATH, "application/json", target.challenge_request())

    def pieces():
        while True:
            yield request * 100
    _pour(site, pieces)


def endless_header_http1(site):
    """One header field that does not end."""
    def pieces():
        yield _LINE + b"X: "
        while True:
            yield b"y" * 65536
    _pour(site, pieces)


def endless_headers_http1(site):
    """Header fields without an end."""
    def pieces():
        yield _LINE
        while True:
            yield b"x: y\r\n" * 10000
    _pour(site, pieces)


def large_bodies_http1(site):
    """Bodies of 8 MiB: too long, and read all the same before they are refused."""
    body = b" " * (8 * target.MIB)

    def pieces():
        yield _post(target.CHALLENGE_PATH, "application/json", body)
        yield b""
    _pour(site, pieces)


def hoarded_bodies_http1(site):
    """On each of many connections nearly as much as a request may be, without its end. What the server closes is opened again."""
    length = bounds.limits_in_force().max_http1_bytes - 4096
    head = _LINE + f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()
    kept = []
    try:
        while not site.is_over():
            kept = [one for one in kept if _is_open(one)]
            while len(kept) < site.most(30) and not site.is_over():
                one = _sent_nearly_all(site, head + b" " * (length - 1))
                if one is None:
                    break
                kept.append(one)
            site.pause(0.1)
    finally:
        for one in kept:
            one.close()


def _sent_nearly_all(site, octets):
    """A connection over which all of them went, without a word from the server; None if it said something, or closed."""
    def answers():
        return sum(count for word, count in site.seen.items() if word.isdigit())
    one, before = None, answers()
    try:
        one = socket.create_connection(site.http1, timeout=2)
        if _send(site, one, octets) and answers() == before and not select.select([one], [], [], 0)[0]:
            site.seen["all but the last octet sent"] += 1
            return one
    except OSError as error:
        site.seen[type(error).__name__] += 1
    if one is not None:
        one.close()
    return None


def _is_open(one):
    """False if the other end has ended it or answered; then it is closed here too."""
    if not select.select([one], [], [], 0)[0]:
        return True
    one.close()
    return False


def vanishing_clients_http1(site):
    """They ask for a long answer and are gone with a RST when it begins."""
    request = _post(target.VECTORS_PATH, "application/x-ndjson", BAD_LINES)
    while not site.is_over():
        try:
            one = socket.create_connection(site.http1, timeout=5)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(request)
            one.recv(1)
            site.seen["answered"] += 1
            ground.vanish(one)
            site.pause(0.02)  # what the answer costs is not what is tried here
        except OSError as error:
            site.seen[type(error).__name__] += 1


def unread_answers_http1(site):
    """Long answers that nobody takes, on many connections."""
    request = _post(target.VECTORS_PATH, "application/x-ndjson", BAD_LINES)
    kept = []
    try:
        while len(kept) < site.most(_ASKING) and not site.is_over():
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            one.settimeout(2)
            one.connect(site.http1)
            one.sendall(request)
            kept.append(one)
            site.pause(0.02)
        site.rest()
    except OSError as error:
        site.seen[type(error).__name__] += 1
    finally:
        for one in kept:
            one.close()


def silent_connections_http1(site):
    """Connections that say nothing."""
    site.silent(site.http1, site.most(10100))
