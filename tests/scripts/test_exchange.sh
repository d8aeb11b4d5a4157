#!/bin/sh
# docs/exchange.md is true where it shows a program: a trained network as C, and the example around it.
set -eu
. tests/scripts/lib.sh

page=$PWD/docs/exchange.md
case $program in /*) ;; *) program=$PWD/$program ;; esac
cc=${CC:-cc}

if ! command -v "$cc" >/dev/null; then
    skip "the example in C: there is no $cc"
    finish
    exit
fi

cat >"$scratch/small.json" <<'END'
{"name": "small", "data": {"source": "synth", "train": 40, "test": 10},
 "model": [{"type": "Conv2D", "filters": 4, "kernel_size": 3, "strides": 2, "activation": "relu"}, {"type": "Flatten"},
           {"type": "Dense", "units": 10, "activation": "softmax"}],
 "training": {"epochs": 1}}
END

in_scratch() ( cd "$scratch" && "$@" )

# The first block of C on the page.
awk '/^```c$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$page" >"$scratch/main.c"

check "a model is trained" in_scratch "$program" train small.json -q --out run
check "it is written as C" in_scratch "$program" convert run net.c --preprocessing
check "the example compiles" in_scratch "$cc" -std=c99 -Wall -Wextra -pedantic -Werror -O1 -o net main.c net.c -lm
# A black picture: the class and the probability that predict prints, too.
check "the example runs" in_scratch sh -c './net >said && grep -Eq "^[0-9] [01]\.[0-9]{4}$" said'
printf 'BM\66\14\0\0\0\0\0\0\66\0\0\0\50\0\0\0\40\0\0\0\40\0\0\0\1\0\30\0\0\0\0\0\0\14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' \
    >"$scratch/black.bmp"
head -c 3072 /dev/zero >>"$scratch/black.bmp"
check "and says what predict says" in_scratch sh -c "$program predict run black.bmp | sed 's/.*: //' | cmp - said"
finish
