#!/usr/bin/env python3
"""The curves of scripts/bench-curves: JSON lines of bench-load to an SVG and its numbers. Only the standard library.

  curves.py vectors FOLDER CLOSED_RUNS HALF_RUNS SIZE...   rate, and latency at a fixed load, against the number of vectors
  curves.py capacity RUNS                                  prints the median of their rates
  curves.py overload FOLDER RUNS CAPACITY_RUNS RECOVERY    rate and latency against the offered load; a probe's latency while it comes and goes
"""
import json
import math
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from report import commit, machine, now, read_runs  # noqa: E402  pylint: disable=wrong-import-position

WIDTH = 760
LEFT, RIGHT, TOP, GAP, PLOT = 90, 30, 50, 70, 210
COLOURS = ["#1f5fa8", "#c0392b", "#2e8b57"]


class Axis:
    """Values to pixels, linear or logarithmic, with its ticks."""

    def __init__(self, values, begin, end, is_log=False, from_zero=True):
        self.begin, self.end, self.is_log = begin, end, is_log
        if is_log:
            self.low = 10 ** math.floor(math.log10(min(values)))
            self.high = 10 ** math.ceil(math.log10(max(values)))
            self.high = self.high if self.high > self.low else self.low * 10
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            self.ticks = [10 ** i for i in range(first, last + 1)]
        else:
            self.low = 0 if from_zero else min(values)
            step = self.step(max(values) - self.low)
            self.high = math.ceil(max(values) / step - 1e-9) * step
            self.ticks = [self.low + i * step for i in range(round((self.high - self.low) / step) + 1)]

    @staticmethod
    def step(width):
        raw = max(width, 1e-9) / 5
        power = 10 ** math.floor(math.log10(raw))
        return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw)

    def at(self, value):
        share = math.log(value / self.low) / math.log(self.high / self.low) if self.is_log else (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


def number(value, is_power):
    if is_power and value >= 10000:
        return f'10<tspan dy="-5" font-size="9">{int(math.log10(value))}</tspan>'
    return f"{value:,.10g}"


def text(x, y, content, anchor="middle", size=12, extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" {extra}>{content}</text>'


def panel(top, x_axis, x_label, y_label, lines, is_log=False):
    """One diagram: `lines` are (name, [(x, y)...]); the points are marked."""
    y_axis = Axis([y for _, points in lines for _, y in points if y > 0], top + PLOT, top, is_log)
    out = [f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{PLOT}" fill="none" stroke="#444"/>']
    for tick in y_axis.ticks:
        y = y_axis.at(tick)
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(text(LEFT - 8, y + 4, number(tick, y_axis.is_log), "end"))
    for tick in x_axis.ticks:
        x = x_axis.at(tick)
        out.append(f'<line x1="{x:.1f}" y1="{top + PLOT}" x2="{x:.1f}" y2="{top + PLOT + 5}" stroke="#444"/>')
        out.append(text(x, top + PLOT + 20, number(tick, x_axis.is_log)))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, top + PLOT + 38, x_label))
    middle = top + PLOT / 2
    out.append(text(20, middle, y_label, extra=f'transform="rotate(-90 20 {middle})"'))
    for i, (name, points) in enumerate(lines):
        shown = [(x_axis.at(x), y_axis.at(y)) for x, y in points if y > 0 or not is_log]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in shown)
        out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[i]}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{COLOURS[i]}"/>' for x, y in shown]
        if len(lines) > 1:
            out.append(text(LEFT + 12 + 190 * i, top - 8, f'<tspan fill="{COLOURS[i]}">&#9679;</tspan> {name}', "start"))
    return out


def top_of(number):
    """Of the panel of that number, from 0."""
    return TOP + 10 + number * (PLOT + GAP + 20)


def write(folder, name, title, panels, numbers):
    """The picture, and the numbers with the machine, the commit and the time."""
    on, height = machine(), top_of(len(panels)) - 10
    made = {"machine": on, "commit": commit(), "at": now()}
    foot = f"{on['cores']} cores, {on['cpu']}; one for the server, one for the load; {made['at'][:10]}, {made['commit']}"
    body = [text(WIDTH / 2, 22, title, size=15)] + [part for one in panels for part in one]
    body.append(text(WIDTH - RIGHT, height - 8, foot, "end", 10))
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">\n'
           f'<rect width="{WIDTH}" height="{height}" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n")
    with open(f"{folder}/{name}.svg", "w", encoding="ascii") as out:
        out.write(svg)
    with open(f"{folder}/{name}.json", "w", encoding="ascii") as out:
        json.dump({**made, **numbers}, out, indent=2)
        out.write("\n")
    print(f"{folder}/{name}.svg")


