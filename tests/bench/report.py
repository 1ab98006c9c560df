#!/usr/bin/env python3
"""What scripts/bench makes of its runs: medians, ratios, verdicts, a table. Only the standard library.

  report.py ratio|value|growth --results FILE --work W --what TEXT --ours RUNS [--yardstick RUNS] --key KEY --must X --aim Y
  report.py table FILE [FIRST_LINE]      the figures from that line on, as a table; the file's whole, without the second
  report.py bodies LEDGER CERT.PEM OUT   the requests of retrieve-key that a ledger leads to
  report.py offered REPORT COUNT         a line of runs from the report of `ue-sim offer --json`

RUNS are JSON lines, a run each. A figure whose runs had failures is INVALID, whatever its value. Of a work that was measured several times at the
same commit a table has one line: the median of all runs of all its sets, none left out.
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys


def machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {"cores": os.cpu_count(), "cpu": model, "kernel": platform.release()}


def commit():
    """Of the sources that this lies in, with a mark if they were changed since."""
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run(["git", "-C", here, "describe", "--always", "--dirty", "--exclude=*"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def read_runs(name):
    with open(name, encoding="ascii") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def failures(runs):
    """Requests of all runs that had no right answer."""
    return sum(run["requests"] - run["ok"] + run["reconnects"] for run in runs if "requests" in run)


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "runs": values}


def verdict(figure):
    if figure["failures"]:
        return "INVALID"
    if figure["ratio"]:  # more is always better: a cost was turned over
        value, must, aim = figure["ratio"]["median"], figure["must"], figure["aim"]
    else:
        sign = -1 if figure["less_is_better"] else 1
        value, must, aim = (sign * one for one in (figure["measured"]["median"], figure["must"], figure["aim"]))
    return "aim" if value >= aim else "must" if value >= must else "MISSED"


def ratio_of(measured, yardstick, less_is_better):
    """Of the medians; and the smallest and the largest of those that ran one after the other."""
    pairs = [b / a if less_is_better else a / b for a, b in zip(measured["runs"], yardstick["runs"])]
    ours, other = measured["median"], yardstick["median"]
    return {"median": other / ours if less_is_better else ours / other, "min": min(pairs), "max": max(pairs)}


def make_figure(options):
    runs = read_runs(options.ours)
    if options.command == "growth":
        values = [(run[options.key] - run[options.key + "_before"]) / 1024 for run in runs]
    else:
        values = [run[options.key] for run in runs]
    less_is_better = options.less_is_better or options.command == "growth"
    figure = {"work": options.work, "what": options.what, "measured": spread(values), "yardstick": None, "ratio": None,
              "must": options.must, "aim": options.aim, "failures": failures(runs), "less_is_better": less_is_better}
    if options.command == "ratio":
        others = read_runs(options.yardstick)
        key = options.key if options.key in others[0] else "rate"
        figure["yardstick"] = spread([run[key] * options.yardstick_scale for run in others])
        figure["failures"] += failures(others)
        figure["ratio"] = ratio_of(figure["measured"], figure["yardstick"], less_is_better)
    figure.update({"verdict": verdict(figure), "quick": options.quick, "machine": machine(), "commit": commit(), "at": now()})
    return figure


def together(figures):
    """One figure of several sets of the same runs: all of them, whatever each came to."""
    out = dict(figures[-1])
    out["measured"] = spread([value for one in figures for value in one["measured"]["runs"]])
    if out["yardstick"]:
        out["yardstick"] = spread([value for one in figures for value in one["yardstick"]["runs"]])
        out["ratio"] = ratio_of(out["measured"], out["yardstick"], out["less_is_better"])
    out["failures"] = sum(one["failures"] for one in figures)
    out["verdict"] = verdict(out)
    return out


def by_work(figures):
    sets = {}
    for one in figures:
        sets.setdefault((one["work"], one["what"]), []).append(one)
    return [together(those) for those in sets.values()]


def add_figure(options):
    figure = make_figure(options)
    with open(options.results, "a", encoding="ascii") as out:
        out.write(json.dumps(figure) + "\n")
    print(table([figure]), file=sys.stderr)


def short(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def cells(figure):
    measured, other, ratio = figure["measured"], figure["yardstick"], figure["ratio"]

    def with_spread(part):
        return f"{short(part['median'])} ({short(part['min'])}..{short(part['max'])})" if part else ""

    return [figure["work"], figure["what"], with_spread(measured), with_spread(other), with_spread(ratio), str(len(measured["runs"])),
            short(figure["must"]), short(figure["aim"]), figure["verdict"]]


def table(figures):
    rows = [["work", "what", "median (min..max)", "yardstick", "ratio", "runs", "must", "aim", "verdict"]] + [cells(one) for one in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def print_table(name, first_line):
    figures = read_runs(name)[first_line - 1:]
    if not figures:
        sys.exit("no figures")
    by_origin = {}
    for one in figures:
        by_origin.setdefault((one.get("commit", "unknown"), one["quick"], json.dumps(one["machine"])), []).append(one)
    for (made_at, is_quick, _), those in by_origin.items():
        on = those[-1]["machine"]
        print(table(by_work(those)))
        print(f"\n{on['cores']} cores, {on['cpu']}, kernel {on['kernel']}, commit {made_at}, {those[0]['at']} to {those[-1]['at']}",
              "- quick runs: a look, no figures\n" if is_quick else "\n")


def write_bodies(ledger, certificate, out):
    with open(certificate, encoding="ascii") as file:
        pem = file.read()
    base64 = "".join(pem.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0].split())
    with open(ledger, encoding="ascii") as lines, open(out, "w", encoding="ascii") as to:
        for line in lines:
            offer = json.loads(line)
            body = {"seCredentials": offer["arpfs"][0]["seCredentials"], "operatorCertificate": base64}
            to.write(json.dumps({"dimsi": offer["dimsi"], "body": body}, separators=(",", ":")) + "\n")


def print_offered(name, count):
    with open(name, encoding="ascii") as file:
        report = json.load(file)
    preloaded = report["states"].get("PRELOADED", 0)
    seconds = report["seconds"]
    print(json.dumps({"requests": count, "ok": preloaded, "reconnects": 0, "seconds": seconds, "rate": preloaded / seconds}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("ratio", "value", "growth"):
        command = commands.add_parser(name)
        for option in ("--results", "--work", "--what", "--ours", "--key"):
            command.add_argument(option, required=True)
        command.add_argument("--yardstick", required=name == "ratio")
        command.add_argument("--yardstick-scale", type=float, default=1)
        command.add_argument("--must", type=float, required=True)
        command.add_argument("--aim", type=float, required=True)
        command.add_argument("--less-is-better", action="store_true")
        command.add_argument("--quick", action="store_true")
    for name, arguments in {"table": ["file"], "bodies": ["ledger", "certificate", "out"], "offered": ["report"]}.items():
        command = commands.add_parser(name)
        for argument in arguments:
            command.add_argument(argument)
        if name == "table":
            command.add_argument("first_line", type=int, nargs="?", default=1)
        if name == "offered":
            command.add_argument("count", type=int)
    options = parser.parse_args()
    if options.command == "table":
        print_table(options.file, options.first_line)
    elif options.command == "bodies":
        write_bodies(options.ledger, options.certificate, options.out)
    elif options.command == "offered":
        print_offered(options.report, options.count)
    else:
        add_figure(options)


if __name__ == "__main__":
    main()
