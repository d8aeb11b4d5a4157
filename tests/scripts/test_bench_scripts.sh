#!/bin/sh
# The table of networks, the count of instructions and the check for arm64: what they print, and what they say where a
# tool is missing.
set -eu
. tests/scripts/lib.sh

export CNNTRAIN_PROGRAM="$program"

all_networks() {
    scripts/bench-networks --seconds 0.02 --batch 4 --threads 1 >"$scratch/table" || return 1
    cat "$scratch/table"
    [ "$(wc -l <"$scratch/table")" -eq 13 ] &&
        grep -qE '^deep_dw_max +inference +4 +1 +[1-9][0-9]* +[0-9.]+ +[0-9.]+ +[0-9]+ +[1-9][0-9.]*$' "$scratch/table" &&
        ! grep -q 'training  *8 ' "$scratch/table"
}
check "the table has the six networks" all_networks
check "its options are those of bench" exits 2 scripts/bench-networks --batch 0
helped() { scripts/bench-networks --help | grep -q '^Usage: scripts/bench-networks'; }
check "--help tells how to use it" helped

mkdir "$scratch/nothing"
sh=$(command -v sh)
# without_tools SCRIPT: whether it ends with 2 where no tool is to be found; what it said is kept.
without_tools() {
    code=0
    (PATH=$scratch/nothing exec "$sh" "$@") >"$scratch/said" 2>&1 || code=$?
    cat "$scratch/said"
    [ "$code" -eq 2 ]
}
arm64() {
    without_tools scripts/check-arm64 && grep -q "^check-arm64 needs: aarch64-linux-gnu-gcc pkg-config qemu-aarch64 " "$scratch/said"
}
check "check-arm64 says what is missing" arm64

instructions() { without_tools scripts/count-instructions && grep -qx "count-instructions needs valgrind" "$scratch/said"; }
check "count-instructions says what is missing" instructions

count() {
    CNNTRAIN_CPU=portable BATCH=4 scripts/count-instructions dw_max >"$scratch/counts" || return 1
    cat "$scratch/counts"
    grep -qE '^dw_max +[1-9][0-9]{5,} +[1-9][0-9]{4,}$' "$scratch/counts"
}
case $program in
    *asan*) skip "instructions of a step (not under the sanitizers)" ;;
    *)
        if command -v valgrind >/dev/null; then
            check "instructions of a step" count
        else
            skip "instructions of a step (needs valgrind)"
        fi
        ;;
esac
finish
