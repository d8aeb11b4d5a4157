#!/bin/sh
# Every config runs, and the networks are the size they are meant to be.
set -eu
. tests/scripts/lib.sh

# parameters CONFIG NUMBER
parameters() { prints "Total params: $2" "$program" summary --config "configs/$1.json"; }

for pool in avg max; do
    check "conv_$pool" parameters conv_$pool 72,906
    check "dw_$pool" parameters dw_$pool 6,790
    check "sep_$pool" parameters sep_$pool 72,165
    check "deep_conv_$pool" parameters deep_conv_$pool 356,810
    check "deep_dw_$pool" parameters deep_dw_$pool 397,154
    check "deep_sep_$pool" parameters deep_sep_$pool 275,013
done
check "lesson" parameters lesson 832
check "edges" parameters edges 17,104

# Each experiment with all its configs, on as little data as will do; one row a run in results.csv.
runs_all() {
    "$program" experiments "configs/$1.json" --data synth:120,40 --epochs 1 --seeds 1 --out "$scratch/$1"
    cut -d , -f 1 "$scratch/$1/results.csv" | tail -n +2 | tr '\n' ' ' >"$scratch/names"
    [ "$(cat "$scratch/names")" = "$2" ]
}
check "six.json" runs_all six "conv_avg conv_max dw_avg dw_max sep_avg sep_max "
check "deep_six.json" runs_all deep_six \
    "deep_conv_avg deep_conv_max deep_dw_avg deep_dw_max deep_sep_avg deep_sep_max "
check "demo.json" runs_all demo "conv_avg conv_max dw_avg dw_max sep_avg sep_max "

# Training leaves the fixed kernels alone.
trains_behind_edges() {
    "$program" train configs/edges.json --data synth:120,40 --epochs 1 --out "$scratch/edges" &&
        prints "Non-trainable params: 54" "$program" summary --config configs/edges.json
}
check "edges.json" trains_behind_edges

listed() {
    for file in configs/*.json; do
        grep -q '"configs"' "$file" || [ "$file" = configs/base.json ] || [ "$file" = configs/schema.json ] ||
            "$program" config "$file" >"$scratch/resolved.json" || return 1
    done
}
check "every config resolves" listed

resolved_is_complete() {
    "$program" config configs/deep_sep_max.json >"$scratch/once.json"
    "$program" config "$scratch/once.json" >"$scratch/twice.json"
    cmp "$scratch/once.json" "$scratch/twice.json"
}
check "a resolved config resolves to itself" resolved_is_complete

schema_is_current() {
    "$program" config --schema >"$scratch/schema.json"
    diff -u configs/schema.json "$scratch/schema.json"
}
check "configs/schema.json is what the program writes (make schema)" schema_is_current
finish
