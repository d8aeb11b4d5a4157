#!/bin/sh
# The completions of bash, zsh and fish hand over what `cnntrain complete` says, as each shell wants it.
set -eu
. tests/scripts/lib.sh
completions=$PWD/completions
mkdir -p "$scratch/bin" "$scratch/work/some pictures"
ln -s "$(realpath "$program")" "$scratch/bin/cnntrain"
PATH=$scratch/bin:$PATH
export PATH
cd "$scratch/work"

# ---- bash ----

# in_bash EXPECTED LINE WORD...: the replies, each in <>, to a line that bash has split into these words.
cat >"$scratch/in_bash" <<'END'
. "$1"
COMP_LINE=$2 COMP_POINT=${#2}
shift 2
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_cnntrain
[ ${#COMPREPLY[@]} -eq 0 ] || printf '<%s>' "${COMPREPLY[@]}"
echo
END
in_bash() {
    expected=$1
    shift
    prints "$expected" bash "$scratch/in_bash" "$completions/cnntrain.bash" "$@"
}
registers() { prints "complete -o nospace -F _cnntrain cnntrain" bash -c ". $completions/cnntrain.bash; complete -p cnntrain"; }

if command -v bash >/dev/null; then
    check "bash: registers" registers
    check "bash: a command" in_bash '<train >' 'cnntrain tra' cnntrain tra
    check "bash: an option" in_bash '<--epochs >' 'cnntrain train --ep' cnntrain train --ep
    check "bash: a word split at a colon" in_bash '<some\ pictures/>' 'cnntrain data folder:so' cnntrain data folder : so
    check "bash: a word that ends in a colon" in_bash '<some\ pictures/>' 'cnntrain data folder:' cnntrain data folder :
    check "bash: a word that is not split" in_bash '<svhn:>' 'cnntrain data svh' cnntrain data svh
    check "bash: words split at =" in_bash '<SGD >' 'cnntrain train --set training.optimizer=SG' \
        cnntrain train --set training.optimizer = SG
    check "bash: an option with its value" in_bash '<sep_avg.json ><sep_max.json >' 'cnntrain train --config=sep_' \
        cnntrain train --config = sep_
    check "bash: a new word behind a space" in_bash '<--epochs >' 'cnntrain train x: --ep' cnntrain train x : --ep
    check "bash: without the line" in_bash '<train >' '' cnntrain tra
else
    skip "bash"
fi

# ---- zsh ----

# in_zsh EXPECTED WORD...: what it hands to compadd, whole words in <>, others in ().
cat >"$scratch/in_zsh" <<'END'
file=$1
shift
words=("$@") CURRENT=$#
compadd() {
    local list=${@[-1]}
    if [[ $1 == -S ]]; then print -rn -- "(${(j:)(:)${(P)list}})"; else print -rn -- "<${(j:><:)${(P)list}}>"; fi
}
. $file
print
END
in_zsh() {
    expected=$1
    shift
    prints "$expected" zsh -f "$scratch/in_zsh" "$completions/_cnntrain" "$@"
}
if command -v zsh >/dev/null; then
    check "zsh: a command" in_zsh '<train>' cnntrain tra
    check "zsh: a word that goes on" in_zsh '(training.optimizer=)' cnntrain train --set training.opt
    check "zsh: a quoted word" in_zsh '(folder:some pictures/)' cnntrain data 'folder:some\ p'
    check "zsh: an empty word" in_zsh '<keras2><keras3>' cnntrain summary --style ''
else
    skip "zsh"
fi

# ---- fish ----

in_fish() {
    expected=$1
    prints "$expected" fish --no-config -c "source $completions/cnntrain.fish; complete -C '$2'"
}
if command -v fish >/dev/null; then
    HOME=$scratch
    export HOME
    check "fish: a command with its meaning" in_fish "train	train one model" "cnntrain tra"
    check "fish: an option" in_fish "--epochs	passes over the training set" "cnntrain train --ep"
    check "fish: data" in_fish "folder:some pictures/" "cnntrain data folder:so"
else
    skip "fish"
fi
finish
