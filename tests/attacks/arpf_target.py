"""nf-arpf as a target: keys are asked of it, which is the costliest thing that the product does."""
import base64
import json
import ssl

import target

_FIRST_DIMSI = "901700000100001"


class Arpf(target.Target):
    """It knows the devices of three ledger lines: the good client's, the attackers', and one whose token is spent."""
    function = "arpf"
    most_pace = 40   # each waits for the disk
    same_key = None  # (path, body) that is answered with a key whenever it comes
    refused = ()     # the same that are refused, but not before all was verified that comes first

    def prepare(self):
        if self.good_request is not None:  # what was made for the first process is as good for the next ones
            return
        operator = ssl.PEM_cert_to_DER_cert((self.lab.folder / "pki" / "operator.pem").read_text())
        _, ledger = self.lab.personalise(_FIRST_DIMSI, 3, "arpf")
        good, self.same_key, spent = (_retrieval(line, operator) for line in ledger)
        wrong = _with_wrong_signature(self.same_key)
        for path, body in (good, self.same_key, spent):
            self.expect("POST", path, body, (200,))
        dimsi = json.loads(ledger[2])["dimsi"]
        self.expect("POST", f"/narpf-keys/v1/claims/{dimsi}/retire", None, (204,))
        self.expect("POST", *wrong, (403,), "TOKEN_SIGNATURE_INVALID")
        self.expect("POST", *spent, (403,), "TOKEN_SPENT")
        self.refused = (wrong, spent)
        self.good_request = target.GoodRequest(*good, 200, b'"encryptedKey"')


def _retrieval(ledger_line, operator):
    """(path, body) of step (0-e) for the device of a ledger line."""
    offer = json.loads(ledger_line)
    body = {"seCredentials": offer["arpfs"][0]["seCredentials"], "operatorCertificate": base64.b64encode(operator).decode()}
    return f"/narpf-keys/v1/devices/{offer['dimsi']}/retrieve-key", json.dumps(body).encode()


def _with_wrong_signature(retrieval):
    """The same with another last octet of the token, which is one of its signature."""
    path, body = retrieval
    document = json.loads(body)
    token = bytearray(base64.b64decode(document["seCredentials"]["token"]))
    token[-1] ^= 1
    document["seCredentials"]["token"] = base64.b64encode(token).decode()
    return path, json.dumps(document).encode()
