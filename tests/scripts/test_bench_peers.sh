#!/bin/sh
# The comparison with peers, with peers that only say a number, or with none.
set -eu
. tests/scripts/lib.sh

mkdir "$scratch/peers"
cat >"$scratch/peers/pytorch.py" <<'END'
case $1 in
    --version) echo "Fake 1.0" ;;
    choose) echo "choose $*" >>"$ASKED"; echo shiny ;;
    time) echo "$OMP_PROC_BIND $*" >>"$ASKED"; echo "$BATCH_RATE" ;;
esac
END
export ASKED="$scratch/asked" OMP_PROC_BIND=false BATCH_RATE=100

# compare OPTION...: a short comparison; its table goes to a file, its messages to another
compare() {
    : >"$ASKED"
    CNNTRAIN_PROGRAM=$program scripts/bench-peers --networks sep_max --batches 8 --threads 1 --seconds 0.02 "$@" \
        >"$scratch/table" 2>"$scratch/messages"
}

with_a_peer() {
    PYTHON=sh PEERS=$scratch/peers compare --passes training --pairs 2 --markdown || return 1
    grep -q '^| network *| pass *| batch | threads | cnntrain | Fake 1.0, as installed | *times | Fake 1.0, tuned | *times |$' \
        "$scratch/table" &&
        grep -qE '^\| sep_max \| training \| +8 \| +1 \| +[0-9]+ \| +100 \| +[0-9.]+ \| +100 \| +[0-9.]+ \|$' "$scratch/table" &&
        [ "$(wc -l <"$scratch/table")" -eq 3 ]
}
check "peers stand beside cnntrain" with_a_peer

# Asked once which form is fastest; then turn by turn, tuned or not.
turns() {
    printf '%s\n' "false time sep_max 8 1 training plain 0.02" "choose choose sep_max 8 1 training" \
        "true time sep_max 8 1 training shiny 0.02" "false time sep_max 8 1 training plain 0.02" \
        "true time sep_max 8 1 training shiny 0.02" | cmp - "$ASKED"
}
check "peers take turns" turns
skips() { grep -q "^skipped: keras (" "$scratch/messages"; }
check "peers that are missing are skipped" skips

alone() {
    PYTHON=false compare --pairs 1 || return 1
    grep -qE '^sep_max  training   +8 +1 +[0-9]+$' "$scratch/table" &&
        grep -qE '^sep_max  inference  +8 +1 +[0-9]+$' "$scratch/table" &&
        [ "$(wc -l <"$scratch/table")" -eq 3 ] && [ "$(grep -c '^skipped' "$scratch/messages")" -eq 2 ]
}
check "cnntrain is timed alone" alone

broken_peer() {
    PYTHON=sh PEERS=$scratch/peers BATCH_RATE='' compare --pairs 1 --passes inference || return 1
    grep -qE '^sep_max  inference .* -  +-  +- +-$' "$scratch/table"
}
check "a peer that fails leaves a dash" broken_peer

refused() {
    for words in "--pairs 0" "--pairs x" "--seconds" "--rounds 3"; do
        # shellcheck disable=SC2086 # an option and its value
        scripts/bench-peers $words >/dev/null 2>&1 && return 1
        [ $? -eq 2 ] || return 1
    done
    CNNTRAIN_PROGRAM=$scratch/nothing scripts/bench-peers >/dev/null 2>&1 && return 1
    [ $? -eq 2 ]
}
check "mistakes are refused" refused
finish
