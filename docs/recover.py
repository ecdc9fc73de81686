#!/usr/bin/env python3
"""recover.py [--context NAME] KEYRING OBJECT OUTPUT: opens a sealed object with Python's `cryptography`, nothing of ours.
What does not verify at its place is refused: exit 65, no output. See sealed-object.md; recover_pure.py needs no package."""
import argparse, base64, hashlib, hmac, os, struct, sys
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
def need(true, what):
    if not true: raise ValueError(what)
def pieces(zone, source, context):
    head = source.read(512)
    need(len(head) == 512 and head[:10] == b"\x89COFFER\n\x01\x01", "not a sealed object of version 1 and suite 1")
    layout, bits, zero, created, commitment, length = struct.unpack(">BBIQ16x32sH", head[10:74])
    need((layout == 1 and 12 <= bits <= 20 or (layout, bits) == (2, 0)) and not any(head[74 + length:]) and not zero, "header")
    text = zone.decrypt(base64.urlsafe_b64encode(head[74:74 + length]))
    key, info = base64.urlsafe_b64decode(text), b"cofferdam/v1 sealed-object\0" + head[:40] + context
    first = hmac.digest(key, info + b"\x01", "sha256")
    derived = first + hmac.digest(key, first + info + b"\x02", "sha256")
    need(hmac.compare_digest(derived[16:48], commitment), "key, header and context do not belong together")
    block, index, final, tag = Cipher(algorithms.AES(derived[:16]), modes.ECB()).encryptor().update, 0, 0, b""
    while not final:
        start = source.read(28) if layout == 2 else struct.pack(">I24x", (1 << bits) + 73)
        word, tag, check = struct.unpack(">I16s8s", start)
        token = source.read(min(word & 0x7FFFFFFF, (4 << 20) + 73))
        final = word >> 31 if layout == 2 else int(len(token) < word)
        vector = block(struct.pack(">QQ", index, final))
        if layout == 2:
            vector = block(bytes(a ^ b for a, b in zip(vector, tag)))
            need(check == hashlib.sha256(struct.pack(">Q", index) + start[:20] + token).digest()[:8], "a damaged record")
        need(token[1:25] == struct.pack(">Q", created) + vector, "piece %d is not at its place" % index)
        yield Fernet(text).decrypt(base64.urlsafe_b64encode(token))
        index += 1
    need(not any(tag) and not source.read(1), "something follows the end")
parser = argparse.ArgumentParser(description=__doc__)
for name in ("--context", "keyring", "object", "output"): parser.add_argument(name, default="")
given = parser.parse_args()
ring, partial = MultiFernet([Fernet(line) for line in open(given.keyring).read().split()]), given.output + ".partial"
target = open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
try: target.writelines(pieces(ring, open(given.object, "rb"), given.context.encode())), target.close(), os.replace(partial, given.output)
except BaseException as error: sys.exit(os.unlink(partial) or print("refused:", type(error).__name__, error, file=sys.stderr) or 65)