def draw_vectors(folder, closed_file, half_file, sizes):
    closed, half = read_runs(closed_file), read_runs(half_file)
    x_axis = Axis(sizes, LEFT, WIDTH - RIGHT, is_log=True)
    at_half = f"vectors (at {half[0]['offered_rate']:,.0f} lookups a second, half of what the fewest allow)"
    panels = [
        panel(top_of(0), x_axis, "vectors", "lookups a second", [("rate", [(n, run["rate"]) for n, run in zip(sizes, closed)])]),
        panel(top_of(1), x_axis, at_half, "latency, us",
              [("median", [(n, run["p50_us"]) for n, run in zip(sizes, half)]),
               ("99th percentile", [(n, run["p99_us"]) for n, run in zip(sizes, half)])], is_log=True)]
    numbers = [{"vectors": n, "closed": a, "half": b} for n, a, b in zip(sizes, closed, half)]
    write(folder, "vectors", "nf-d-ausf: lookups against the number of vectors", panels, {"points": numbers})


def shed_of(run):
    """What was refused with 503, a second."""
    return run["status"].get("503", 0) / run["seconds"]


def sent_of(run):
    """What was answered one way or another, a second: of a load that is offered, what the loader could bring."""
    return run["requests"] / run["seconds"]


def capacity_of(runs):
    return statistics.median(run["rate"] for run in runs)


def draw_overload(folder, file, capacity_file, recovery_file):
    runs, capacity_runs, recovery = read_runs(file), read_runs(capacity_file), read_runs(recovery_file)[0]
    capacity = capacity_of(capacity_runs)
    load = [run["offered_rate"] / capacity for run in runs]
    # Without a refusal there was no overload, whatever was asked for: the loader or its connections were the limit.
    for what, run in (("the highest load", runs[-1]), ("the load beside the probe", recovery["load"])):
        if shed_of(run) == 0:
            sys.exit(f"nothing was shed at {what}, {run['offered_rate'] / capacity:.2f} times the capacity of {capacity:,.0f} a second: "
                     f"{sent_of(run):,.0f} a second were answered, {run['not_started']} were never sent, loader_cpu_share {run['loader_cpu_share']}")
    x_axis = Axis(load, LEFT, WIDTH - RIGHT)
    label = f"offered load, times the capacity ({capacity:,.0f} lookups a second)"
    course = recovery["course"]
    time_axis = Axis([math.floor(course[0]["at"]), math.ceil(course[-1]["at"])], LEFT, WIDTH - RIGHT, from_zero=False)
    panels = [
        panel(top_of(0), x_axis, label, "a second", [("served", [(x, run["rate"]) for x, run in zip(load, runs)]),
                                                     ("refused with 503", [(x, shed_of(run)) for x, run in zip(load, runs)])]),
        panel(top_of(1), x_axis, label, "latency of what is served, us",
              [("median since due", [(x, run["p50_us"]) for x, run in zip(load, runs)]),
               ("99th percentile since due", [(x, run["p99_us"]) for x, run in zip(load, runs)]),
               ("99th percentile since sent", [(x, run["p99_since_sent_us"]) for x, run in zip(load, runs)])], is_log=True),
        panel(top_of(2), time_axis, f"seconds; {recovery['load']['offered_rate'] / capacity:.1f} times the capacity from 0 to "
              f"{recovery['load_seconds']:.0f}", "latency of a probe, us",
              [("median of 0.1 s", [(one["at"], one["p50_us"]) for one in course if one["p50_us"]]),
               ("longest of 0.1 s", [(one["at"], one["max_us"]) for one in course if one["max_us"]])], is_log=True)]
    points = [{"load": x, "shed_rate": shed_of(run), "sent_rate": sent_of(run), **run} for x, run in zip(load, runs)]
    write(folder, "overload", "nf-d-ausf: lookups under more load than it can serve", panels,
          {"capacity": capacity, "capacity_runs": [run["rate"] for run in capacity_runs], "points": points, "recovery": recovery})
    tell(points, recovery)


def tell(points, recovery):
    """The figures, for those who read no JSON."""
    print("load  asked/s     sent/s     served/s   503/s     p50, p99 since due, us   RSS before, at the end, KiB")
    for one in points:
        print(f"{one['load']:4.2f}  {one['offered_rate']:9,.0f}  {one['sent_rate']:9,.0f}  {one['rate']:9,.0f}  {one['shed_rate']:9,.0f}  "
              f"{one['p50_us']:9,.0f} {one['p99_us']:9,.0f}   {one.get('rss_kb_before', 0)} {one.get('rss_kb', 0)}")
    for name in ("before", "during", "first_second_after", "second_second_after"):
        one = recovery[name]
        print(f"probe, {name.replace('_', ' ')}: {one['answers']} answers {one['status']}, p50 {one['p50_us']}, p99 {one['p99_us']}, "
              f"max {one['max_us']} us")
    print(f"settled {recovery['settled_after_s']} s after the load's end; memory {recovery['memory']}")


def main():
    if len(sys.argv) >= 6 and sys.argv[1] == "vectors":
        draw_vectors(sys.argv[2], sys.argv[3], sys.argv[4], [int(size) for size in sys.argv[5:]])
    elif len(sys.argv) == 3 and sys.argv[1] == "capacity":
        print(round(capacity_of(read_runs(sys.argv[2]))))
    elif len(sys.argv) == 6 and sys.argv[1] == "overload":
        draw_overload(*sys.argv[2:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
