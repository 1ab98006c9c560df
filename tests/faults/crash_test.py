"""kill -9 of each function, at random, under a mixed load; see scripts/crash-test."""
import argparse
import collections
import json
import pathlib
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time

import lab
import load
import usim


def snapshot(the_lab, name):
    """The database as the killed process left it, opened where nothing of it can change what the next process finds."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=the_lab.folder))
    for suffix in ("", "-wal"):
        source = pathlib.Path(str(the_lab.database(name)) + suffix)
        if source.exists():
            shutil.copy(source, folder / ("copy.db" + suffix))
    return folder, sqlite3.connect(folder / "copy.db")


def check_database(work, name):
    """Its pages, references, and what must hold between its rows."""
    folder, database = snapshot(work.lab, name)

    def ask(sql):
        return database.execute(sql).fetchall()

    work.expect(ask("PRAGMA integrity_check") == [("ok",)], f"integrity_check of nf-{name} fails")
    work.expect(ask("PRAGMA foreign_key_check") == [], f"foreign_key_check of nf-{name} fails")
    if name == "d-ausf":
        work.bulk.check_database(ask)
    if name == "ausf-ext":
        work.imports.check_database(work, ask)
        work.expect(ask("SELECT imsi FROM devices WHERE imsi IS NOT NULL GROUP BY imsi HAVING count(*) > 1") == [],
                    "an IMSI is with two devices")
        work.expect(ask("SELECT d.imsi FROM devices d LEFT JOIN imsis i ON i.imsi = d.imsi AND i.dimsi = d.dimsi AND i.free_at IS NULL "
                        "WHERE d.imsi IS NOT NULL AND i.imsi IS NULL") == [], "an IMSI that a device has is not its own")
        sqn_of = dict(ask("SELECT dimsi, last_sqn + 32 * (value - sqn_counter) FROM devices, global_counter"))
        for device in work.devices:
            if device.sqn >= 0:
                stored = sqn_of.get(usim.packed(device.key), -1)
                work.expect(stored // 32 >= device.sqn // 32, f"device {device.key}: SQN {device.sqn} was given out, {stored} is stored")
    database.close()
    shutil.rmtree(folder)


def crash(work, caller, name):
    """One blow. True if it hit requests that wait for this function."""
    work.resume()
    time.sleep(random.uniform(0.03, 0.2))
    hit = work.in_flight[name] > 0
    work.lab.end(name, signal.SIGKILL)
    work.pause()
    check_database(work, name)
    work.lab.start(name)
    work.check(caller, sample=20)
    return hit


def settle(work, caller):
    """What was begun ends: every device that was offered is PRELOADED or further, and what is retired is gone at both peers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        waiting = [device for device in work.devices if device.rank < 2]
        for device in waiting:
            work.check_device(caller, device)
        if not waiting:
            break
        time.sleep(0.05)
    for device in work.devices:
        work.expect(device.rank >= 2, f"device {device.key} stays {device.rank}")
        while device.rank == 5 and time.monotonic() < deadline:
            if caller.get("d-ausf", "/ndausf-vectors/v1/vectors/" + device.key)[0] == 404:
                break
            time.sleep(0.02)
        else:
            work.expect(device.rank != 5, f"the vector of {device.key} outlives its retire")


def authenticate_all(work, caller):
    """Each device that is left attaches once more: by the load's own USIM, and by ue-sim, which must find no SQN that it had to correct."""
    left = [device for device in work.devices if device.rank in (2, 3, 4)]
    for device in left:
        work.authenticate_one(caller, device, True)
    file = work.lab.folder / "left.devices"
    file.write_text("".join(work.device_lines[device.key] + "\n" for device in left))
    report = work.lab.run_ue_sim("attach", "--d-ausf", work.lab.uri("d-ausf"), "--ausf-ext", work.lab.uri("ausf-ext"), "--devices", file,
                                 "--json")
    document = json.loads(report)
    work.expect(document["attached"] == len(left) and document["resynchronised"] == 0, f"ue-sim attach: {report[:300]}")
    return len(left)


def run(options, folder):
    the_lab = lab.Lab(folder, options.programs, options.net)
    kills, hits, left = collections.Counter(), collections.Counter(), 0
    try:
        for name in lab.FUNCTIONS:
            the_lab.start(name)
        work = load.Load(the_lab, options.seed, 100 + 12 * options.kills, 20 + 2 * options.kills)
        caller = lab.Caller(the_lab)
        while sum(kills.values()) < options.kills and not work.faults:
            name = random.choice(lab.FUNCTIONS)
            kills[name] += 1
            hits[name] += crash(work, caller, name)
        work.end()
        if not work.faults:
            settle(work, caller)
            work.check(caller, sample=None)
            work.imports.check(caller, sample=None, is_at_rest=True)
            left = authenticate_all(work, caller)
            for name in lab.FUNCTIONS:
                work.expect(the_lab.end(name) == 0, f"nf-{name} does not end in good order")
                check_database(work, name)
    finally:
        the_lab.end_all()
    print(f"{sum(kills.values())} kills (-9): " + ", ".join(f"{kills[name]} of nf-{name}" for name in lab.FUNCTIONS) +
          f"; {sum(hits.values())} with unacknowledged work under way")
    print(f"{sum(work.acknowledged.values())} acknowledged writes checked: " +
          ", ".join(f"{work.acknowledged[name]} at nf-{name}" for name in lab.FUNCTIONS) +
          f"; {work.challenges} challenges; {len(work.vectors)} vectors, {len(work.devices)} devices, {left} attached at the end")
    print(f"{work.batches} batches over HTTP/2, {work.cut_batches} of them cut short; {work.bulk.loads} bulk loads with {work.bulk.lines} lines, "
          f"{work.bulk.cut} more cut short; {len(work.imports)} imports with {work.imports.lines} lines, {work.imports.cut} more cut short; "
          f"{work.refused} answers of 503")
    print(f"{work.checks} checks, {len(work.faults)} lost")
    for fault in work.faults[:20]:
        print("  " + fault)
    # Of a few kills none needs to hit a load or an import; of many, some do.
    of_each = min(work.cut_batches, work.bulk.cut, work.imports.cut)
    is_hard = sum(hits.values()) >= options.kills / 3 and of_each >= options.kills // 100
    if not is_hard:
        print("too few kills hit work under way: this run proves little")
    return 0 if not work.faults and is_hard else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--net", type=int, default=1, help="at 127.0.NET.x")
    parser.add_argument("--preset", default="dev")
    parser.add_argument("--programs", help="the folder of the programs, if not build/PRESET")
    options = parser.parse_args()
    options.programs = options.programs or lab.ROOT / "build" / options.preset
    random.seed(options.seed)
    folder = tempfile.mkdtemp(prefix="crash-test-")
    status = 1
    try:
        status = run(options, folder)
    finally:
        if status == 0:
            shutil.rmtree(folder)
        else:
            print(f"crash-test failed (--seed {options.seed}); what it left is in {folder}", file=sys.stderr)
    return status


sys.exit(main())
