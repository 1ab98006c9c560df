"""Attacks on the functions, one after the other, each on a process of its own: a table, and what did not hold. See scripts/attacks."""
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
LEFT_MIB = 24          # allocators keep some; of more the same attack again must tell whether it is kept for the next time, or lost
AGAIN = 2              # so often
# By how much the last peak may be above all before it: what was kept does not fit what is needed next octet for octet, and memory is looked at every
# 50 ms only. What is lost each time by more than that shows.
RISE_MIB = 8


def carry_out(attack, the_target, options, max_connections):
    """The courses of an attack: one, or one and AGAIN on the same process if so much memory is left that only these can tell what became of it."""
    courses, seconds = [], max(options.seconds, attack.least_seconds)
    while not courses or (courses[-1].is_alive and len(courses) <= AGAIN and growth(courses[0].end, courses) > LEFT_MIB):
        courses.append(attacks.carry_out(attack, the_target, seconds, options.seconds / 2, options.pace, TIMEOUT_S, max_connections, 15))
        seconds = options.seconds  # again, it needs no time to show what it is for
    return courses


def judge(attack, courses):
    """What did not hold. Times are those of the first course, before which nothing was kept."""
    first, faults = courses[0], [fault for course in courses for fault in course.faults]
    if not courses[-1].is_alive:
        return ["the server has ended"]
    out = []
    if ratio(first) > MAX_RATIO:
        out.append(f"p99 {ratio(first):.1f} times the quiet one")
    if faults:
        out.append(f"{len(faults)} errors of the good client: {faults[0]}")
    out += judge_memory(attack, courses)
    if courses[-1].end.descriptors > first.before.descriptors + 2:
        out.append(f"{courses[-1].end.descriptors} descriptors, {first.before.descriptors} before")
    if not all(course.quiet and course.during for course in courses):
        out.append("the good client had no answers")
    if any(name.startswith("attacker failed") for course in courses for name in course.seen):
        out.append("the attack did not take place")
    return out


def judge_memory(attack, courses):
    """It is bounded, and nothing of it is lost: what was kept is used again."""
    out, peaks = [], [growth(course.peak, courses) for course in courses]
    if max(peaks) > attack.bound_mib:
        out.append(f"memory grew by {max(peaks):.0f} MiB, more than {attack.bound_mib}")
    if len(peaks) > 1 and peaks[-1] > max(peaks[:-1]) + RISE_MIB:
        out.append(f"memory grew by up to {max(peaks[:-1]):.0f} MiB, and by {peaks[-1]:.0f} in the end")
    return out


def growth(usage, courses):
    """In MiB, since before the first course."""
    return usage.anonymous - courses[0].before.anonymous


def ratio(course):
    return percentile(course.during, 0.99) / max(QUIET_FLOOR_MS, percentile(course.quiet, 0.99))


def row(attack, courses, problems):
    course = courses[0]
    seen = ", ".join(f"{name} ({count})" for name, count in course.seen.most_common(5) if count) or "nothing"
    p99 = "/".join(f"{percentile(samples, 0.99):.1f}" for samples in (course.quiet, course.during, course.after))
    p50 = "/".join(f"{percentile(samples, 0.5):.1f}" for samples in (course.quiet, course.during, course.after))
    end = course.end or course.peak
    usages = (course.before, course.peak, end)
    memory = "/".join(f"{usage.resident:.0f}" for usage in usages)
    anonymous = "/".join(f"{usage.anonymous:.0f}" for usage in usages)
    things = "/".join(str(usage.descriptors) for usage in usages) + ", " + "/".join(str(usage.threads) for usage in usages)
    errors = sum(len(each.faults) for each in courses)
    again = "".join(f", again {each.peak.anonymous:.0f}" for each in courses[1:])
    whom = attack.listener if attack.function == "d-ausf" else f"nf-{attack.function}, {attack.listener}"
    return (f"| {attack.name} ({whom}) | {seen} | {p50} | {p99} | {ratio(course):.1f} | {errors} | {memory} ({anonymous}{again}) "
            f"| {things} | {'; '.join(problems) or 'held'} |")


HEAD = """| attack | what the server did | p50 quiet/during/after (ms) | p99 (ms) | ratio | errors of the good client \
| RSS before/peak/after (anonymous, peaks of the same again), MiB | descriptors, threads | verdict |
|---|---|---|---|---|---|---|---|---|"""


def run(options, folder):
    chosen = [attack for attack in attacks.ATTACKS if not options.only or options.only in attack.name]
    if not chosen:
        print("no such attack; there are: " + " ".join(attack.name for attack in attacks.ATTACKS), file=sys.stderr)
        return 2
    most = target.raise_descriptor_limit()
    targets = attacks.make_targets(folder, options.programs, options.net, {})
    cores = sorted(os.sched_getaffinity(0))
    failed = 0
    print(HEAD)
    for attack in chosen:
        the_target = targets[attack.function]
        os.sched_setaffinity(0, cores)
        try:
            the_target.start()
            os.sched_setaffinity(0, cores[1:] or cores)
            courses = carry_out(attack, the_target, options, most - 200)
            problems = judge(attack, courses)
            status = the_target.end() if courses[-1].is_alive else the_target.lab.process.pop(attack.function).wait()
            if status is None:
                problems.append("it does not end within 20 s of SIGTERM")
            elif status != 0:
                problems.append(f"it ended with {status}: {the_target.output()[-300:]}")
        finally:
            the_target.lab.end_all()
        failed += bool(problems)
        print(row(attack, courses, problems), flush=True)
    print(f"\n{len(chosen)} attacks, {failed} of them not withstood. A row holds if p99 during the attack is at most {MAX_RATIO:.0f} "
          f"times the quiet one (or {QUIET_FLOOR_MS:.0f} ms, if that is more), the good client had no error, memory grew by no more than "
          f"its bound and is back within {LEFT_MIB} MiB (or of the same {AGAIN} times more the last peak was no more than {RISE_MIB} above the others), and "
          "descriptors are back.")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0,
                        help="of each attack (some need more: attacks.LEAST_SECONDS); half as many before and after")
    parser.add_argument("--only", help="attacks whose names have this in them")
    parser.add_argument("--pace", type=float, default=150.0, help="requests of the good client a second, at each listener (of nf-arpf 40 at most)")
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
