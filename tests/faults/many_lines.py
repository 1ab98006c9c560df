"""NDJSON under the load: bulk loads of vectors and imports of offers, with a journal of what each report acknowledged, line by line."""
import collections
import itertools
import random
import threading

import lab
import usim

FIRST_DIMSI = 901708000000000
LINES_AT_MOST = 12000  # dIMSIs that bulk loads are about; each load takes a part of them
NEVER_LOADED = 901708900000000  # dIMSIs of wrong lines: no vector may be there
VECTORS, IMPORTS = "/ndausf-vectors/v1/vectors", "/nausfext-onboarding/v1/imports"
PIECE_LINES = 256  # of an import, stored together: longer ones can be cut between two pieces


def with_wrong_lines(good, count, make):
    """The lines in order, with `count` wrong ones of `make(number)` among them; and the numbers of those."""
    out = [(line, None) for line in good]
    for number in range(count):
        out.insert(random.randrange(len(out) + 1), make(number))
    wrong = {number: dimsi for number, (_, dimsi) in enumerate(out, 1) if dimsi is not None}
    return "".join(line + "\n" for line, _ in out).encode(), wrong


class BulkLoads:
    """Vectors loaded over and over, each time with a new content: which of them may stand for each dIMSI, 0 being none."""

    def __init__(self, work):
        self._work, self._lock = work, threading.Lock()
        self._candidates = collections.defaultdict(lambda: frozenset([0]))  # by dIMSI, as a number from FIRST_DIMSI on
        self._contents = itertools.count(1)
        self.loads = self.lines = self.cut = 0

    @staticmethod
    def _line(index, content):
        text = f"{content:016x}{index:016x}"
        return f'{{"dimsi":"{FIRST_DIMSI + index}","rand":"{text}","autn":"{text[::-1]}","imsi":"00101{index:010d}"}}'

    def _make(self):
        """Lines, in ascending or any order, some of them twice: (lines, {index: contents, the last one last})."""
        count = random.choice((200, 3000, 9000))
        first = random.randrange(LINES_AT_MOST - count)
        order = list(range(first, first + count)) + [random.randrange(first, first + count) for _ in range(count // 100)]
        if random.random() < 0.5:
            random.shuffle(order)
        else:
            order.sort()
        once, twice, contents, lines = next(self._contents), next(self._contents), {}, []
        for index in order:
            content = twice if index in contents else once
            contents[index] = contents.get(index, ()) + (content,)
            lines.append(self._line(index, content))
        return lines, contents

    @staticmethod
    def _wrong_line(number):
        dimsi = str(NEVER_LOADED + number)
        return random.choice((f'{{"dimsi":"{dimsi}","rand":"00"}}', f'{{"dimsi":"{dimsi}"', "[]", f'"{dimsi}"')), dimsi

    def load(self, caller):
        """One load, over HTTP/2."""
        good, contents = self._make()
        octets, wrong = with_wrong_lines(good, random.randrange(20), self._wrong_line)
        with self._lock:
            for index, made in contents.items():
                self._candidates[index] |= set(made)
            try:
                with self._work.under_way("d-ausf"):
                    status, report = caller.load("d-ausf", VECTORS, octets)
            except lab.NoAnswer as error:
                self.cut += not isinstance(error, lab.NotSent)
                raise
            self._work.judge("d-ausf", "POST " + VECTORS, status)
            self._work.expect(status == 200, f"a bulk load was answered with {status} {report}")
            if status != 200:
                return
            reported = {problem["line"] for problem in report["problems"]}
            self._work.expect(report["accepted"] == len(good) and report["rejected"] == len(wrong) and reported == set(wrong),
                              f"a bulk load of {len(good)} right lines, and wrong ones {sorted(wrong)}, reports {report}")
            for index, made in contents.items():
                self._candidates[index] = frozenset(made[-1:])
            self.loads, self.lines = self.loads + 1, self.lines + len(good)

    def check_database(self, ask):
        """Each vector of bulk loads as the database has it: one of those that may stand, which it is from then on."""
        seen = collections.defaultdict(lambda: 0)
        first, end = (usim.packed(str(number)) for number in (FIRST_DIMSI, FIRST_DIMSI + 10 ** 8))
        for dimsi, rand, autn, imsi in ask(f"SELECT dimsi, rand, autn, imsi FROM vectors WHERE dimsi >= {first} AND dimsi < {end}"):
            content, index = int(rand.hex()[:16], 16), int(rand.hex()[16:], 16)
            seen[index] = content
            self._work.expect(autn.hex() == rand.hex()[::-1] and dimsi == usim.packed(str(FIRST_DIMSI + index))
                              and imsi == usim.packed(f"00101{index:010d}"), f"a vector of a bulk load is torn: {rand.hex()} {autn.hex()}")
        never = usim.packed(str(NEVER_LOADED))
        self._work.expect(ask(f"SELECT count(*) FROM vectors WHERE dimsi BETWEEN {never} AND {never} + 4096 * 256") == [(0,)],
                          "a line that was refused left a vector")
        for index, candidates in self._candidates.items():
            self._work.expect(seen[index] in candidates, f"line {FIRST_DIMSI + index}: content {seen[index]}, not one of {sorted(candidates)}")
            self._candidates[index] = frozenset([seen[index]])

    def check(self, caller, sample):
        """Some of them as they are answered."""
        known = list(self._candidates)
        for index in random.sample(known, min(sample, len(known))):
            status, document = caller.get("d-ausf", f"{VECTORS}/{FIRST_DIMSI + index}")
            content = int(document["rand"][:16], 16) if status == 200 else 0
            self._work.expect(status in (200, 404) and content in self._candidates[index],
                              f"line {FIRST_DIMSI + index}: {status}, content {content}, not one of {sorted(self._candidates[index])}")


class Import:
    """One that was acknowledged: its lines, and which of them were refused."""

    def __init__(self, key, lines, wrong):
        self.key, self.lines, self.wrong, self.is_touched = key, lines, wrong, True


class Imports:
    """Imports of offers. What became of the devices is told by their own records; here stands what was said of the lines."""

    def __init__(self, work):
        self._work = work
        self._known = []
        self.lines = self.cut = 0

    def __len__(self):
        return len(self._known)

    @staticmethod
    def _wrong_line(number):
        dimsi = str(NEVER_LOADED + number)
        return random.choice((f'{{"dimsi":"{dimsi}","arpfs":[]}}', f'{{"dimsi":"{dimsi}","arpfs":[{{"uri":"http://x"}}]}}')), dimsi

    def send(self, caller, devices):
        """One import of their offers, over HTTP/2. The caller holds their locks."""
        wrong_count = random.choice((0, 3, 2 * PIECE_LINES, 4 * PIECE_LINES))
        octets, wrong = with_wrong_lines([device.offer.decode() for device in devices], wrong_count, self._wrong_line)
        try:
            with self._work.under_way("ausf-ext"):
                status, report = caller.load("ausf-ext", IMPORTS, octets)
        except lab.NoAnswer as error:
            self.cut += not isinstance(error, lab.NotSent)
            raise
        self._work.judge("ausf-ext", "POST " + IMPORTS, status)
        count = len(devices) + len(wrong)
        self._work.expect(status == 202 and report["received"] == count and report["failed"] >= len(wrong),
                          f"an import of {count} lines was answered with {status} {report}")
        if status != 202:
            return
        for device in devices:
            device.rank = max(device.rank, 0)
        self.lines += count
        self._known.append(Import(report["importId"], count, wrong))

    @staticmethod
    def check_database(work, ask):
        """What is counted of an import is what its lines and devices are."""
        work.expect(ask("SELECT i.id FROM imports i LEFT JOIN import_lines l ON l.import_id = i.id GROUP BY i.id "
                        "HAVING i.received != count(l.line)") == [], "an import counts other lines than it has")
        work.expect(ask("SELECT i.id FROM imports i JOIN import_lines l ON l.import_id = i.id LEFT JOIN devices d ON d.dimsi = l.dimsi "
                        "GROUP BY i.id HAVING i.preloaded != total(l.cause IS NULL AND d.state BETWEEN 2 AND 5) "
                        "OR i.failed != total(l.cause IS NOT NULL OR d.state IS 6)") == [], "an import's progress is not its devices'")

    def check(self, caller, sample, is_at_rest=False):
        """What was written since the last check, and `sample` of the others (None: all). `is_at_rest`: each is done."""
        others = [one for one in self._known if not one.is_touched]
        chosen = [one for one in self._known if one.is_touched]
        chosen += others if sample is None else random.sample(others, min(sample, len(others)))
        for one in chosen:
            status, report = caller.get("ausf-ext", f"{IMPORTS}/{one.key}")
            self._work.expect(status == 200 and report["received"] == one.lines, f"import {one.key} of {one.lines} lines: {status} {report}")
            if is_at_rest:
                wanted = {"state": "DONE", "preloaded": one.lines - len(one.wrong), "failed": len(one.wrong)}
                self._work.expect(wanted.items() <= report.items(), f"import {one.key} ends with {report}, not {wanted}")
            status, problems = caller.get("ausf-ext", f"{IMPORTS}/{one.key}/problems")
            told = {problem["line"]: problem.get("dimsi") for problem in problems or []}
            self._work.expect(status == 200 and told == one.wrong, f"import {one.key}: {status}, its refused lines are {told}, not {one.wrong}")
            one.is_touched = False
