"""Every attack, a short one: during and after it a good client gets right answers, the server lives, its memory is bounded and it gives its
descriptors back. Nothing is said of time. Usage: attacks_test.py --programs FOLDER [--only NAME]."""
import argparse
import itertools
import pathlib
import shutil
import sys
import tempfile
import unittest

import attacks
import target

SECONDS = 0.5
PATIENCE_S = 60          # of the good client, for one answer: sanitized, on a busy machine
CONNECTIONS = 300        # that an attack opens at most
SANITIZED_SPARE_MIB = 512  # above an attack's own bound: a sanitizer's shadow and what it holds back
OPTIONS = None


class Attacks(unittest.TestCase):
    """All of a function on one process, so that what an attack leaves behind is there for the next ones; on a new one after a fault."""
    folder = targets = None
    spare_mib = 0

    @classmethod
    def setUpClass(cls):
        is_sanitized = b"__asan_init" in (OPTIONS.programs / "nf-d-ausf").read_bytes()
        cls.spare_mib = SANITIZED_SPARE_MIB if is_sanitized else 0
        target.raise_descriptor_limit()
        cls.folder = tempfile.mkdtemp(prefix="attacks-")
        # A request that waits is served all the same: a slow machine is not what is tried.
        cls.targets = attacks.make_targets(cls.folder, OPTIONS.programs, OPTIONS.net, {"max_wait_ms": 60000})

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def carry_out(self, attack, the_target):
        course = attacks.carry_out(attack, the_target, SECONDS, 0.1, 50, PATIENCE_S, CONNECTIONS, PATIENCE_S)
        said = the_target.output()
        self.assertTrue(course.is_alive, "the server has ended: " + said)
        self.assertEqual(course.faults, [])
        self.assertTrue(course.during, "the good client was not asked for anything meanwhile")
        self.assertFalse([name for name in course.seen if name.startswith("attacker failed")])
        self.assertLessEqual(course.peak.anonymous - course.before.anonymous, attack.bound_mib + self.spare_mib)
        self.assertLessEqual(course.end.descriptors, course.before.descriptors + 8)  # the good client's own come and go
        self.assertLessEqual(course.end.threads, course.before.threads)
        self.assertNotIn("Sanitizer", said)

    def test_the_server_answers_during_each_attack_and_after_it(self):
        chosen = [attack for attack in attacks.ATTACKS if (OPTIONS.only or "") in attack.name and attack.name not in attacks.NOT_WITHSTOOD]
        for function, of_function in itertools.groupby(chosen, lambda attack: attack.function):
            self.attack(self.targets[function], of_function)

    def attack(self, the_target, chosen):
        is_running = False
        for attack in chosen:
            with self.subTest(attack.name):
                try:
                    if not is_running:
                        the_target.start()
                        is_running = True
                    self.carry_out(attack, the_target)
                except BaseException:
                    the_target.lab.end_all()
                    is_running = False
                    raise
        if is_running:
            with self.subTest("the end of nf-" + the_target.function):
                self.assertEqual(the_target.end(), 0, the_target.output())


def main():
    global OPTIONS  # pylint: disable=global-statement
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True, type=pathlib.Path)
    parser.add_argument("--only", help="attacks whose names have this in them")
    parser.add_argument("--net", type=int, default=7, help="at 127.0.NET.x")
    OPTIONS = parser.parse_args()
    result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromTestCase(Attacks))
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
