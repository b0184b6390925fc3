#!/usr/bin/env bash
# Runs seeds on amd64 and on arm64, one of the two natively and the other under
# qemu's user emulation, and compares the hashes: a run must not depend on the
# architecture.
#
#   scripts/arm64.sh                  seeds 42, 7 and 1001 of the default scenario
#   scripts/arm64.sh 1 2 3            these
#   scripts/arm64.sh --require ...    for CI: without qemu exit with 77, not with 0
#
# Exit codes: 0 all equal, or skipped; 1 a hash differs, or a run failed; 2 bad
# usage, or no build; 77 skipped, with --require.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

skipped=0
if [ "${1:-}" = --require ]; then
  skipped=77
  shift
fi
seeds=("$@")
[ $# -gt 0 ] || seeds=(42 7 1001)
for seed in "${seeds[@]}"; do
  [[ $seed =~ ^[0-9]+$ ]] || { echo "arm64.sh: $seed is no seed" >&2; exit 2; }
done

case $(go env GOHOSTARCH) in
  amd64) native=amd64 foreign=arm64 machine=aarch64 ;;
  arm64) native=arm64 foreign=amd64 machine=x86_64 ;;
  *) echo "skipped: this machine is neither amd64 nor arm64"; exit "$skipped" ;;
esac
qemu=$(command -v "qemu-$machine" || command -v "qemu-$machine-static") || {
  echo "skipped: no qemu-user: there is neither qemu-$machine nor qemu-$machine-static; Debian's package is qemu-user (apt-get install qemu-user)"
  exit "$skipped"
}

built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
for arch in "$native" "$foreign"; do
  CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -o "$built/sim-$arch" ./cmd/sim || exit 2
done

# hash_of prints the hash in the JSON report of one run.
hash_of() {
  local report
  report=$("$@") || { echo "$*: exit code $?: $report" >&2; return 1; }
  grep -oE '"hash": *"[0-9a-f]+' <<<"$report" | grep -oE '[0-9a-f]+$'
}

different=0
for seed in "${seeds[@]}"; do
  here=$(hash_of "$built/sim-$native" run --seed "$seed" --json) || exit 1
  there=$(hash_of "$qemu" "$built/sim-$foreign" run --seed "$seed" --json) || exit 1
  echo "seed $seed: $here on $native, $there on $foreign ($qemu)"
  if [ "$here" != "$there" ]; then
    different=1
  fi
done
if [ "$different" = 1 ]; then
  echo "FAIL: a run depends on the architecture; to see where: sim run --seed N --trace t.bin on one, sim replay t.bin on the other"
  exit 1
fi
echo "PASS: ${#seeds[@]} seeds give the same hashes on $native and $foreign"
