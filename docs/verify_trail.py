#!/usr/bin/env python3
"""A second verifier for a Cofferdam trail, written from docs/trail.md alone.

It shares no code with the daemon. It needs Python 3.8 or later and nothing else, but for the
signature: that is checked with the package `cryptography` where it can be imported. Where it cannot,
this program says so and fails, unless --unsigned is given.

    verify_trail.py DIR --key 'VKEY' | --trust FILE [--unsigned]

Exit: 0 whole and unchanged; 64 usage; 65 changed, cut or not this log's; 75 everything else holds,
but the signature was not checked.
"""
import base64
import binascii
import hashlib
import json
import os
import re
import sys

WIDTH = 256
HASH = 32
END = object()


class Fault(Exception):
    """The first thing that is wrong: a code, where, and the leaf if one can be named."""

    def __init__(self, code, what, leaf=None):
        super().__init__(what)
        self.code, self.what, self.leaf = code, what, leaf


def leaf_hash(leaf):
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(row):
    """The root over a row of hashes: neighbours pair, an odd last one rises."""
    if not row:
        return hashlib.sha256(b"").digest()
    while len(row) > 1:
        pairs = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = pairs + ([row[-1]] if len(row) % 2 else [])
    return row[0]


def index_path(index):
    path = "%03d" % (index % 1000)
    while index >= 1000:
        index //= 1000
        path = "x%03d/%s" % (index % 1000, path)
    return path


# --- keys and notes ------------------------------------------------------------------------------


def strict_base64(text):
    """Standard base64 that has exactly one spelling."""
    raw = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(raw).decode("ascii") != text:
        raise ValueError("not canonical")
    return raw


def parse_key(text):
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not parts[0] or not re.fullmatch("[0-9a-f]{8}", parts[1]):
        raise ValueError("not a verifier key")
    name, key_hash, raw = parts[0], parts[1], strict_base64(parts[2])
    if len(raw) != 33 or raw[0] != 1:
        raise ValueError("not an Ed25519 verifier key")
    expect = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if expect.hex() != key_hash:
        raise ValueError("the hash does not belong to the key")
    return name, expect, raw[1:]


