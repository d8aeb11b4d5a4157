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
    sed 's, /.*/network-, network-,' "$ASKED" >"$scratch/turns"
    printf '%s\n' "false time network-1 8 1 training plain 0.02" "choose choose network-1 8 1 training" \
        "true time network-1 8 1 training shiny 0.02" "false time network-1 8 1 training plain 0.02" \
        "true time network-1 8 1 training shiny 0.02" | cmp - "$scratch/turns"
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

# ---- networks of one's own ----

# This peer keeps what it was given, and fails when it is timed.
mkdir "$scratch/curious"
cat >"$scratch/curious/pytorch.py" <<'END'
case $1 in
    --version) echo "Curious 1.0" ;;
    choose) echo shiny ;;
    time)
        echo "$*" >>"$ASKED"
        cp "$2"/* "$SEEN" && echo "no such luck" >&2 && exit 1
        ;;
esac
END
cp "$scratch/curious/pytorch.py" "$scratch/curious/keras.py"
mkdir "$scratch/seen" "$scratch/my nets"
export SEEN="$scratch/seen"
cat >"$scratch/my nets/odd.json" <<'END'
{"input_shape": [20, 24, 1], "training": {"optimizer": {"type": "Adam", "beta_1": 0.8}}, "model": [
    {"type": "Conv2D", "filters": 7, "kernel_size": [3, 7], "padding": "same", "activation": "relu"},
    {"type": "MaxPooling2D"}, {"type": "Dropout", "rate": 0.25}, {"type": "Flatten"},
    {"type": "Dense", "units": 3, "activation": "softmax"}]}
END

own_network() {
    : >"$ASKED"
    PYTHON=sh PEERS=$scratch/curious CNNTRAIN_PROGRAM=$program scripts/bench-peers --batches 4 --threads 1 --seconds 0.02 \
        --pairs 2 --passes training --set model.0.dilation_rate=2 "$scratch/my nets/odd.json" \
        >"$scratch/table" 2>"$scratch/messages" || return 1
    grep -qE '/my nets/odd.json  training +4 +1 +[0-9]+ +- ' "$scratch/table"
}
check "a network of one's own is timed" own_network
given() {
    grep -q 'nn.Conv2d(1, 7, (3, 7), padding=(2, 6), dilation=(2, 2)),' "$SEEN/network.py" &&
        grep -q 'nn.Dropout(0.25),' "$SEEN/network.py" && ! grep -q Softmax "$SEEN/network.py" &&
        grep -q '"class_name": "Dropout"' "$SEEN/network.json" && grep -q '"parameters": 2677' "$SEEN/summary.json" &&
        grep -q '"type": "SGD"' "$SEEN/config.json" && ! grep -q beta_1 "$SEEN/config.json"
}
check "peers are given its layers" given
once() {
    [ "$(grep -c '^skipped: Curious 1.0, as installed, .*odd.json, training, batch of 4, threads: 1 (no such luck)$' \
        "$scratch/messages")" -eq 1 ] && [ "$(wc -l <"$ASKED")" -eq 3 ]
}
check "who fails is not asked again" once

cat >"$scratch/noise.json" <<'END'
{"input_shape": [8, 8, 3], "model": [{"type": "GaussianNoise", "stddev": 0.1}, "SumPooling2D", "Flatten",
    {"type": "Dense", "units": 2, "activation": "softmax"}]}
END
lacking_layers() {
    cp "$scratch/peers/pytorch.py" "$scratch/peers/keras.py"
    PYTHON=sh PEERS=$scratch/peers compare --pairs 1 --passes training "$scratch/noise.json" || return 1
    grep -q '^skipped: pytorch, .*/noise.json (layer "gaussian_noise": no module of PyTorch stands for this GaussianNoise)$' \
        "$scratch/messages" && grep -q '^skipped: keras, .*/noise.json (.*SumPooling2D' "$scratch/messages" &&
        grep -qE '/noise.json +training +8 +1 +[0-9]+ +- +- +- +- +- +-$' "$scratch/table" &&
        grep -qE '^sep_max +training +8 +1 +[0-9]+ +100 ' "$scratch/table"
}
check "peers without a layer are skipped" lacking_layers

refused() {
    for words in "--pairs 0" "--pairs x" "--seconds" "--rounds 3"; do
        # shellcheck disable=SC2086 # an option and its value
        scripts/bench-peers $words >/dev/null 2>&1 && return 1
        [ $? -eq 2 ] || return 1
    done
    CNNTRAIN_PROGRAM=$scratch/nothing scripts/bench-peers >/dev/null 2>&1 && return 1
    [ $? -eq 2 ] || return 1
    : >"$ASKED"
    PYTHON=sh PEERS=$scratch/peers compare --set model.0.filters=0 && return 1
    grep -q 'filters: must be' "$scratch/messages" && [ ! -s "$ASKED" ]
}
check "mistakes are refused" refused
finish
