"""SIGHUP to the real nf-arpf, over TLS: what it reads again, for whom, and that what it cannot read changes nothing.
Usage: reload_test.py --programs FOLDER."""
import argparse
import base64
import json
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

import lab

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "attacks"))
import http2  # noqa: E402  pylint: disable=wrong-import-position

OPTIONS = None
PATIENCE_S = 20
DONE, NOT_DONE = "certificates and keys of TLS were read again", "not reloaded: "
NEW_CERTIFICATE = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nsubjectAltName=IP:{}\n"
CA_OF_LISTS = "[ca]\ndefault_ca=ci\n[ci]\ndatabase={0}/index.txt\ncrlnumber={0}/number\ndefault_md=sha256\ndefault_crl_days=30\n"


def der_of(path):
    """The first certificate of a file."""
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE_S)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr[-600:]}")
    return done.stdout


class Peer:
    """A connection of the target AUSF's, by its certificate, that is kept open; it takes any server's, and tells whose it is."""

    def __init__(self, the_lab):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        context.load_cert_chain(the_lab.folder / "pki" / "tls-ausf-ext.pem", the_lab.folder / "pki" / "tls-ausf-ext.key")
        self._connection = http2.Connection((the_lab.address("arpf"), 7777), tls=context, timeout=PATIENCE_S)
        self._connection.keeps_bodies = True
        self.server_certificate = self._connection.socket.getpeercert(binary_form=True)

    def send(self, method, path, document=None):
        """`200`, or `403 CERTIFICATE_REVOKED`."""
        until = time.monotonic() + PATIENCE_S
        octets, stream = self._connection.request(method, path, json.dumps(document).encode() if document else b"")
        self._connection.send(octets, until)
        status = self._connection.answer(stream, until)
        body = self._connection.bodies.pop(stream, b"")
        cause = json.loads(body).get("cause", "") if body.startswith(b"{") else ""
        return f"{status} {cause}".strip()

    def close(self):
        self._connection.close()


