"""Every attack, a short one: during and after it a good client gets right answers, the server lives, its memory is bounded and it gives its
descriptors back. Nothing is said of time. Usage: attacks_test.py --programs FOLDER [--only NAME]."""
import argparse
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
SPARE_MIB = 512          # above an attack's own bound: a sanitizer's shadow and what it holds back
OPTIONS = None


class Attacks(unittest.TestCase):
    """All on one server, so that what an attack leaves behind is there for the next ones; a new one after a fault."""
    folder = the_target = None

    @classmethod
    def setUpClass(cls):
        target.raise_descriptor_limit()
        cls.folder = tempfile.mkdtemp(prefix="attacks-")
        # A request that waits is served all the same: a slow machine is not what is tried.
        cls.the_target = target.Target(cls.folder, OPTIONS.programs, OPTIONS.net, {"max_wait_ms": 60000})

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def stop(cls):
        """What is wrong with its end, or None."""
        status = cls.the_target.end()
        return None if status == 0 else f"the server ended with {status}: {cls.the_target.lab.output('d-ausf')[-2000:]}"

    def carry_out(self, attack):
        course = attacks.carry_out(attack, self.the_target, SECONDS, 0.1, 50, PATIENCE_S, CONNECTIONS, PATIENCE_S)
        said = self.the_target.lab.output("d-ausf")[-2000:]
        self.assertTrue(course.is_alive, "the server has ended: " + said)
        self.assertEqual(course.faults, [])
        self.assertTrue(course.quiet or course.during or course.after, "the good client had no answer")
        self.assertFalse([name for name in course.seen if name.startswith("attacker failed")])
        self.assertLessEqual(course.peak.anonymous - course.before.anonymous, attack.bound_mib + SPARE_MIB)
        self.assertLessEqual(course.end.descriptors, course.before.descriptors + 8)  # the good client's own come and go
        self.assertLessEqual(course.end.threads, course.before.threads)
        self.assertNotIn("Sanitizer", said)

    def test_the_server_answers_during_each_attack_and_after_it(self):
        is_running = False
        for attack in attacks.ATTACKS:
            if OPTIONS.only and OPTIONS.only not in attack.name or attack.name in attacks.NOT_WITHSTOOD:
                continue
            with self.subTest(attack.name):
                if not is_running:
                    self.the_target.start()
                    is_running = True
                try:
                    self.carry_out(attack)
                except BaseException:
                    self.the_target.lab.end_all()
                    is_running = False
                    raise
        if is_running:
            self.assertIsNone(self.stop())


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
