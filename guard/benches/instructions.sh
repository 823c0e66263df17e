#!/usr/bin/env bash
# How many instructions a check of a token takes, against what was recorded:   guard/benches/instructions.sh [--record]
#
# Needs valgrind (Debian: apt-get install valgrind), and half a minute once the bench is built. A count that grew by
# more than a tenth fails; --record takes the counts of now for the next time. Unlike times they don't depend on what
# else the machine does; they do on the compiler, on valgrind and, in the cryptography of a miss, on the processor.
set -euo pipefail
cd "$(dirname "$0")/../.."
recorded=guard/benches/instructions.txt
tolerance=10
command -v valgrind >/dev/null || { echo "instructions.sh: valgrind is missing" >&2; exit 2; }
built=$(cargo bench --locked --workspace --bench guard --no-run 2>&1) || { echo "$built" >&2; exit 2; }
bench=$(sed -n 's/.*Executable.*(\(.*\))$/\1/p' <<<"$built")

counted() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$bench" "$@" 2>&1 | sed -n 's/.*Collected : //p'
}

# Of CHECK with so many PERMISSIONS: what MORE than FEW of them take, so that neither start nor signing counts.
each() {
    local few more
    few=$(counted "$1" "$2" "$3")
    more=$(counted "$1" "$2" "$4")
    echo $(((more - few) / ($4 - $3)))
}

now=$(mktemp)
trap 'rm -f "$now"' EXIT
while read -r check permissions few more; do
    echo "$check $permissions $(each "$check" "$permissions" "$few" "$more")"
done >"$now" <<END
hit 16 1000 101000
hit 200 1000 21000
revoked 16 1000 101000
miss 16 20 100
miss 200 20 100
END

if [ "${1:-}" = --record ]; then
    cp "$now" "$recorded"
fi
failed=0
while read -r check permissions count; do
    before=$(sed -n "s/^$check $permissions //p" "$recorded")
    printf '%-8s %3d permissions %9d instructions, recorded %9d\n' "$check" "$permissions" "$count" "$before"
    if [ $((count * 100)) -gt $((before * (100 + tolerance))) ]; then
        echo "instructions.sh: that is more than $tolerance % more" >&2
        failed=1
    fi
done <"$now"
exit $failed
