#!/usr/bin/env python3
"""What an overload does to one client that asks little, before, during and after it; prints one line of JSON. Only the standard library.

A probe of its own process and connections asks at a low rate all the while. After some seconds the load begins, far above what the server can
do, and ends; the probe goes on. How long each answer took counts from when its request was due, so that nothing that was held up is left out.
Where there are two cores the probe shares one with the load, before which it goes (nice).
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

SLICE_S = 0.1  # of the course
SETTLED = 3    # a slice whose worst answer took so many times what p99 was before is still of the overload


def memory_of(pid):
    """RSS, and of it what is the process's own, in KiB."""
    fields = {}
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name in ("VmRSS", "RssAnon"):
                fields[name] = int(value.split()[0])
    return {"rss_kb": fields["VmRSS"], "rss_anon_kb": fields["RssAnon"]}


def highest(*uses):
    return {key: max(use[key] for use in uses) for key in uses[0]}


def at_quantile(values, share):
    values = sorted(values)
    return values[min(int(share * len(values)), len(values) - 1)] if values else None


def summary(answers):
    """Of (due, us, status) each: the latencies of what was served, and how many had which status."""
    served = [us for _, us, status in answers if 200 <= status <= 299]
    statuses = {}
    for _, _, status in answers:
        statuses[str(status)] = statuses.get(str(status), 0) + 1
    return {"answers": len(answers), "status": statuses, "p50_us": at_quantile(served, 0.5), "p99_us": at_quantile(served, 0.99),
            "max_us": max(served, default=None)}


def read_trace(name, begin_ns):
    """(seconds since `begin_ns` when it was due, us, status) of each answer."""
    with open(name, encoding="ascii") as lines:
        fields = [line.split() for line in lines]
    return sorted(((int(due) - begin_ns) / 1e9, float(us), int(status)) for due, us, status in fields)


def between(answers, begin, end):
    return summary([one for one in answers if begin <= one[0] < end])


def course_of(answers, begin, end):
    """In slices, from `begin` to `end`, each with its median and its worst."""
    out = []
    for number in range(round((end - begin) / SLICE_S)):
        at = begin + number * SLICE_S
        part = between(answers, at, at + SLICE_S)
        out.append({"at": round(at + SLICE_S / 2, 3), **part})
    return out


def settled_after(course, end, bound_us):
    """Seconds from the load's end to the end of the last slice in which an answer took longer, or was refused."""
    late = [one["at"] + SLICE_S / 2 for one in course
            if one["at"] > end and ((one["max_us"] or 0) > bound_us or any(status != "201" for status in one["status"]))]
    return round(max(late) - end, 3) if late else 0.0


def command(options, *more):
    return ["taskset", "-c", str(options.load_core), options.load, "--uri", options.uri, "--mode", "lookup", "--count",
            str(options.count), *map(str, more)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", required=True, help="bench-load")
    parser.add_argument("--uri", required=True)
    parser.add_argument("--pid", type=int, required=True, help="of the server")
    parser.add_argument("--count", type=int, required=True, help="vectors that are there")
    parser.add_argument("--rate", type=int, required=True, help="of the load")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=10, help="of the load")
    parser.add_argument("--before", type=float, default=5, help="seconds")
    parser.add_argument("--after", type=float, default=5, help="seconds")
    parser.add_argument("--probe-rate", type=int, default=500)
    parser.add_argument("--load-core", default="1")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        trace = pathlib.Path(folder) / "trace"
        asks = ["--connections", 4, "--streams", 100, "--rate", options.probe_rate, "--seed", 2, "--warm-up", 0]
        whole = options.before + options.seconds + options.after + 3  # the load needs time to connect, and to take its last answers
        probe = subprocess.Popen(command(options, *asks, "--seconds", whole, "--trace", trace), stdout=subprocess.DEVNULL)
        time.sleep(options.before)
        before = peak = memory_of(options.pid)
        crowd = ["--connections", options.connections, "--streams", options.streams, "--rate", options.rate, "--warm-up", 0]
        load = subprocess.Popen(["nice", "-n", "19", *command(options, *crowd, "--seconds", options.seconds, "--pid", options.pid)],
                                stdout=subprocess.PIPE)
        while load.poll() is None:
            peak = highest(peak, memory_of(options.pid))
            time.sleep(0.02)
        run = json.loads(load.stdout.read())
        if probe.wait() != 0:
            sys.exit("recovery: the probe failed")
        after = memory_of(options.pid)
        answers = read_trace(trace, run["begun_ns"])

    end = (run["ended_ns"] - run["begun_ns"]) / 1e9
    quiet = [one for one in answers if -options.before + 1 <= one[0] < -0.5]  # not the probe's own beginning, nor while the load connects
    if not quiet:
        sys.exit("recovery: nothing was asked before the load")
    p99 = statistics.quantiles([us for _, us, _ in quiet], n=100)[98]
    course = course_of(answers, -2, end + options.after - 0.5)
    print(json.dumps({
        "load": run, "load_seconds": end, "probe_rate": options.probe_rate,
        "before": summary(quiet), "during": between(answers, 0, end), "first_second_after": between(answers, end, end + 1),
        "second_second_after": between(answers, end + 1, end + 2),
        "settled_after_s": settled_after(course, end, SETTLED * p99),
        "memory": {"before": before, "peak": peak, "after": after}, "course": course}))


if __name__ == "__main__":
    main()
