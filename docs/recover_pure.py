#!/usr/bin/env python3
"""Recovers a sealed object with nothing but Python 3.8 and the keyring of its zone.

    recover_pure.py [--pure] [--unclosed] [--context NAME] KEYRING OBJECT OUTPUT

KEYRING holds one base64 Fernet key a line. NAME is the bucket the object was sealed for. OUTPUT appears only
when every frame has verified at its place; a log of records comes out as its payloads, one after the other.
--unclosed also accepts a log without its final record; --pure does not use the package `cryptography`.
The format is written out in sealed-object.md. Exit: 0 recovered, 64 usage, 65 refused.
"""
import argparse, base64, hashlib, hmac, os, struct, sys

HEADER, FULL_HEAD, RECORD_LIMIT = 512, 28, 4 << 20


class Refused(Exception):
    pass


def aes_of_cryptography(key):
    """Two functions: encrypt one block, decrypt a row of blocks each by itself."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    cipher = Cipher(algorithms.AES(key), modes.ECB())
    return (lambda block: cipher.encryptor().update(block)), (lambda blocks: cipher.decryptor().update(blocks))


def double(a):
    return (a << 1) ^ (0x11B if a & 0x80 else 0)


def times(a, b):
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a, b = double(a), b >> 1
    return product


def affine(a):
    wide = a * 0x0101
    return 0x63 ^ a ^ (wide >> 4 ^ wide >> 5 ^ wide >> 6 ^ wide >> 7) & 0xFF


INVERSE = [0] + [next(b for b in range(1, 256) if times(a, b) == 1) for a in range(1, 256)]
SBOX = [affine(a) for a in INVERSE]
UNBOX = [SBOX.index(a) for a in range(256)]
TIMES = {n: [times(a, n) for a in range(256)] for n in (2, 3, 9, 11, 13, 14)}
SHIFT = [(i + 4 * (i % 4)) % 16 for i in range(16)]
UNSHIFT = [(i - 4 * (i % 4)) % 16 for i in range(16)]


def aes_of_our_own(key):
    """AES-128 of FIPS 197, written for reading. Not constant in time: for recovery on a machine of your own."""
    words, rcon = [list(key[i:i + 4]) for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        word = words[i - 1]
        if i % 4 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= rcon
            rcon = double(rcon)
        words.append([a ^ b for a, b in zip(words[i - 4], word)])
    rounds = [sum(words[i:i + 4], []) for i in range(0, 44, 4)]

    def mix(state, a, b, c, d):
        out = []
        for i in range(0, 16, 4):
            w, x, y, z = state[i:i + 4]
            out += [a[w] ^ b[x] ^ c[y] ^ d[z], d[w] ^ a[x] ^ b[y] ^ c[z],
                    c[w] ^ d[x] ^ a[y] ^ b[z], b[w] ^ c[x] ^ d[y] ^ a[z]]
        return out

    one = list(range(256))

    def encrypt(block):
        state = [a ^ b for a, b in zip(block, rounds[0])]
        for number in range(1, 11):
            state = [SBOX[state[i]] for i in SHIFT]
            if number < 10:
                state = mix(state, TIMES[2], TIMES[3], one, one)
            state = [a ^ b for a, b in zip(state, rounds[number])]
        return bytes(state)

    def decrypt(blocks):
        out = bytearray()
        for at in range(0, len(blocks), 16):
            state = [a ^ b for a, b in zip(blocks[at:at + 16], rounds[10])]
            for number in range(9, -1, -1):
                state = [UNBOX[state[i]] ^ k for i, k in zip(UNSHIFT, rounds[number])]
                if number > 0:
                    state = mix(state, TIMES[14], TIMES[11], TIMES[13], TIMES[9])
            out += bytes(state)
        return bytes(out)

    return encrypt, decrypt


AES = aes_of_our_own


def open_token(key, token):
    """A raw Fernet token: its time, its vector and its plaintext, or a refusal. The MAC comes first."""
    if len(token) < 73 or (len(token) - 57) % 16 or token[0] != 0x80:
        raise Refused("not a token")
    if not hmac.compare_digest(hmac.new(key[:16], token[:-32], hashlib.sha256).digest(), token[-32:]):
        raise Refused("the MAC does not fit")
    iv, body = token[9:25], token[25:-32]
    chain = int.from_bytes(iv + body[:-16], "big")
    plain = (int.from_bytes(AES(key[16:])[1](body), "big") ^ chain).to_bytes(len(body), "big")
    pad = plain[-1]
    if not 1 <= pad <= 16 or plain[-pad:] != bytes([pad]) * pad:
        raise Refused("the padding does not fit")
    return struct.unpack(">Q", token[1:9])[0], iv, plain[:-pad]


def decode_key(text):
    key = base64.b64decode(text.replace(b"-", b"+").replace(b"_", b"/"), validate=True)
    if len(key) != 32:
        raise ValueError("a key has 32 bytes")
    return key


class Unlocked:
    """A header whose commitment fits: gives vectors, and opens what lies at its place."""

    def __init__(self, header, keyring, context):
        if len(header) < HEADER or header[:10] != b"\x89COFFER\n\x01\x01":
            raise Refused("not a sealed object of version 1 and suite 1")
        self.layout, bits, reserved, self.created = struct.unpack(">BBIQ", header[10:24])
        length = struct.unpack(">H", header[72:74])[0]
        if length > 256 or reserved or any(header[74 + length:]):
            raise Refused("a reserved byte of the header is not zero")
        if not (self.layout == 1 and 12 <= bits <= 20 or self.layout == 2 and bits == 0):
            raise Refused("an unknown layout")
        self.frame, self.key = 1 << bits, None
        for zone_key in keyring:
            try:
                self.key = decode_key(open_token(zone_key, header[74:74 + length])[2])
            except Refused:
                pass
        if self.key is None:
            raise Refused("no key of the ring opens the data key")
        info = b"cofferdam/v1 sealed-object\0" + header[:40] + context
        first = hmac.new(self.key, info + b"\x01", hashlib.sha256).digest()
        derived = first + hmac.new(self.key, first + info + b"\x02", hashlib.sha256).digest()
        if not hmac.compare_digest(derived[16:48], header[40:72]):
            raise Refused("key, header and context do not belong together")
        self.vector = AES(derived[:16])[0]

    def open(self, token, what, index, final, tag=None):
        created, iv, plain = open_token(self.key, token)
        wanted = self.vector(struct.pack(">QQ", index, final))
        if tag is not None:
            wanted = self.vector(bytes(a ^ b for a, b in zip(wanted, tag)))
        if created != self.created or not hmac.compare_digest(iv, wanted):
            raise Refused("%s %d is not at its place" % (what, index))
        return plain


def frames(unlocked, source):
    """Every frame is whole but the last, which is always shorter and may be empty."""
    index, size = 0, unlocked.frame + 73
    while True:
        token = source.read(size)
        yield unlocked.open(token, "frame", index, int(len(token) < size))
        if len(token) < size:
            return
        index += 1


def records(unlocked, source, unclosed):
    sequence = 0
    while True:
        head = source.read(FULL_HEAD)
        if not head and unclosed:
            return
        if len(head) < FULL_HEAD:
            raise Refused("the log ends before its final record")
        word, tag = struct.unpack(">I16s", head[:20])
        final, length = word >> 31, word & 0x7FFFFFFF
        if length > RECORD_LIMIT + 73:
            raise Refused("record %d is too long" % sequence)
        token = source.read(length)
        check = hashlib.sha256(struct.pack(">Q", sequence) + head[:20] + token).digest()[:8]
        if len(token) < length or check != head[20:]:
            raise Refused("record %d is damaged" % sequence)
        plain = unlocked.open(token, "record", sequence, final, tag)
        if final:
            if plain or any(tag) or source.read(1):
                raise Refused("the final record is not empty, or something follows it")
            return
        yield plain
        sequence += 1


def recover(arguments):
    with open(arguments.keyring, "rb") as file:
        keyring = [decode_key(line.strip()) for line in file if line.strip()]
    partial = arguments.output + ".partial"
    with open(arguments.object, "rb") as source:
        unlocked = Unlocked(source.read(HEADER), keyring, arguments.context.encode())
        body = frames(unlocked, source) if unlocked.layout == 1 else records(unlocked, source, arguments.unclosed)
        # Refuses to follow or to overwrite what is there; only the owner may read what comes out.
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            try:
                for plain in body:
                    target.write(plain)
            except BaseException:
                os.unlink(partial)
                raise
    os.replace(partial, arguments.output)


def main():
    global AES
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pure", action="store_true")
    parser.add_argument("--unclosed", action="store_true")
    parser.add_argument("--context", default="")
    for name in ("keyring", "object", "output"):
        parser.add_argument(name)
    try:
        arguments = parser.parse_args()
    except SystemExit as end:
        return 64 if end.code else 0
    if not arguments.pure:
        try:
            aes_of_cryptography(bytes(16))
            AES = aes_of_cryptography
        except ImportError:
            pass
    try:
        recover(arguments)
    except (Refused, ValueError, OSError) as error:
        print("refused: %s" % error, file=sys.stderr)
        return 65
    return 0


if __name__ == "__main__":
    sys.exit(main())
