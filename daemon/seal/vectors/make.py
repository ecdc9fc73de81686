#!/usr/bin/env python3
"""Writes the vectors of the sealed-object format: a second writer, made from docs/sealed-object.md alone.

It shares no line with the Rust writer; the AES blocks come from docs/recover_pure.py. Everything is derived from
labels, so running it again changes nothing:  python3 daemon/seal/vectors/make.py
"""
import base64, hashlib, hmac, json, os, struct, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "docs"))
from recover_pure import aes_of_our_own  # noqa: E402

CREATED = 1700000000


def derive(label, length=32):
    return hashlib.sha256(b"cofferdam vector: " + label.encode()).digest()[:length]


def text(key):
    return base64.urlsafe_b64encode(key).decode()


def plaintext(length):
    """Byte after byte of SHA-256(be64(0)), SHA-256(be64(1)), ..."""
    blocks = (hashlib.sha256(struct.pack(">Q", i)).digest() for i in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def token(key, iv, plain, created=CREATED):
    encrypt = aes_of_our_own(key[16:])[0]
    pad = 16 - len(plain) % 16
    plain += bytes([pad]) * pad
    out, previous = b"\x80" + struct.pack(">Q", created) + iv, iv
    for at in range(0, len(plain), 16):
        previous = encrypt(bytes(a ^ b for a, b in zip(plain[at:at + 16], previous)))
        out += previous
    return out + hmac.new(key[:16], out, hashlib.sha256).digest()


class Writer:
    def __init__(self, name, layout, bits, context):
        self.key = derive(name + " data key")
        self.object_id = derive(name + " object id", 16)
        fixed = b"\x89COFFER\n" + struct.pack(">BBBBIQ", 1, 1, layout, bits, 0, CREATED) + self.object_id
        info = b"cofferdam/v1 sealed-object\0" + fixed + context.encode()
        one = hmac.new(self.key, info + b"\x01", hashlib.sha256).digest()
        two = hmac.new(self.key, one + info + b"\x02", hashlib.sha256).digest()
        self.vector = aes_of_our_own(one[:16])[0]
        wrapped = token(ZONE, derive(name + " wrap iv", 16), text(self.key).encode())
        header = fixed + (one + two)[16:48] + struct.pack(">H", len(wrapped)) + wrapped
        self.bytes = header.ljust(512, b"\0")

    def frame(self, index, final, plain):
        self.bytes += token(self.key, self.vector(struct.pack(">QQ", index, final)), plain)

    def record(self, sequence, final, tag, plain):
        inner = self.vector(struct.pack(">QQ", sequence, final))
        sealed = token(self.key, self.vector(bytes(a ^ b for a, b in zip(inner, tag))), plain)
        head = struct.pack(">I", final << 31 | len(sealed)) + tag
        check = hashlib.sha256(struct.pack(">Q", sequence) + head + sealed).digest()[:8]
        self.bytes += head + check + sealed

    def save(self, name, **more):
        with open(os.path.join(HERE, name + ".sealed"), "wb") as file:
            file.write(self.bytes)
        OBJECTS.append(dict({
            "file": name + ".sealed", "data-key": text(self.key), "object-id": self.object_id.hex(),
            "created": CREATED, "sealed-length": len(self.bytes),
            "sealed-sha256": hashlib.sha256(self.bytes).hexdigest()}, **more))


def frames(name, bits, length, context):
    writer, plain, size = Writer(name, 1, bits, context), plaintext(length), 1 << bits
    for index in range(length // size):
        writer.frame(index, 0, plain[index * size:index * size + size])
    writer.frame(length // size, 1, plain[length - length % size:])
    writer.save(name, layout="frames", context=context, **{"frame-bits": bits, "plain-length": length})


def records(name, payloads, context, closed):
    writer, listed = Writer(name, 2, 0, context), []
    for sequence, payload in enumerate(payloads):
        tag = derive("%s tag %d" % (name, sequence), 16)
        writer.record(sequence, 0, tag, payload.encode())
        listed.append({"tag": tag.hex(), "payload": payload})
    if closed:
        writer.record(len(payloads), 1, bytes(16), b"")
    writer.save(name, layout="records", context=context, closed=closed, records=listed)


ZONE, OLD, OBJECTS = derive("zone key"), derive("retired zone key"), []

frames("frames-empty", 14, 0, "files")
frames("frames-one-byte", 14, 1, "files")
frames("frames-one-whole", 14, 16384, "files")
frames("frames-small", 12, 3 * 4096 + 100, "files")
frames("frames-no-context", 12, 5000, "")
RECORDS = ['{"id":"1","data":{"t":21.5}}\n', '{"id":"2","data":{"t":21.25}}\n', "", '{"id":"4","data":{}}\n']
records("records-closed", RECORDS, "intake-climate", True)
records("records-unclosed", RECORDS[:2], "intake-climate", False)
records("records-none", [], "intake-climate", True)

WHOLE, HEAD = 4096 + 73, 28
SMALL, CLOSED = "frames-small.sealed", "records-closed.sealed"
LONG, SHORT = HEAD + 89, HEAD + 73


def refused(name, file, code, *edits, **more):
    return dict({"name": name, "file": file, "code": code, "edits": list(edits)}, **more)


def move(to, start, length, source=None):
    """Overwrites at `to` with `length` bytes from `start` of another file, or of the unedited one."""
    edit = {"copy": [start, length], "to": to}
    if source:
        edit["of"] = source
    return edit


REFUSED = [
    refused("another version", SMALL, "SE-303", {"xor": [8, 2]}),
    refused("another suite", SMALL, "SE-304", {"xor": [9, 3]}),
    refused("another layout", SMALL, "SE-306", {"xor": [10, 3]}),
    refused("a larger frame size", SMALL, "SE-401", {"xor": [11, 2]}),
    refused("a reserved byte", SMALL, "SE-307", {"xor": [13, 1]}),
    refused("an earlier creation", SMALL, "SE-401", {"xor": [23, 1]}),
    refused("another object id", SMALL, "SE-401", {"xor": [24, 1]}),
    refused("another commitment", SMALL, "SE-401", {"xor": [71, 128]}),
    refused("a damaged wrap", SMALL, "SE-211", {"xor": [100, 1]}),
    refused("a byte in the padding", SMALL, "SE-307", {"xor": [511, 1]}),
    refused("another context", SMALL, "SE-401", context="filez"),
    refused("no context", SMALL, "SE-401", context=""),
    refused("the header of another object", SMALL, "SE-401", move(0, 0, 40, "frames-no-context.sealed")),
    refused("another object's header, whole", SMALL, "SE-401", move(0, 0, 512, "frames-no-context.sealed")),
    refused("frames swapped", SMALL, "SE-403", move(512, 512 + WHOLE, WHOLE), move(512 + WHOLE, 512, WHOLE)),
    refused("a frame repeated", SMALL, "SE-403", move(512 + WHOLE, 512, WHOLE)),
    refused("a frame dropped", SMALL, "SE-403", {"cut": [512, WHOLE]}),
    refused("a frame of another object", SMALL, "SE-403", move(512, 512, WHOLE, "frames-no-context.sealed")),
    refused("the last frame dropped", SMALL, "SE-402", {"truncate": 512 + 3 * WHOLE}),
    refused("the last frame of another object", SMALL, "SE-403", {"truncate": 512 + 3 * WHOLE},
            move(512 + 3 * WHOLE, 512 + WHOLE, 969, "frames-no-context.sealed")),
    refused("the last frame shortened by a block", SMALL, "SE-403", {"truncate": 512 + 3 * WHOLE + 153}),
    refused("cut within a frame", SMALL, "SE-402", {"truncate": 512 + WHOLE + 50}),
    refused("cut within a frame at a length that fits", SMALL, "SE-403", {"truncate": 512 + WHOLE + 73}),
    refused("trailing byte", SMALL, "SE-402", {"append": "00"}),
    refused("trailing block", SMALL, "SE-403", {"append": "00" * 16}),
    refused("header only", SMALL, "SE-402", {"truncate": 512}),
    refused("half a header", SMALL, "SE-301", {"truncate": 256}),
    refused("empty", SMALL, "SE-301", {"truncate": 0}),
    refused("records swapped", CLOSED, "SE-503", move(512, 512 + LONG, LONG), move(512 + LONG, 512, LONG)),
    refused("a record's tag", CLOSED, "SE-503", {"xor": [516, 1]}),
    refused("a record's tag, with its check made right", CLOSED, "SE-502", {"xor": [516, 1]},
            {"recheck": [512, 0]}),
    refused("records swapped, with their checks made right", CLOSED, "SE-502",
            move(512, 512 + LONG, LONG), move(512 + LONG, 512, LONG), {"recheck": [512, 0]},
            {"recheck": [512 + LONG, 1]}),
    refused("a record repeated, with its check made right", CLOSED, "SE-502",
            move(512 + LONG, 512, LONG), {"recheck": [512 + LONG, 1]}),
    refused("a record of another log", CLOSED, "SE-502", move(512, 512, LONG, "records-unclosed.sealed")),
    refused("an inner record marked as final", CLOSED, "SE-502", {"truncate": 512 + 2 * LONG + SHORT},
            {"xor": [512 + 2 * LONG, 128]}, {"recheck": [512 + 2 * LONG, 2]}),
    refused("the final record dropped", CLOSED, "SE-507", {"truncate": 512 + 3 * LONG + SHORT}),
    refused("cut within a record", CLOSED, "SE-505", {"truncate": 512 + LONG + 40}),
    refused("a byte behind the final record", CLOSED, "SE-504", {"append": "00"}),
]
with open(os.path.join(HERE, "objects.json"), "w") as file:
    json.dump({"keyring": [text(derive("newest zone key")), text(ZONE)], "objects": OBJECTS, "refused": REFUSED},
              file, indent=1)
    file.write("\n")

# Tokens: what Python's Fernet accepts and refuses, each case with its reason.
KEY = derive("token key")
BASE = token(KEY, derive("token iv", 16), b"sealed once", CREATED)
TEXT = base64.urlsafe_b64encode(BASE).decode()
ODD = base64.urlsafe_b64encode(token(KEY, bytes(range(251, 256)) + bytes(11), b"x" * 16, CREATED)).decode()


def resign(body):
    return base64.urlsafe_b64encode(body + hmac.new(KEY[:16], body, hashlib.sha256).digest()).decode()


def case(why, token_text, plain=None, ttl=None, now=None, keys=(KEY,), time=None):
    return {"why": why, "keys": [text(key) for key in keys], "token": token_text, "ttl": ttl, "now": now,
            "plain": plain, "time": CREATED if plain is not None and time is None else time}


def bits_of_last(token_text):
    """Changes only bits that carry nothing."""
    body, pad = token_text.rstrip("="), len(token_text) - len(token_text.rstrip("="))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return body[:-1] + alphabet[alphabet.index(body[-1]) | 1] + "=" * pad


assert TEXT.endswith("=") and "-" in ODD + TEXT or "_" in ODD + TEXT
TOKENS = [
    case("plain", TEXT, "sealed once"),
    case("a key further down the ring", TEXT, "sealed once", keys=(OLD, ZONE, KEY)),
    case("no key of the ring", TEXT, keys=(OLD, ZONE)),
    case("newline behind", TEXT + "\n", "sealed once"),
    case("white space within", TEXT[:10] + " \r\n" + TEXT[10:], "sealed once"),
    case("other characters within", TEXT[:10] + "!*.:" + TEXT[10:], "sealed once"),
    case("a character beyond ASCII", TEXT[:10] + "\u00e9" + TEXT[10:]),
    case("the standard alphabet", ODD.replace("-", "+").replace("_", "/"), "x" * 16),
    case("padding left out", TEXT.rstrip("=")),
    case("padding too long", TEXT + "==", "sealed once"),
    case("bits that carry nothing", bits_of_last(TEXT), "sealed once"),
    case("two tokens in a row: the first is read", TEXT + TEXT, "sealed once"),
    case("a character missing", TEXT[1:]),
    case("empty", ""),
    case("not base64 at all", "%%%%"),
    case("no age asked: a time far ahead is no matter", resign(b"\x80" + b"\x7f" * 8 + BASE[9:-32]), "sealed once",
         time=0x7F7F7F7F7F7F7F7F),
    case("age at its limit", TEXT, "sealed once", 60, CREATED + 60),
    case("age beyond its limit", TEXT, None, 60, CREATED + 61, time=CREATED),
    case("60 seconds ahead", TEXT, "sealed once", 5, CREATED - 60),
    case("61 seconds ahead", TEXT, None, 5, CREATED - 61, time=CREATED),
    case("the last second of all", resign(b"\x80" + b"\xff" * 8 + BASE[9:-32]), None, 60, CREATED,
         time=2 ** 64 - 1),
    case("the greatest age of all", TEXT, "sealed once", 2 ** 64 - 1, 2 ** 64 - 1),
    case("another version", resign(b"\x81" + BASE[1:-32])),
    case("signed, but not whole blocks", resign(BASE[:-33]), time=CREATED),
    case("signed, but no ciphertext", resign(BASE[:25]), time=CREATED),
    case("signed, but no vector", resign(BASE[:9]), time=CREATED),
    case("signed, but wrong padding", resign(BASE[:24] + bytes([BASE[24] ^ 64]) + BASE[25:-32]), time=CREATED),
    case("the MAC cut short", base64.urlsafe_b64encode(BASE[:-1]).decode()),
    case("the MAC altered", base64.urlsafe_b64encode(BASE[:-1] + bytes([BASE[-1] ^ 1])).decode()),
    case("only a version and a time", base64.urlsafe_b64encode(BASE[:9]).decode()),
]
with open(os.path.join(HERE, "tokens.json"), "w") as file:
    json.dump(TOKENS, file, indent=1)
    file.write("\n")