class Reload(unittest.TestCase):
    """nf-arpf with mutual TLS and a list of its CI, a client that connected before anything changed, and devices of one part number."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="reload-")
        self.lab = lab.Lab(self.folder, OPTIONS.programs, 6)
        self.pki = self.lab.folder / "pki"
        self.list = self.lab.folder / "ci.crl"
        self.lab.start("arpf")  # without TLS, for those who personalise
        _, offers = self.lab.personalise("901700000000001", 3, "all")
        self.lab.end("arpf")
        self.write_list([])
        self.configure()
        self.credentials = [json.loads(line)["arpfs"][0]["seCredentials"] for line in offers]
        self.lab.start("arpf", level="info")
        self.old_certificate = der_of(self.pki / "tls-arpf.pem")
        self.kept = Peer(self.lab)
        self.addCleanup(self.kept.close)
        self.assertEqual(self.kept.server_certificate, self.old_certificate)
        self.assertEqual(self.retrieve(self.kept, 0), "200")

    def tearDown(self):
        self.lab.end_all()
        shutil.rmtree(self.folder)

    def configure(self):
        """Mutual TLS as scripts/demo --tls has it, without offer authorizations; and the list."""
        before, after = self.lab.config("arpf").read_text().split("#~offer_authorization", 1)
        text = before.replace("#~", "  ") + "#~offer_authorization" + after
        self.lab.config("arpf").write_text(text + f"\n  revocation_lists: [{self.list}]\n")

    def write_list(self, revoked):
        """The CI's list of revoked certificates, which are files."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.lab.folder))
        entries = ""
        for path in revoked:
            number = openssl("x509", "-in", path, "-noout", "-serial").strip().split("=")[1]
            entries += f"R\t491231235959Z\t260101000000Z\t{number}\tunknown\t/CN=revoked\n"
        (folder / "index.txt").write_text(entries)
        (folder / "number").write_text("01\n")
        (folder / "ca.conf").write_text(CA_OF_LISTS.format(folder))
        openssl("ca", "-config", folder / "ca.conf", "-gencrl", "-cert", self.pki / "ci.pem", "-keyfile", self.pki / "ci.key",
                "-out", self.list)

    def replace_certificate(self):
        """Another key and certificate of the listener's CA in place of those on disk; the certificate."""
        request, extensions = self.lab.folder / "new.csr", self.lab.folder / "new.ext"
        extensions.write_text(NEW_CERTIFICATE.format(self.lab.address("arpf")))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=arpf renewed",
                "-keyout", self.pki / "tls-arpf.key", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.pki / "tls-ca.pem", "-CAkey", self.pki / "tls-ca.key", "-days", 30,
                "-extfile", extensions, "-out", self.pki / "tls-arpf.pem")
        return der_of(self.pki / "tls-arpf.pem")

    def hang_up(self, what):
        """SIGHUP; what the log says from then on, once it says that it was done, or not."""
        before = len(self.lab.log("arpf"))
        self.lab.process["arpf"].send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            said = self.lab.log("arpf")[before:]
            if DONE in said or NOT_DONE in said:
                break
            time.sleep(0.01)
        self.assertIn(what, said)
        return said

    def retrieve(self, peer, device):
        body = {"seCredentials": self.credentials[device], "operatorCertificate": base64.b64encode(der_of(self.pki / "operator.pem")).decode()}
        return peer.send("POST", f"/narpf-keys/v1/devices/{901700000000001 + device}/retrieve-key", body)

    def meet(self):
        """A new connection: the certificate that it is shown, and how a device fares there."""
        peer = Peer(self.lab)
        try:
            return peer.server_certificate, self.retrieve(peer, 1)
        finally:
            peer.close()

    def test_a_certificate_that_is_renewed(self):
        """The connection that is open goes on, a new one sees the new certificate, and not before the signal."""
        new_certificate = self.replace_certificate()
        self.assertEqual(self.meet(), (self.old_certificate, "200"))
        self.hang_up(DONE)
        self.assertEqual(self.retrieve(self.kept, 2), "200")
        self.assertEqual(self.meet(), (new_certificate, "200"))
        self.assertEqual(self.retrieve(self.kept, 2), "200")

    def test_a_key_that_others_may_read(self):
        """It is refused with its name and the old certificate goes on, until the key is its owner's alone again."""
        new_certificate = self.replace_certificate()
        (self.pki / "tls-arpf.key").chmod(0o644)
        self.assertIn(f"{self.pki / 'tls-arpf.key'} may be read by others: chmod 600 it", self.hang_up(NOT_DONE))
        self.assertEqual(self.meet(), (self.old_certificate, "200"))
        self.assertEqual(self.retrieve(self.kept, 2), "200")
        (self.pki / "tls-arpf.key").chmod(0o600)
        self.hang_up(DONE)
        self.assertEqual(self.meet(), (new_certificate, "200"))

    def test_a_list_that_names_a_certificate(self):
        """What it revokes is refused from the signal on, at connections that were open as well, which go on otherwise."""
        self.write_list([self.pki / "pn.pem"])
        self.assertEqual(self.retrieve(self.kept, 2), "200")
        self.hang_up(DONE)
        self.assertEqual(self.retrieve(self.kept, 2), "403 CERTIFICATE_REVOKED")
        self.assertEqual(self.meet()[1], "403 CERTIFICATE_REVOKED")
        self.assertEqual(self.kept.send("GET", "/narpf-certificates/v1/certificates"), "200")
        self.write_list([])
        self.hang_up(DONE)
        self.assertEqual(self.meet()[1], "200")

    def test_what_cannot_be_read_changes_nothing(self):
        """A broken certificate, a key of another one, a broken list: what was in force stays, the sound part of it too, and the log names it."""
        for name in ("tls-arpf.pem", "tls-arpf.key"):
            with self.subTest(name):
                sound = (self.pki / name).read_text()
                self.write_list([self.pki / "pn.pem"])
                (self.pki / name).write_text(sound[:100])
                self.assertIn(str(self.pki / name), self.hang_up(NOT_DONE))
                self.assertEqual(self.meet(), (self.old_certificate, "200"))
                self.assertEqual(self.retrieve(self.kept, 2), "200")
                (self.pki / name).write_text(sound)
        with self.subTest("a key of another certificate"):
            sound = (self.pki / "tls-arpf.key").read_text()
            shutil.copy(self.pki / "tls-d-ausf.key", self.pki / "tls-arpf.key")
            self.hang_up(NOT_DONE)
            self.assertEqual(self.meet(), (self.old_certificate, "200"))
            (self.pki / "tls-arpf.key").write_text(sound)
        with self.subTest("a list"):
            new_certificate = self.replace_certificate()
            self.list.write_text("no list")
            self.assertIn(str(self.list), self.hang_up(NOT_DONE))
            self.assertEqual(self.meet(), (self.old_certificate, "200"))
        self.write_list([])
        self.hang_up(DONE)  # all is sound: so all is new
        self.assertEqual(self.meet(), (new_certificate, "200"))
        self.assertEqual(self.retrieve(self.kept, 2), "200")

    def test_a_log_that_is_rotated(self):
        """The log goes on in a new file, and the old one is let go."""
        old = self.lab.folder / "arpf.log"
        aside = old.rename(self.lab.folder / "arpf.log.1")
        length = aside.stat().st_size
        self.lab.process["arpf"].send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE_S
        while DONE not in self.lab.log("arpf") and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertIn(DONE, self.lab.log("arpf"))
        self.assertEqual(aside.stat().st_size, length)
        self.assertEqual(self.lab.end("arpf"), 0)
        self.assertIn("ended", self.lab.log("arpf"))
        self.assertEqual(aside.stat().st_size, length)


def main():
    global OPTIONS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


main()
