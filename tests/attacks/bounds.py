"""By how much the server's memory may grow in each attack: what the limits in force let the attack hold, times what one of it weighs."""
import math
import re
import types

import target
from http2 import FRAME_OCTETS

# What any attack may cost: streams and exchanges that are kept for the next ones (1024 of each a loop, some KiB at most), SQLite's caches.
BASE_MIB = 16

# What one weighs, in KiB: as measured in the release build, and rounded up.
CONNECTION_KIB = 4        # 2.5: one that has said nothing
SESSION_KIB = 20          # 16: one that speaks HTTP/2
HANDSHAKE_KIB = 64        # 42: of TLS, under way
HALF_OPEN_KIB = 3         # 1.8: a request without its end
IMPORT_KIB = 1024         # one that is worked on: a piece, a line that may still end, a report (BulkLoad::kMaxProblems) of bad lines
ANSWER_KIB = 4            # 3.1: one that the client does not take, and its stream
HTTP1_CONNECTION_KIB = 8  # 5: Pistache's
CONTEXT_KIB = 1           # 0.65: an authentication that waits for its RES*
HTTP1_LEAVING = 32        # connections that gave way and have not gone yet (Http1Sockets::kMostLeaving); those that wait to be taken in weigh nothing

# Bodies lie in texts that double when they are full. What a text had before is free then, and not at once of use to others: at twice the
# octets that all bodies have there is enough for the next size of each (210 MiB were seen with 128).
BODY_FACTOR = 2
# Over HTTP/1.1 what came lies in a buffer that doubles, and in the body that Pistache makes of it, which does too: 11 MiB were seen of 4.
HTTP1_BODY_FACTOR = 3


def limits_in_force():
    """The limits of lib/sbi, in octets: the target's configuration leaves these as they are."""
    folder = target.lab.ROOT / "lib" / "sbi"
    text = "".join((folder / name).read_text() for name in ("server_limits.hpp", "http2_session.hpp"))
    found = re.findall(r"\b(max_\w+) = (\d[\d *]*);", text)
    return types.SimpleNamespace(**{name: math.prod(int(factor) for factor in value.split("*")) for name, value in found})


def hoarding(limits):
    """Connections whose streams all have a body in frames nearly as long as it may be, one more than max_buffered_bytes has room for; and how many frames."""
    frames = limits.max_body_bytes // FRAME_OCTETS - 1
    return limits.max_buffered_bytes // (limits.max_streams * frames * FRAME_OCTETS) + 2, frames


def max_contexts():
    """Of nf-ausf-ext: authentications under way, which end after 60 s (context_lifetime_s)."""
    text = (target.lab.ROOT / "nf-ausf-ext" / "authentication_contexts.hpp").read_text()
    return int(re.search(r"kMaxContexts = (\d+);", text).group(1))


def _held_kib(limits):
    """Of each attack that makes the server hold something. Where a number of connections stands, the attack opens so many, and no limit of HTTP/2 is
    below it. What the others send is answered, or forgotten, or ends its connection."""
    def streams(connections):
        return min(connections * limits.max_streams, limits.max_half_open_streams)

    def http1_connections(connections):
        return min(connections, limits.max_http1_connections + HTTP1_LEAVING)

    def http1_bodies(connections):
        return connections * limits.max_http1_bytes * HTTP1_BODY_FACTOR / 1024

    imports = limits.max_imports_per_peer * IMPORT_KIB  # those beyond it are refused
    handshakes = limits.max_handshakes * HANDSHAKE_KIB  # those beyond it wait in the kernel
    return {
        "silent_connections": limits.max_connections * CONNECTION_KIB,
        "idle_connections": limits.max_connections * SESSION_KIB,
        "silent_handshakes": handshakes,
        "half_client_hellos": handshakes,
        "whole_client_hellos": handshakes,
        "handshakes_with_long_chains": handshakes,
        "unread_client_hellos": handshakes,
        "shut_windows": 100 * (SESSION_KIB + limits.max_streams * ANSWER_KIB),  # answers are bounded by streams, and end after write_timeout
        "half_open_streams": 500 * SESSION_KIB + streams(500) * HALF_OPEN_KIB,
        "half_open_streams_held": 150 * SESSION_KIB + streams(150) * HALF_OPEN_KIB,
        "hoarded_bodies": hoarding(limits)[0] * SESSION_KIB + streams(hoarding(limits)[0]) * HALF_OPEN_KIB + limits.max_buffered_bytes * BODY_FACTOR / 1024,
        "hoarded_imports": 50 * SESSION_KIB + streams(50) * HALF_OPEN_KIB + imports,
        "abandoned_imports": SESSION_KIB + streams(1) * HALF_OPEN_KIB + imports,
        "bad_lines": imports,
        "known_subscribers": max_contexts() * CONTEXT_KIB,
        "slow_headers": 1000 * SESSION_KIB,
        "slow_bodies": 1000 * (SESSION_KIB + HALF_OPEN_KIB),
        # HTTP/1.1 has no limit of all bodies: what one may hold, times as many as there are.
        "silent_connections_http1": http1_connections(10100) * HTTP1_CONNECTION_KIB,
        "slow_headers_http1": http1_connections(1000) * HTTP1_CONNECTION_KIB,
        "slow_bodies_http1": http1_connections(200) * HTTP1_CONNECTION_KIB,
        "unread_answers_http1": http1_connections(200) * (HTTP1_CONNECTION_KIB + 10),  # each answer is some 10 KB
        "endless_header_http1": http1_bodies(1),
        "endless_headers_http1": http1_bodies(1),
        # A connection after the other: those before it may still be with one of the four threads.
        "pipelining_http1": http1_bodies(4),
        "large_bodies_http1": http1_bodies(4),
        "hoarded_bodies_http1": http1_bodies(30),
    }


_HELD_KIB = _held_kib(limits_in_force())


def bound_mib(attack):
    """Of the attack of that name."""
    return math.ceil(BASE_MIB + _HELD_KIB.get(attack, 0) / 1024)
