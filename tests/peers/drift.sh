#!/bin/sh
# How long a forbidden device keeps the keys, and what a storm of 100,000 uevents of the kernel does.
# usage: tests/peers/drift.sh [RUNS]
# The storm needs root, who may ask the kernel for events, and Python; it is skipped without.
set -eu
cd "$(dirname "$0")/../.."
runs=${1:-50}
work=$(mktemp -d)
watch=
trap 'test -z "$watch" || kill "$watch" 2>/dev/null || true; rm -rf "$work"' EXIT
cargo build --quiet -p cofferdam-keeper -p cofferdam-cofferctl
cargo build --quiet -p cofferdam-keeper --example drift

echo "forbidden device on a simulated machine, the keeper's real program (target: 1000 ms):"
target/debug/examples/drift "$runs" "$work/lab"

if [ ! -w /sys/class/net/lo/uevent ] || ! command -v python3 >/dev/null; then
    echo "skipped: the storm needs a writable /sys/class/net/lo/uevent (root) and python3"
    exit 0
fi
echo "storm: 100,000 uevents of the kernel, heard by cofferctl hw watch:"
: >"$work/out"
target/debug/cofferctl --json hw watch >"$work/out" &
watch=$!
tries=0
until grep -q '"event":"verdict"' "$work/out"; do
    tries=$((tries + 1))
    if ! kill -0 "$watch" 2>/dev/null || [ "$tries" -gt 600 ]; then
        echo "FAILED: the watch ended, or waited a minute, before its first verdict" >&2
        cat "$work/out" >&2
        exit 1
    fi
    sleep 0.1
done
python3 - <<'PYTHON'
import os, time
fd = os.open("/sys/class/net/lo/uevent", os.O_WRONLY)
began = time.monotonic()
for _ in range(100000):
    os.pwrite(fd, b"change", 0)
print("  sent in %.2f s" % (time.monotonic() - began))
time.sleep(1)
PYTHON
ticks=$(awk '{print $14 + $15}' "/proc/$watch/stat")
kill -INT "$watch"
ended=0
wait "$watch" || ended=$?
watch=
verdicts=$(grep -c '"event":"verdict"' "$work/out" || true)
echo "  CPU of the watch: $((ticks * 1000 / $(getconf CLK_TCK))) ms"
echo "  verdicts said: $verdicts (1: the first, none changed); the watch ended in $ended"
echo "  $(tail -1 "$work/out")"
if [ "$verdicts" -ne 1 ] || [ "$ended" -ne 0 ]; then
    echo "FAILED: a storm of nothing must change no verdict and end the watch in 0" >&2
    exit 1
fi