def check_signature(public, text, signature):
    """True or False, or None where this machine cannot check."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return None
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def split_note(raw):
    try:
        note = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Fault("TR-202", "the checkpoint is not UTF-8")
    if any(ord(c) < 32 and c != "\n" for c in note):
        raise Fault("TR-202", "the checkpoint holds a control character")
    at = note.rfind("\n\n")
    if at < 0 or not note.endswith("\n") or at + 2 >= len(note):
        raise Fault("TR-202", "the checkpoint is no signed note")
    signatures = []
    for line in note[at + 2 : -1].split("\n"):
        match = re.fullmatch("\u2014 ([^ +\\s]+) ([A-Za-z0-9+/]+={0,2})", line)
        try:
            blob = strict_base64(match.group(2)) if match else b""
        except (binascii.Error, ValueError):
            blob = b""
        if len(blob) < 5:
            raise Fault("TR-202", "a signature line is not as the format says")
        signatures.append((match.group(1), blob[:4], blob[4:]))
    if len(signatures) > 100:
        raise Fault("TR-202", "there are too many signatures")
    return note[: at + 1], signatures


def parse_checkpoint(text):
    lines = text.split("\n")
    if len(lines) < 4 or "" in lines[:-1] or lines[-1] != "":
        raise Fault("TR-202", "the checkpoint has not its lines")
    if not re.fullmatch("0|[1-9][0-9]*", lines[1]) or int(lines[1]) >= 1 << 64:
        raise Fault("TR-202", "the size is no number")
    try:
        root = strict_base64(lines[2])
    except (binascii.Error, ValueError, UnicodeEncodeError):
        root = b""
    if len(root) != HASH:
        raise Fault("TR-202", "the root is no hash")
    return lines[0], int(lines[1]), root


def trusted_checkpoint(directory, keys):
    """Origin, size, root, and who signed: a name, or None where nobody could check."""
    try:
        with open(os.path.join(directory, "checkpoint"), "rb") as file:
            raw = file.read()
    except FileNotFoundError:
        raise Fault("TR-201", "there is no checkpoint")
    text, signatures = split_note(raw)
    signers, unchecked = [], False
    for name, key_hash, signature in signatures:
        for key_name, expect, public in keys:
            if (key_name, expect) != (name, key_hash):
                continue
            holds = check_signature(public, text.encode(), signature)
            if holds is False:
                raise Fault("TR-204", "the signature by %s does not hold" % name)
            unchecked = unchecked or holds is None
            signers.append(name)
    if keys and not signers:
        raise Fault("TR-203", "no signature is by a trusted key")
    origin, size, root = parse_checkpoint(text)
    if keys and origin not in signers:
        raise Fault("TR-205", "the origin is %s, which is no key that signed" % origin)
    return origin, size, root, None if unchecked or not keys else origin


# --- tiles and bundles ---------------------------------------------------------------------------


class Log:
    def __init__(self, directory, origin):
        self.directory = directory
        self.origin = origin
        self.events = {}

    def read(self, kind, index, width, missing):
        """The file, and whether it is the full one that stands in for a partial one."""
        full = "tile/%s/%s" % (kind, index_path(index))
        names = [full] if width == WIDTH else ["%s.p/%d" % (full, width), full]
        for name in names:
            try:
                with open(os.path.join(self.directory, name), "rb") as file:
                    return name, file.read(), width != WIDTH and name == full
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise Fault("TR-216", "%s: %s" % (name, error.strerror))
        raise Fault(missing, "there is no %s" % names[0])

    def tile(self, level, index, width):
        name, raw, longer = self.read(str(level), index, width, "TR-209")
        if len(raw) != HASH * (WIDTH if longer else width):
            raise Fault("TR-210", "%s has %d bytes" % (name, len(raw)))
        return [raw[i : i + HASH] for i in range(0, HASH * width, HASH)]

    def bundle(self, index, width):
        name, raw, longer = self.read("entries", index, width, "TR-206")
        if longer:
            first = [leaf for leaf in leaves(raw) if leaf is not None][:width]
            raw = b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in first)
        return name, raw

    def older(self, kind, index, width, is_beginning, first):
        """Partial files of earlier checkpoints must be the beginning of what there is now."""
        folder = "tile/%s/%s.p" % (kind, index_path(index))
        try:
            names = os.listdir(os.path.join(self.directory, folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in names:
            if not re.fullmatch("[1-9][0-9]{0,2}", name) or int(name) > width:
                continue
            try:
                with open(os.path.join(self.directory, folder, name), "rb") as file:
                    raw = file.read()
            except FileNotFoundError:
                continue
            if not is_beginning(int(name), raw):
                what = "%s/%s is not the beginning of what follows" % (folder, name)
                raise Fault("TR-215", what, first)

    def below(self, level, index, hashes):
        """Checks everything below a tile whose hashes are trusted."""
        raw = b"".join(hashes)
        first = index * WIDTH ** (level + 1)

        def beginning(width, found):
            return len(found) == width * HASH and raw.startswith(found)

        self.older(str(level), index, len(hashes), beginning, first)
        if level == 0:
            return self.check_leaves(index, hashes)
        for at, expect in enumerate(hashes):
            child = index * WIDTH + at
            child_first = child * WIDTH**level
            try:
                found = self.tile(level - 1, child, WIDTH)
            except Fault as fault:
                fault.leaf = child_first
                raise
            if root_of(found) != expect:
                raise Fault("TR-211", tile_fault(level - 1, child, WIDTH), child_first)
            self.below(level - 1, child, found)

    def check_leaves(self, index, hashes):
        first = index * WIDTH
        try:
            name, raw = self.bundle(index, len(hashes))
        except Fault as fault:
            fault.leaf = first
            raise
        found = leaves(raw)
        for sequence, expect in enumerate(hashes, first):
            leaf = next(found, None)
            if leaf is None:
                raise Fault("TR-207", "%s ends too early" % name, sequence)
            if leaf_hash(leaf) != expect:
                raise Fault("TR-208", "%s holds a changed leaf" % name, sequence)
            self.count(leaf, sequence)
        if next(found, END) is not END:
            raise Fault("TR-207", "%s goes on after its last leaf" % name, first + len(hashes))

        def beginning(width, found):
            whole = sum(1 for leaf in leaves(found) if leaf is not None)
            return raw.startswith(found) and whole == width

        self.older("entries", index, len(hashes), beginning, first)

    def count(self, leaf, sequence):
        try:
            value = json.loads(leaf.decode("utf-8"))
            metadata, event = value["metadata"], value["cofferdam"]["event"]
            if metadata["log_name"] != self.origin or b"\n" in leaf:
                raise ValueError("another log")
        except (ValueError, KeyError, TypeError):
            raise Fault("TR-214", "the leaf is no line of this log", sequence)
        if metadata["sequence"] != sequence:
            what = "the leaf says that it is number %s" % metadata["sequence"]
            raise Fault("TR-213", what, sequence)
        self.events[event] = self.events.get(event, 0) + 1


def leaves(raw):
    """The leaves of a bundle; None where it ends inside one."""
    at = 0
    while at < len(raw):
        end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
        if len(raw) - at < 2 or end > len(raw):
            yield None
            return
        yield raw[at + 2 : end]
        at = end


def tile_fault(level, index, width):
    partial = "" if width == WIDTH else ".p/%d" % width
    return "tile/%d/%s%s does not hash to what was signed" % (level, index_path(index), partial)


def edge_root(edge):
    """The root over the partial tiles, lowest level first."""
    remainder = []
    for _, _, hashes in edge:
        remainder = [root_of(hashes + remainder)]
    return root_of(remainder)


def blame(log, size, root, edge):
    """Names the tile at the edge that, made again from what lies below it, would mend the root."""
    for at, (level, index, hashes) in enumerate(edge):
        try:
            if level == 0:
                raw = log.bundle(index, len(hashes))[1]
                again = [leaf_hash(leaf) for leaf in leaves(raw) if leaf is not None]
            else:
                children = range(index * WIDTH, index * WIDTH + len(hashes))
                again = [root_of(log.tile(level - 1, child, WIDTH)) for child in children]
        except Fault:
            continue
        if edge_root(edge[:at] + [(level, index, again)] + edge[at + 1 :]) == root:
            return Fault("TR-211", tile_fault(level, index, len(hashes)), index * WIDTH ** (level + 1))
    return Fault("TR-212", "the tree of %d leaves here has another root than signed" % size)


def verify(directory, keys):
    origin, size, root, signer = trusted_checkpoint(directory, keys)
    log, edge = Log(directory, origin), []
    for level in range(8):
        hashes = size // WIDTH**level
        if hashes % WIDTH:
            edge.append((level, hashes // WIDTH, log.tile(level, hashes // WIDTH, hashes % WIDTH)))
    if edge_root(edge) != root:
        raise blame(log, size, root, edge)
    for level, index, hashes in reversed(edge):
        log.below(level, index, hashes)
    return origin, size, root, signer, log.events


def arguments(words):
    directory, keys, unsigned = None, [], False
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "--unsigned":
            unsigned = True
        elif word == "--key" and words:
            keys.append(parse_key(words.pop(0)))
        elif word == "--trust" and words:
            with open(words.pop(0), encoding="utf-8") as file:
                lines = [line.strip() for line in file]
            keys.extend(parse_key(line) for line in lines if line and not line.startswith("#"))
        elif directory is None and not word.startswith("-"):
            directory = word
        else:
            raise ValueError("unexpected argument %s" % word)
    if directory is None:
        raise ValueError("which directory?")
    if not keys and not unsigned:
        raise ValueError("give the log's verifier key (--key or --trust), or --unsigned")
    return directory, keys, unsigned


def main(words):
    try:
        directory, keys, unsigned = arguments(words)
    except (OSError, ValueError, binascii.Error) as error:
        print("usage: %s\n%s" % (error, __doc__), file=sys.stderr)
        return 64
    try:
        origin, size, root, signer, events = verify(directory, keys)
    except Fault as fault:
        where = "" if fault.leaf is None else " leaf %d" % fault.leaf
        print("REFUSED %s%s: %s" % (fault.code, where, fault.what))
        return 65
    if signer is None and not unsigned:
        print("UNDECIDED %s: %d leaves agree with the checkpoint" % (origin, size))
        print("The signature was NOT checked: the Python package `cryptography` is not installed.")
        return 75
    print("WHOLE %s: %d leaves, root %s" % (origin, size, base64.b64encode(root).decode()))
    print("The signature was NOT checked." if signer is None else "signed by %s" % signer)
    for event in sorted(events):
        print("%8d  %s" % (events[event], event))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
