"""All the attacks, what each may cost, and how one is carried out while a good client goes on."""
import collections
import multiprocessing
import os
import time

import arpf_attacks
import arpf_target
import ausf_ext_attacks
import ausf_ext_target
import bounds
import connection_attacks
import good_client
import ground
import http1_attacks
import http2_attacks
import target

# `function`: whom it is carried out on. `bound_mib`: by how much the memory of the server may grow meanwhile, however often it is carried out.
# `least_seconds`: shorter it shows nothing of what it is for (in the tests it is as short as the others).
Attack = collections.namedtuple("Attack", "name run function listener bound_mib least_seconds")

LEAST_SECONDS = {
    "half_open_streams_held": 180,  # several of the timeouts that they are held against (request_timeout: 30 s)
    "known_subscribers": 15,        # until all contexts are under way that there may be, and for some time then
    "silent_handshakes": 12,        # longer than first_byte_timeout
    "slow_headers": 16,
    "slow_headers_http1": 16,
    "slow_bodies": 36,              # longer than request_timeout
    "slow_bodies_http1": 36,
    "hoarded_bodies_http1": 33,
    "shut_windows": 33,             # longer than write_timeout
}

_MODULES = ((connection_attacks, "d-ausf", None), (http2_attacks, "d-ausf", "http2"), (http1_attacks, "d-ausf", "http1"),
            (arpf_attacks, "arpf", "http2"), (ausf_ext_attacks, "ausf-ext", "http2"))


def _all():
    found = []
    for module, function, listener in _MODULES:
        for name, run in vars(module).items():
            if callable(run) and getattr(run, "__module__", "") == module.__name__ and not name.startswith("_"):
                on = listener or ("tls" if "handshakes" in name or "hellos" in name else "http2")
                found.append(Attack(name.replace("_", "-"), run, function, on, bounds.bound_mib(name), LEAST_SECONDS.get(name, 0)))
    return found


def make_targets(folder, programs, net, limits):
    """By function. In `folder`, at 127.0.`net`.x; `limits` goes to `sbi: limits:` of each."""
    the_lab = target.lab.Lab(folder, programs, net, limits)
    return {made.function: made(the_lab) for made in (target.DAusf, arpf_target.Arpf, ausf_ext_target.AusfExt)}


ATTACKS = _all()

# What the short test leaves out, with the reason: to be empty.
NOT_WITHSTOOD = {}


class Course:
    """What happened: the samples of the good client by phase, and what the server took."""

    def __init__(self):
        self.quiet, self.during, self.after = [], [], []
        self.faults = []  # of the good client, in any phase
        self.seen = collections.Counter()
        self.before = self.peak = self.end = None
        self.is_alive = True


def _attack_process(attack, the_target, seconds, max_connections, pipe):
    os.nice(10)  # it may not keep the good client from its core
    site = ground.Site(the_target, seconds, max_connections)
    try:
        attack.run(site)
    except Exception as error:  # pylint: disable=broad-except
        site.seen["attacker failed: " + repr(error)] += 1
    pipe.send(site.seen)


def carry_out(attack, the_target, seconds, quiet_seconds, pace, timeout, max_connections, settle_seconds):
    """One attack on a target that runs. Uses all cores but the first, if there are several."""
    course = Course()
    listeners = dict.fromkeys(("http2", attack.listener))
    client = good_client.GoodClient(the_target, listeners, pace, timeout)
    time.sleep(quiet_seconds)
    course.before = the_target.usage()
    course.peak = the_target.usage()
    begun = time.monotonic()
    ours, theirs = multiprocessing.Pipe(False)
    process = multiprocessing.get_context("fork").Process(
        target=_attack_process, args=(attack, the_target, seconds, max_connections, theirs), daemon=True)
    process.start()
    theirs.close()
    while the_target.is_alive() and not ours.poll(0.05):
        course.peak.rise_to(the_target.usage())
    ended = time.monotonic()
    course.seen = ours.recv() if ours.poll(0) else course.seen
    process.join()
    if the_target.is_alive():
        course.end = the_target.settle(course.before.descriptors + 2, settle_seconds)
    time.sleep(quiet_seconds)
    if the_target.is_alive():
        course.end = the_target.usage()
        course.peak.rise_to(course.end)  # what was asked for may still be under way
    samples = client.end()
    course.is_alive = the_target.is_alive()
    course.faults = [sample.fault for sample in samples if sample.fault]
    first = min((sample.due for sample in samples), default=0) + 0.2  # the first ones warm up both sides
    course.quiet = [sample for sample in samples if first <= sample.due < begun]
    course.during = [sample for sample in samples if begun <= sample.due < ended]
    course.after = [sample for sample in samples if sample.due >= ended + 0.2]
    return course
