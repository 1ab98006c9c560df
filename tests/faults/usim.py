"""What a USIM computes, written apart from the C++ of this project, so that one checks the other: AES-128 (FIPS 197), CMAC (RFC 4493),
K and OPc of the profile (PROTOCOL.md, section 9), Milenage (TS 35.206), RES* (TS 33.501, A.4). Slow, not in constant time: for tests."""
import hashlib
import hmac


def _make_sbox():
    sbox, p, q = [0] * 256, 1, 1
    while True:
        p = p ^ ((p << 1) & 0xFF) ^ (0x1B if p & 0x80 else 0)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        if q & 0x80:
            q ^= 0x09
        rotated = 0
        for shift in range(5):
            rotated ^= ((q << shift) | (q >> (8 - shift))) & 0xFF
        sbox[p] = rotated ^ 0x63
        if p == 1:
            break
    sbox[0] = 0x63
    return sbox


_SBOX = _make_sbox()
_DOUBLE = [((x << 1) & 0xFF) ^ (0x1B if x & 0x80 else 0) for x in range(256)]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


class Aes128:
    """AES-128, one block at a time."""

    def __init__(self, key):
        words, round_constant = [list(key[i:i + 4]) for i in range(0, 16, 4)], 1
        for i in range(4, 44):
            word = list(words[-1])
            if i % 4 == 0:
                word = [_SBOX[x] for x in word[1:] + word[:1]]
                word[0] ^= round_constant
                round_constant = _DOUBLE[round_constant]
            words.append([a ^ b for a, b in zip(words[-4], word)])
        self._keys = [sum(words[i:i + 4], []) for i in range(0, 44, 4)]

    def encrypt(self, block):
        state = [a ^ b for a, b in zip(block, self._keys[0])]
        for number in range(1, 11):
            state = [_SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]  # SubBytes and ShiftRows
            if number < 10:
                state = self._mix(state)
            state = [a ^ b for a, b in zip(state, self._keys[number])]
        return bytes(state)

    @staticmethod
    def _mix(state):
        out = []
        for column in range(0, 16, 4):
            a = state[column:column + 4]
            total = a[0] ^ a[1] ^ a[2] ^ a[3]
            out += [a[i] ^ total ^ _DOUBLE[a[i] ^ a[(i + 1) % 4]] for i in range(4)]
        return out


def cmac(key, message):
    """AES-CMAC."""
    cipher = Aes128(key)

    def double(block):
        value = int.from_bytes(block, "big") << 1
        return ((value ^ 0x87) & ((1 << 128) - 1) if value >> 128 else value).to_bytes(16, "big")

    k1 = double(cipher.encrypt(bytes(16)))
    whole = max(1, (len(message) + 15) // 16) * 16
    if len(message) == whole:
        last = xor(message[whole - 16:], k1)
    else:
        last = xor((message[whole - 16:] + b"\x80").ljust(16, b"\0"), double(k1))
    state = bytes(16)
    for at in range(0, whole - 16, 16):
        state = cipher.encrypt(xor(state, message[at:at + 16]))
    return cipher.encrypt(xor(state, last))


def packed(digits):
    """An IMSI as the databases have it: a digit a nibble, F behind, as a signed number of 64 bits."""
    value = int(digits.ljust(16, "f"), 16)
    return value - (1 << 64) if value >> 63 else value


def tbcd(digits):
    """An IMSI in 8 octets, the digits of each octet exchanged."""
    text = digits.ljust(16, "f")
    return bytes.fromhex("".join(text[i + 1] + text[i] for i in range(0, 16, 2)))


class Usim:
    """The keys of the second attach, and what follows from a challenge."""

    def __init__(self, ephemeral_key, dimsi, imsi):
        context = tbcd(dimsi) + tbcd(imsi)

        def derive(label):  # NIST SP 800-108 in counter mode, 32 bits of counter and length
            return cmac(ephemeral_key, (1).to_bytes(4, "big") + label + b"\0" + context + (128).to_bytes(4, "big"))

        self._cipher, self._opc = Aes128(derive(b"K")), derive(b"OPc")

    def _out(self, temp, rotation, constant):
        block = bytearray(xor(temp, self._opc))
        block = block[rotation:] + block[:rotation]
        block[15] ^= constant
        return xor(self._cipher.encrypt(block), self._opc)

    def answer(self, rand, autn, network):
        """(SQN, RES*), or None if MAC-A is wrong."""
        temp = self._cipher.encrypt(xor(rand, self._opc))
        out2 = self._out(temp, 0, 1)
        sqn = xor(autn[:6], out2[:6])
        in1 = (sqn + autn[6:8]) * 2
        rotated = xor(in1, self._opc)
        out1 = xor(self._cipher.encrypt(xor(temp, rotated[8:] + rotated[:8])), self._opc)
        if out1[:8] != autn[8:]:
            return None
        ck, ik = self._out(temp, 4, 2), self._out(temp, 8, 4)
        parameters = b"".join(p + len(p).to_bytes(2, "big") for p in (network.encode(), rand, out2[8:]))
        return int.from_bytes(sqn, "big"), hmac.new(ck + ik, b"\x6b" + parameters, hashlib.sha256).digest()[16:]


def self_test():
    """Known answers: FIPS 197, appendix C.1; RFC 4493, 4, examples 1 and 3."""
    aes = Aes128(bytes(range(16))).encrypt(bytes.fromhex("00112233445566778899aabbccddeeff"))
    assert aes.hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    assert cmac(key, b"").hex() == "bb1d6929e95937287fa37d129b756746"
    message = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411")
    assert cmac(key, message).hex() == "dfa66747de9ae63030ca32611497c827"


self_test()
