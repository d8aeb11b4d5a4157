#!/bin/sh
# docs/adding-a-layer.md is true: its file and its line, put into a copy of the tree, make a layer that passes.
set -eu
. tests/scripts/lib.sh

build=${program%/*}
tree=$scratch/tree
page=$PWD/docs/adding-a-layer.md

# The lines of the first block that opens with ```$1.
block() { awk -v open="\`\`\`$1" '$0 == open { inside = 1; next } /^```$/ { if (inside) exit } inside' "$page"; }

# Objects come along with their times, so that only what the layer touches is compiled.
make_tree() {
    mkdir -p "$tree/$build"
    cp -a Makefile VERSION core layers data cmd configs "$tree"
    for part in core layers data cmd generated flags prefix libcnntrain.a; do cp -a "$build/$part" "$tree/$build"; done
    block c >"$tree/layers/layer_scale.c"
    block text >>"$tree/layers/registry.def"
    block json >"$tree/configs/layer_scale.json"
    grep -q layer_scale_layer "$tree/layers/layer_scale.c" && grep -qx 'LAYER(layer_scale_layer)' "$tree/layers/registry.def"
}

builds() (
    cd "$tree"
    make BUILD="$build" >"$scratch/made" 2>&1 || { cat "$scratch/made"; return 1; }
    ! grep -n '\.[ch]:.*warning:' "$scratch/made"
)

# in_tree COMMAND...: there, with that program.
in_tree() (
    cd "$tree"
    "$@"
)

check "the file and the line" make_tree
check "builds without warnings" builds
check "help" in_tree sh -c "$program layers LayerScale | grep -q '^  channels_a_number '"
check "weights are counted" in_tree sh -c "$program summary --config configs/layer_scale.json | grep -q '^ layer_scale (LayerScale) .* 4  '"
check "gradients are right" in_tree "$program" gradcheck --config configs/layer_scale.json
check "a misuse is answered with its place" in_tree sh -c "
    sed 's/\"gamma_initializer\"/\"channels_a_number\": 3, &/' configs/layer_scale.json >configs/wrong.json
    $program summary --config configs/wrong.json 2>&1 |
        grep -q 'model\[1\].channels_a_number: must divide the 4 channels of the input; got 3'"
check "a trained model goes to ONNX and C" in_tree sh -c "
    $program train configs/layer_scale.json -q --set training.epochs=1 --set data.train=64 --set data.test=10 --out run &&
        $program convert run net.onnx -q && grep -q layer_scale/gamma net.onnx &&
        $program convert run net.c -q && grep -q 'layer_scale_gamma\[v\]' net.c && ${CC:-cc} -c -o net.o net.c"
finish
