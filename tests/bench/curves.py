#!/usr/bin/env python3
"""The curves of scripts/bench-curves: JSON lines of bench-load to an SVG and its numbers. Only the standard library.

  curves.py vectors FOLDER CLOSED_RUNS HALF_RUNS SIZE...   rate, and latency at a fixed load, against the number of vectors
  curves.py overload FOLDER RUNS CAPACITY                  rate and latency against the offered load
"""
import json
import math
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from report import machine, read_runs  # noqa: E402  pylint: disable=wrong-import-position

WIDTH, HEIGHT = 760, 640
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
        shown = [(x_axis.at(x), y_axis.at(y)) for x, y in points if y > 0]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in shown)
        out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[i]}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{COLOURS[i]}"/>' for x, y in shown]
        if len(lines) > 1:
            out.append(text(LEFT + 12 + 190 * i, top - 8, f'<tspan fill="{COLOURS[i]}">&#9679;</tspan> {name}', "start"))
    return out


def write(folder, name, title, panels, numbers):
    on = machine()
    foot = f"{on['cores']} cores, {on['cpu']}; one for the server, one for the load"
    body = [text(WIDTH / 2, 22, title, size=15)] + [part for one in panels for part in one]
    body.append(text(WIDTH - RIGHT, HEIGHT - 8, foot, "end", 10))
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">\n'
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n")
    with open(f"{folder}/{name}.svg", "w", encoding="ascii") as out:
        out.write(svg)
    with open(f"{folder}/{name}.json", "w", encoding="ascii") as out:
        json.dump({"machine": on, "points": numbers}, out, indent=2)
        out.write("\n")
    print(f"{folder}/{name}.svg")


def draw_vectors(folder, closed_file, half_file, sizes):
    closed, half = read_runs(closed_file), read_runs(half_file)
    x_axis = Axis(sizes, LEFT, WIDTH - RIGHT, is_log=True)
    at_half = f"vectors (at {half[0]['offered_rate']:,.0f} lookups a second, half of what the fewest allow)"
    panels = [
        panel(TOP + 10, x_axis, "vectors", "lookups a second", [("rate", [(n, run["rate"]) for n, run in zip(sizes, closed)])]),
        panel(TOP + 10 + PLOT + GAP + 20, x_axis, at_half, "latency, us",
              [("median", [(n, run["p50_us"]) for n, run in zip(sizes, half)]),
               ("99th percentile", [(n, run["p99_us"]) for n, run in zip(sizes, half)])], is_log=True)]
    numbers = [{"vectors": n, "closed": a, "half": b} for n, a, b in zip(sizes, closed, half)]
    write(folder, "vectors", "nf-d-ausf: lookups against the number of vectors", panels, numbers)


def draw_overload(folder, file, capacity):
    runs = read_runs(file)
    load = [run["offered_rate"] / capacity for run in runs]
    x_axis = Axis(load, LEFT, WIDTH - RIGHT)
    label = f"offered load, times the capacity ({capacity:,.0f} lookups a second)"
    shed = [run["status"].get("503", 0) / run["seconds"] for run in runs]
    panels = [
        panel(TOP + 10, x_axis, label, "a second", [("served", [(x, run["rate"]) for x, run in zip(load, runs)]),
                                                    ("refused with 503", list(zip(load, shed)))]),
        panel(TOP + 10 + PLOT + GAP + 20, x_axis, label, "latency of what is served, us",
              [("median since due", [(x, run["p50_us"]) for x, run in zip(load, runs)]),
               ("99th percentile since due", [(x, run["p99_us"]) for x, run in zip(load, runs)]),
               ("99th percentile since sent", [(x, run["p99_since_sent_us"]) for x, run in zip(load, runs)])], is_log=True)]
    numbers = [{"load": x, **run} for x, run in zip(load, runs)]
    write(folder, "overload", "nf-d-ausf: lookups under more load than it can serve", panels, numbers)


def main():
    if len(sys.argv) >= 6 and sys.argv[1] == "vectors":
        draw_vectors(sys.argv[2], sys.argv[3], sys.argv[4], [int(size) for size in sys.argv[5:]])
    elif len(sys.argv) == 5 and sys.argv[1] == "overload":
        draw_overload(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
