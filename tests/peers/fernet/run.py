#!/usr/bin/env python3
"""Our Fernet beside Python's `cryptography` and crate `fernet`, turn by turn in one run.

    python3 tests/peers/fernet/run.py [ROUNDS]

Builds and drives `cargo bench -p cofferdam-seal --bench seal -- --ask`; the Python cases run here, over the same bytes, between ours. Time is the
processor time of the thread. The fastest of all rounds counts, on each side: on a machine with neighbours the slower ones measure them.
The crate runs with glibc told to keep freed memory, from which it gains most; Python runs as it is installed. Exit: 0 every target met, 1 some missed.
"""
import json, os, subprocess, sys, time

try:
    import cryptography
    from cryptography.fernet import Fernet
except ImportError:
    sys.exit("Python's cryptography is not here: python3 -m pip install cryptography")

TUNED = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592", "MALLOC_TOP_PAD_": "268435456"}

OBJECT = 64 << 20
PLAIN = bytes(place % 251 for place in range(OBJECT))
FERNET = Fernet(Fernet.generate_key())
SEALED = FERNET.encrypt(PLAIN)
SMALL = PLAIN[:256]

PYTHON = {
    "python seal": lambda: FERNET.encrypt(PLAIN),
    "python open": lambda: FERNET.decrypt(SEALED),
    "python token": lambda: [FERNET.encrypt(SMALL) for _ in range(1000)],
}
TABLE = [
    ("seal 64 MiB, best path, against Python", "seal best", "python seal", 12),
    ("open the same, against Python", "open best", "python open", 14),
    ("seal the same, against crate fernet per frame", "seal best", "seal crate", 5),
    ("open the same, against crate fernet per frame", "open best", "open crate", 4),
    ("seal, AES-NI fused with SHA-NI, one frame at a time, against crate", "seal one-frame", "seal crate", 3),
    ("seal one 256 B token, against Python", "token ours", "python token", 15),
    ("seal one 256 B token, against crate", "token ours", "token crate", 2),
    ("seal 1,000 tokens of 128 B as a batch, against crate one by one", "batch ours", "batch crate", 5),
    ("seal, portable path, against crate", "seal portable", "seal crate", 1.8),
]


def bench():
    command = ["cargo", "bench", "-q", "-p", "cofferdam-seal", "--bench", "seal", "--", "--ask"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            env={**os.environ, **TUNED})


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    ours, best = bench(), {}
    cases = dict.fromkeys(case for row in TABLE for case in row[1:3])
    for _ in range(rounds):
        for case in cases:
            if case in PYTHON:
                begin = time.thread_time()
                PYTHON[case]()
                took = time.thread_time() - begin
            else:
                print(case, file=ours.stdin, flush=True)
                took = float(ours.stdout.readline())
            best[case] = min(took, best.get(case, took))
    ours.stdin.close()
    ours.wait()
    print("Python %s, cryptography %s; %d rounds" % (sys.version.split()[0], cryptography.__version__, rounds))
    missed = 0
    for title, case, peer, target in TABLE:
        ratio = best[peer] / best[case]
        missed += ratio < target
        print("%-68s %6.2f times, at least %s: %s" % (title, ratio, target, "missed" if ratio < target else "met"))
    print(json.dumps({case: round(took, 6) for case, took in best.items()}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
