#!/bin/sh
# The commands of docs/tutorial.md, one block after another, on fewer pictures and for fewer epochs.
set -eu
. tests/scripts/lib.sh
page=$PWD/docs/tutorial.md

mkdir -p "$scratch/bin" "$scratch/work" "$scratch/blocks"
ln -s "$(realpath "$program")" "$scratch/bin/cnntrain"
PATH=$scratch/bin:$PATH
export PATH

# block-01, block-02, ...: the ```sh blocks of the page.
awk -v folder="$scratch/blocks" '
    /^```sh$/ { file = sprintf("%s/block-%02d", folder, ++count); next }
    /^```$/ { file = ""; next }
    file { print >file }' "$page"
sed -i 's/synth:2000,500/synth:100,40/; s/--epochs 8/--epochs 1/; s/--epochs 9/--epochs 2/; s/\[1, 2, 3\]/[1]/' \
    "$scratch"/blocks/*

has_blocks() { [ "$(find "$scratch/blocks" -type f | wc -l)" -ge 10 ]; }
check "the page has commands" has_blocks

cd "$scratch/work"
for block in "$scratch"/blocks/*; do
    check "$(head -n 1 "$block")" sh -eu "$block"
done

# Files that the text sends its readers to.
left() {
    # shellcheck disable=SC2016 # backticks of Markdown
    for file in $(grep -o '`runs/[^`]*`' "$page" | tr -d '`'); do
        [ -s "$file" ] || {
            echo "no $file"
            return 1
        }
    done
}
check "the files that the page names" left
finish
