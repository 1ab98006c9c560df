"""Attacks on nf-d-ausf, one after the other, each on a process of its own: a table, and what did not hold. See scripts/attacks."""
import argparse
import os
import pathlib
import shutil
import sys
import tempfile

import attacks
import target
from good_client import percentile

QUIET_FLOOR_MS = 2.0   # below it, a figure is noise of the machine
MAX_RATIO = 3.0
TIMEOUT_S = 3.0        # of the good client, for one answer
LEFT_MIB = 24          # allocators keep some; what grows with each attack is beyond it


def judge(attack, course):
    """What did not hold."""
    out = []
    if not course.is_alive:
        return ["the server has ended"]
    if ratio(course) > MAX_RATIO:
        out.append(f"p99 {ratio(course):.1f} times the quiet one")
    if course.faults:
        out.append(f"{len(course.faults)} errors of the good client: {course.faults[0]}")
    if course.peak.anonymous - course.before.anonymous > attack.bound_mib:
        out.append(f"memory grew by {course.peak.anonymous - course.before.anonymous:.0f} MiB, more than {attack.bound_mib}")
    if course.end.anonymous - course.before.anonymous > LEFT_MIB:
        out.append(f"{course.end.anonymous - course.before.anonymous:.0f} MiB are left behind")
    if course.end.descriptors > course.before.descriptors + 2:
        out.append(f"{course.end.descriptors} descriptors, {course.before.descriptors} before")
    if not course.quiet or not course.during:
        out.append("the good client had no answers")
    if any(name.startswith("attacker failed") for name in course.seen):
        out.append("the attack did not take place")
    return out


def ratio(course):
    return percentile(course.during, 0.99) / max(QUIET_FLOOR_MS, percentile(course.quiet, 0.99))


def row(attack, course, problems):
    seen = ", ".join(f"{name} ({count})" for name, count in course.seen.most_common(5) if count) or "nothing"
    p99 = "/".join(f"{percentile(samples, 0.99):.1f}" for samples in (course.quiet, course.during, course.after))
    p50 = "/".join(f"{percentile(samples, 0.5):.1f}" for samples in (course.quiet, course.during, course.after))
    end = course.end or course.peak
    usages = (course.before, course.peak, end)
    memory = "/".join(f"{usage.resident:.0f}" for usage in usages)
    anonymous = "/".join(f"{usage.anonymous:.0f}" for usage in usages)
    things = "/".join(str(usage.descriptors) for usage in usages) + ", " + "/".join(str(usage.threads) for usage in usages)
    errors = len(course.faults)
    return (f"| {attack.name} ({attack.listener}) | {seen} | {p50} | {p99} | {ratio(course):.1f} | {errors} | {memory} ({anonymous}) "
            f"| {things} | {'; '.join(problems) or 'held'} |")


HEAD = """| attack | what the server did | p50 quiet/during/after (ms) | p99 (ms) | ratio | errors of the good client \
| RSS before/peak/after (anonymous), MiB | descriptors, threads | verdict |
|---|---|---|---|---|---|---|---|---|"""


def run(options, folder):
    chosen = [attack for attack in attacks.ATTACKS if not options.only or options.only in attack.name]
    if not chosen:
        print("no such attack; there are: " + " ".join(attack.name for attack in attacks.ATTACKS), file=sys.stderr)
        return 2
    most = target.raise_descriptor_limit()
    the_target = target.Target(folder, options.programs, options.net, {})
    cores = sorted(os.sched_getaffinity(0))
    failed = 0
    print(HEAD)
    for attack in chosen:
        os.sched_setaffinity(0, cores)
        the_target.start()
        os.sched_setaffinity(0, cores[1:] or cores)
        try:
            course = attacks.carry_out(attack, the_target, options.seconds, options.seconds / 2, options.pace, TIMEOUT_S, most - 200, 15)
            problems = judge(attack, course)
            status = the_target.end() if course.is_alive else the_target.lab.process.pop("d-ausf").wait()
            if status is None:
                problems.append("it does not end within 20 s of SIGTERM")
            elif status != 0:
                problems.append(f"it ended with {status}: {the_target.lab.output('d-ausf')[-300:]}")
        finally:
            the_target.lab.end_all()
        failed += bool(problems)
        print(row(attack, course, problems), flush=True)
    print(f"\n{len(chosen)} attacks, {failed} of them not withstood. A row holds if p99 during the attack is at most {MAX_RATIO:.0f} "
          f"times the quiet one (or {QUIET_FLOOR_MS:.0f} ms, if that is more), the good client had no error, memory grew by no more than "
          f"its bound and is back within {LEFT_MIB} MiB, and descriptors are back.")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each attack; half of it before and after")
    parser.add_argument("--only", help="attacks whose names have this in them")
    parser.add_argument("--pace", type=float, default=150.0, help="requests of the good client a second, at each listener")
    parser.add_argument("--net", type=int, default=5, help="at 127.0.NET.x")
    parser.add_argument("--preset", default="dev")
    parser.add_argument("--programs", help="the folder of the programs, if not build/PRESET")
    options = parser.parse_args()
    options.programs = pathlib.Path(options.programs or target.lab.ROOT / "build" / options.preset)
    folder = tempfile.mkdtemp(prefix="attacks-")
    try:
        return run(options, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
