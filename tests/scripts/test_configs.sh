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
check "spatial_max" parameters spatial_max 310,280
check "down_max" parameters down_max 356,810
check "down_stride" parameters down_stride 356,810
check "down_conv" parameters down_conv 443,050
check "residual" parameters residual 78,426

# Each experiment with all its configs, on as little data as will do; one row a run in results.csv.
runs_all() {
    "$program" experiments "configs/$1.json" --data synth:120,40 --epochs 1 --seeds 1 --out "$scratch/$1"
    cut -d , -f 1 "$scratch/$1/results.csv" | tail -n +2 | tr '\n' ' ' >"$scratch/names"
    [ "$(cat "$scratch/names")" = "$2" ]
}
check "six.json" runs_all six "conv_avg conv_max dw_avg dw_max sep_avg sep_max "
check "deep_six.json" runs_all deep_six \
    "deep_conv_avg deep_conv_max deep_dw_avg deep_dw_max deep_sep_avg deep_sep_max "
check "downsampling.json" runs_all downsampling "down_max down_avg down_stride down_conv "
check "demo.json" runs_all demo "conv_avg conv_max dw_avg dw_max sep_avg sep_max "

# Training leaves the fixed kernels alone.
trains_behind_edges() {
    "$program" train configs/edges.json --data synth:120,40 --epochs 1 --out "$scratch/edges" &&
        prints "Non-trainable params: 54" "$program" summary --config configs/edges.json
}
check "edges.json" trains_behind_edges
trains() {
    "$program" train "$1" --data synth:120,40 --epochs 1 --out "$scratch/run_$1" && [ -f "$scratch/run_$1/report.md" ]
}
check "spatial_max trains" trains spatial_max
check "residual trains" trains residual

# The lines of docs/transfer.md on data of the program's own; what --weights says there is what it says here.
mkdir "$scratch/transfer"
sed -n 's/^cnntrain train/train/p' docs/transfer.md |
    sed 's/svhn:data\/mnist_m/synth:64,32/; s/svhn:data\/svhn/synth:64,32/; s/--epochs [0-9]*/--epochs 1/' \
        >"$scratch/transfer/lines"
transfers() {
    case $program in /*) cnntrain=$program ;; *) cnntrain=$PWD/$program ;; esac
    [ "$(wc -l <"$scratch/transfer/lines")" -eq 4 ] || return 1
    (
        cd "$scratch/transfer"
        while read -r line; do eval "$cnntrain $line" </dev/null 2>>said || exit 1; done <lines
    ) || return 1
    grep '^runs/source/best.safetensors: not ' docs/transfer.md >"$scratch/transfer/quoted"
    [ "$(wc -l <"$scratch/transfer/quoted")" -eq 2 ] || return 1
    while read -r quoted; do
        [ "$(grep -cxF "$quoted" "$scratch/transfer/said")" -eq 2 ] || return 1
    done <"$scratch/transfer/quoted"
}
check "docs/transfer.md" transfers

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
