#!/usr/bin/env bash
# Other people's programs against a running lab, as `lab.json` describes it: curl, OpenSSL, boto3, Python's ssl, and rclone where it is
# installed. It starts a lab of its own below a temporary directory and stops it again.
#
#   tests/peers/lab.sh [BASE_PORT]
set -euo pipefail
cd "$(dirname "$0")/../.."

base="${1:-17540}"
cargo build --quiet --workspace --bins
programs="${CARGO_TARGET_DIR:-target}/debug"
directory="$(mktemp -d)"
lab="$directory/lab"
stop() {
    "$programs/cofferctl" lab down --dir "$lab" >/dev/null || true
    rm -rf "$directory"
}
trap stop EXIT
"$programs/cofferctl" lab up --dir "$lab" --base-port "$base" --detach
python3 tests/peers/lab.py "$lab" "$programs/cofferctl"
