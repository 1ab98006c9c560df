"""nf-ausf-ext as a target: it has devices, which it authenticates, and opens SUCIs."""
import json
import os
import re
import time

import target

_FIRST_DIMSI = "901700000200001"
_PEERS = ("arpf", "d-ausf")  # without whom no device is onboarded, and who have nothing to do then
_AUSF = "00000000-0000-4000-8000-000000000001"
# A point of P-256 (TS 33.501, C.4.4.2: the ephemeral public key), so that a SUCI of profile B is wrong no sooner than at its MAC.
_POINT = "039aab8376597021e855679a9778ea0b67396e68c66df32c0f41e9acca2da9b9d1"


class AusfExt(target.Target):
    """Of its devices one is the good client's, the others are `known` to the attackers, as `imsi-<digits>`."""
    function = "ausf-ext"
    known = ()

    def __init__(self, the_lab):
        super().__init__(the_lab)
        config = self.lab.config(self.function)
        body, count = re.subn(r"(?m)^  # (home_network_keys:|  - \{id: [12], scheme: [AB], )", r"  \1", config.read_text())
        if count != 3:
            raise RuntimeError("the configuration of nf-ausf-ext has no home_network_keys any more, of two lines")
        config.write_text(body)

    def prepare(self):
        if self.good_request is not None:  # its database has them
            return
        for peer in _PEERS:
            self.lab.start(peer)
        _, ledger = self.lab.personalise(_FIRST_DIMSI, 5, "ausf-ext")
        supis = [self._onboard(line) for line in ledger]
        for peer in _PEERS:
            self.lab.end(peer)
        self.expect("POST", *challenge(unknown(0)), (404,), "USER_NOT_FOUND")
        self.expect("POST", *vector(unknown(0)), (404,), "USER_NOT_FOUND")
        for suci in (wrong_suci_a(), wrong_suci_b()):
            self.expect("POST", *challenge(suci), (403,), "INVALID_SCHEME_OUTPUT")
        self.known = supis[1:]
        self.good_request = target.GoodRequest(*challenge(supis[0]), 201, b'"5gAuthData"')

    def _onboard(self, offer_line):
        """Steps (0-d) to (2); the SUPI of the device then."""
        path = "/nausfext-onboarding/v1/devices/" + json.loads(offer_line)["dimsi"]
        device = self.expect("PUT", path, offer_line.encode(), (200, 201, 202))
        deadline = time.monotonic() + 60
        while device["state"] != "PRELOADED":
            if device["state"] == "FAILED" or time.monotonic() > deadline:
                raise RuntimeError(f"a device is not onboarded: {device}")
            time.sleep(0.02)
            device = self.expect("GET", path, None, (200,))
        return "imsi-" + device["imsi"]


def unknown(number):
    """A SUPI of the pool that no device has: they are given out from its other end."""
    return f"imsi-{1010009999999 - number % 5000000:015d}"


def wrong_suci_a():
    """Of profile A; the MAC is not right."""
    return "suci-0-001-01-0-1-1-" + os.urandom(32 + 5 + 8).hex()


def wrong_suci_b():
    """The same of profile B."""
    return "suci-0-001-01-0-2-2-" + _POINT + os.urandom(5 + 8).hex()


def challenge(identity):
    """(path, body) by which an AMF begins 5G AKA: step (8)."""
    return target.CHALLENGE_PATH, json.dumps({"supiOrSuci": identity, "servingNetworkName": target.lab.NETWORK}).encode()


def vector(identity):
    """(path, body) by which an AUSF asks for a vector of 5G AKA."""
    body = {"servingNetworkName": target.lab.NETWORK, "ausfInstanceId": _AUSF}
    return f"/nudm-ueau/v1/{identity}/security-information/generate-auth-data", json.dumps(body).encode()
