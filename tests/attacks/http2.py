"""As much of HTTP/2 (RFC 9113) as an attack needs: frames made by hand, header fields without Huffman (RFC 7541), a reader of frames, and
a connection that may say anything and notes what it is told."""
import collections
import select
import socket
import ssl
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE = 1, 4
FRAME_OCTETS = 16384  # of a payload, unless the peer allows more; ours does not
ERRORS = ("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
          "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED")
_KNOWN_STATUS = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}  # RFC 7541, appendix A


class Ended(Exception):
    """The peer has closed the connection."""


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def integer(value, prefix_bits, first=0):
    """RFC 7541, 5.1."""
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([first | value])
    out, value = [first | limit], value - limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + [value])


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return integer(len(value), 7) + value


def literal(name, value):
    """A field that enters no table."""
    return b"\0" + text(name) + text(value)


def request_block(method, authority, path, fields=(), scheme="http"):
    known = {"GET": b"\x82", "POST": b"\x83"}.get(method, b"\x02" + text(method))
    return (known + (b"\x86" if scheme == "http" else b"\x87") + b"\x04" + text(path) + b"\x01" + text(authority) +
            b"".join(literal(name, value) for name, value in fields))


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def window_update(stream, octets):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", octets))


def reset(stream, error=8):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", error))


def status_of(block):
    """Of an answer whose encoder has no dynamic table: `:status` is its first field."""
    while block and block[0] & 0xE0 == 0x20:  # changes of the table's size; ours are short
        block = block[1:]
    if not block:
        return 0
    if block[0] & 0x80:
        return _KNOWN_STATUS.get(block[0] & 0x7F, 0)
    size, value = block[1] & 0x7F, block[2:]
    if not block[1] & 0x80:
        return int(value[:size])
    bits, digits = "".join(f"{octet:08b}" for octet in value[:size]), ""
    while len(digits) < 3:  # the digits of RFC 7541, appendix B: 0 to 2 have five bits, the others six
        width = 5 if int(bits[:5], 2) < 3 else 6
        digits += str(int(bits[:5], 2) if width == 5 else int(bits[:6], 2) - 0x16)
        bits = bits[width:]
    return int(digits)


class Connection:
    """A client's end, with prior knowledge, or over `tls` (an ssl.SSLContext). `seen` counts what the server did. It never waits but in
    send() and wait(), and there until `until` at most. From the address `source`, if that is given."""

    def __init__(self, address, seen=None, first_settings=(), tls=None, timeout=10.0, source=None):
        self.seen = collections.Counter() if seen is None else seen
        self.socket = socket.create_connection(address, timeout=timeout, source_address=source)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.socket.setblocking(False)
        self.authority = "%s:%d" % tuple(address[:2])
        self.scheme = "https" if tls else "http"
        self.next_stream = 1
        self.statuses, self.bodies, self.ended = {}, collections.defaultdict(bytes), set()
        self.keeps_bodies = False
        # Octets that may be sent: on a stream at first, once the peer's settings are acknowledged; allowed since, by stream (0: the connection).
        self.initial_window, self.granted, self.has_settings = 65535, collections.Counter(), False
        self.is_closed = False
        self._pending = bytearray()
        own_settings = settings((HEADER_TABLE_SIZE, 0), (INITIAL_WINDOW_SIZE, 1 << 20), *first_settings)
        self.send(PREFACE + own_settings + window_update(0, 1 << 30), time.monotonic() + timeout)

    def close(self, abruptly=False):
        if abruptly:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.is_closed = True
        self.socket.close()

    def stream(self):
        number, self.next_stream = self.next_stream, self.next_stream + 2
        return number

    def headers(self, stream, method, path, fields=(), ends=True):
        block = request_block(method, self.authority, path, fields, self.scheme)
        return frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0), stream, block)

    def request(self, method, path, body=b""):
        """Frames of a whole request, and its stream."""
        stream = self.stream()
        if not body:
            return self.headers(stream, method, path), stream
        fields = [("content-type", "application/json"), ("content-length", str(len(body)))]
        return self.headers(stream, method, path, fields, False) + frame(DATA, END_STREAM, stream, body), stream

    def send(self, octets, until, reads=True):
        """All of it, unless the time is over before. True if all went out. With `reads`, what comes meanwhile is taken."""
        left = memoryview(octets)
        while left:
            if reads:
                self.take()
            try:
                left = left[self.socket.send(left[:1 << 18]):]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                remaining = until - time.monotonic()
                if remaining <= 0:
                    return False
                select.select([self.socket] if reads else [], [self.socket], [], min(remaining, 0.2))
            except OSError as error:
                raise self._gone(type(error).__name__) from error
        return True

    def take(self):
        """What is there now. Throws Ended once the peer has closed."""
        while True:
            try:
                octets = self.socket.recv(1 << 16)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                raise self._gone(type(error).__name__) from error
            if not octets:
                raise self._gone("closed")
            self._pending += octets
            self._read_frames()

    def wait(self, until):
        """Until something comes, or the time is over; takes it."""
        remaining = until - time.monotonic()
        if remaining > 0 and select.select([self.socket], [], [], remaining)[0]:
            self.take()

    def answer(self, stream, until):
        """The status of the whole answer; None if the time is over before, or the stream was reset."""
        self.take()
        while stream not in self.ended and time.monotonic() < until:
            self.wait(until)
        return self.statuses.get(stream) if stream in self.ended else None

    def _gone(self, how):
        self.seen["closed" if how == "closed" else "reset"] += 1
        self.close()
        return Ended(how)

    def _read_frames(self):
        pending, at = self._pending, 0
        while len(pending) - at >= 9:
            size = int.from_bytes(pending[at:at + 3], "big")
            if len(pending) - at < 9 + size:
                break
            kind, flags = pending[at + 3], pending[at + 4]
            stream = int.from_bytes(pending[at + 5:at + 9], "big") & 0x7FFFFFFF
            if kind not in (SETTINGS, WINDOW_UPDATE, PING):
                self._take_frame(kind, flags, stream, bytes(pending[at + 9:at + 9 + size]))
            elif kind == WINDOW_UPDATE:
                self.granted[stream] += int.from_bytes(pending[at + 9:at + 13], "big")
            elif flags & ACK:
                self.seen["PING answered" if kind == PING else "SETTINGS answered"] += 1
            elif kind == SETTINGS:
                self._take_settings(bytes(pending[at + 9:at + 9 + size]))
            at += 9 + size
        del pending[:at]

    def _take_settings(self, payload):
        self.has_settings = True
        for name, value in struct.iter_unpack(">HI", payload):
            if name == INITIAL_WINDOW_SIZE:
                self.initial_window = value

    def _take_frame(self, kind, flags, stream, payload):
        if kind == HEADERS:
            self.statuses[stream] = status_of(payload)
            self.seen[str(self.statuses[stream])] += 1
        elif kind == DATA and self.keeps_bodies:
            self.bodies[stream] += payload
        elif kind == RST_STREAM:
            self.seen["RST_STREAM " + _error_name(payload)] += 1
            self.ended.add(stream)
        elif kind == GOAWAY:
            self.seen["GOAWAY " + _error_name(payload[4:])] += 1
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.ended.add(stream)


def _error_name(payload):
    number = int.from_bytes(payload[:4], "big")
    return ERRORS[number] if number < len(ERRORS) else str(number)
