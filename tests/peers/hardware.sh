#!/usr/bin/env bash
# What it costs to read a machine, beside the tools that are used for it, in one run on this machine.
#
#     tests/peers/hardware.sh [CAPTURES]
#
# First the captured machine with 137 PCI functions, where COFFERDAM_SHARED or the argument names the captures: time and peak memory,
# at most 50 ms and 8 MiB. Then this machine: `cofferctl hw facts --json` against `lshw -json` (20 times faster) and against
# `dmidecode`, `lspci -vmm` and `lsblk -J` one after the other (3 times). Each figure is the best of as many runs as the others',
# taken in turns. What fails early is fast, so a tool that fails has no figure: of a peer that is said and its line skipped (dmidecode
# ends in 1 where the firmware shows no tables), ours fails this script.
# COFFERCTL names the program; without it the release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in lshw dmidecode lspci lsblk python3 /usr/bin/time; do
    if ! command -v "$tool" >/dev/null; then
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq lshw dmidecode pciutils util-linux python3 time >/dev/null
        break
    fi
done

if [ -z "${COFFERCTL:-}" ]; then
    cargo build --quiet --release -p cofferdam-cofferctl
    COFFERCTL="${CARGO_TARGET_DIR:-target}/release/cofferctl"
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
captures="${1:-${COFFERDAM_SHARED:+$COFFERDAM_SHARED/hw-fixtures}}"
tree=""
if [ -n "$captures" ]; then
    tar -xjf "$captures/hwloc/32em64t-2n8c+dax+nvme+mic+dimms.tar.bz2" -C "$work"
    tree="$(find "$work" -mindepth 1 -maxdepth 1 -type d | head -1)"
fi

COFFERCTL="$COFFERCTL" TREE="$tree" exec python3 - <<'PYTHON'
import json, os, subprocess, sys, time

ctl, tree = os.environ["COFFERCTL"], os.environ["TREE"]


def run(command):
    """The wall time in seconds of a command that does what it should."""
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"FAILED: {' '.join(command)} ended in {done.returncode}: {done.stderr.strip()}")
    return seconds


def best(*rivals, runs=15):
    """The shortest wall time of each rival, which is some commands one after the other. They take turns, so that what else the
    machine does falls on all of them."""
    shortest = [float("inf")] * len(rivals)
    for _ in range(runs):
        for place, commands in enumerate(rivals):
            shortest[place] = min(shortest[place], sum(run(command) for command in commands))
    return shortest


def peak(*command):
    """The peak resident memory in KiB. A child of this process would inherit its peak, so a small one stands between."""
    told = subprocess.run(["/usr/bin/time", "-f", "%M", *command], capture_output=True, text=True, check=True)
    return int(told.stderr.split()[-1])


def facts(value):
    """How many facts of a report have a value."""
    if isinstance(value, dict):
        if "state" in value:
            return facts(value["value"]) if value["state"] == "value" else 0
        return sum(facts(part) for part in value.values())
    if isinstance(value, list):
        return sum(facts(part) for part in value)
    return 1


missed = []


def line(name, figure, target, holds):
    print(f"{name:<58} {figure:>14}  target {target:<10} {'holds' if holds else 'MISSED'}")
    if not holds:
        missed.append(name)


if tree:
    command = [ctl, "hw", "facts", "--json", "--sysroot", tree]
    [seconds], kib = best([command]), peak(*command)
    line("137 PCI functions: whole program, best of 15", f"{seconds * 1000:.1f} ms", "50 ms", seconds <= 0.050)
    line("137 PCI functions: peak resident memory", f"{kib / 1024:.1f} MiB", "8 MiB", kib <= 8 * 1024)
else:
    print("skipped: COFFERDAM_SHARED names no captures")

command = [ctl, "hw", "facts", "--json"]


def works(command):
    """Whether a peer does its work here."""
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print(f"skipped: {' '.join(command)} ended in {done.returncode} here {done.stderr.strip()}")
    return done.returncode == 0


three = [["dmidecode"], ["lspci", "-vmm"], ["lsblk", "-J"]]
has_lshw = works(["lshw", "-json"])
has_three = all([works(command) for command in three])
rivals = [[command]] + ([[["lshw", "-json"]]] if has_lshw else []) + ([three] if has_three else [])
ours, *others = best(*rivals)
kib = peak(*command)
print(f"this machine: ours {ours * 1000:.1f} ms ({kib / 1024:.1f} MiB)")
if has_lshw:
    lshw = others.pop(0)
    line(f"lshw -json takes {lshw * 1000:.1f} ms, against ours", f"{lshw / ours:.1f} x", "20 x", lshw / ours >= 20)
if has_three:
    trio = others.pop(0)
    line(f"the three take {trio * 1000:.1f} ms, against ours", f"{trio / ours:.1f} x", "3 x", trio / ours >= 3)


def report(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    try:
        return facts(json.loads(done.stdout))
    except ValueError:
        return sum(1 for text in done.stdout.splitlines() if ": " in text or ":\t" in text)


if has_three:
    count = report(ctl, "hw", "facts", "--json")
    others = sum(report(*command) for command in three)
    line("facts with a value, against the three together", f"{count} : {others}", "more", count > others)
sys.exit(1 if missed else 0)
PYTHON
