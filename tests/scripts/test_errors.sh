#!/bin/sh
# Provokes the messages of tests/errors/cases and compares them, as a page, with docs/errors.md.
# tests/scripts/test_errors.sh --write writes the page (make errors); --try FILE shows what the cases in FILE provoke.
set -eu
. tests/scripts/lib.sh
root=$PWD
cases=$PWD/tests/errors/cases
[ "${1-}" != --try ] || cases=$(realpath "$2")
mkdir -p "$scratch/bin" "$scratch/base"
ln -s "$(realpath "$program")" "$scratch/bin/cnntrain"
PATH=$scratch/bin:$PATH
CNNTRAIN_DATA=
TERM=dumb
export PATH CNNTRAIN_DATA TERM
unset OMP_NUM_THREADS CNNTRAIN_CPU

# ---- what the cases have to work with ----

cd "$scratch/base"
cat >tiny.json <<'END'
{
  "name": "tiny",
  "data": {"source": "synth", "path": "40,10"},
  "model": ["Flatten", {"type": "Dense", "units": 10, "activation": "softmax"}],
  "training": {"epochs": 1}
}
END
mkdir empty
cnntrain data synth:20,0 --export digits -q
cnntrain train tiny.json --out run -q >/dev/null 2>&1
# shellcheck source=tests/errors/tools.sh
. "$root/tests/errors/tools.sh"
array x.npy '|u1' False '(1, 2, 2)' 1234
array y.npy '|u1' False '(1,)' "$(printf '\1')"
cnntrain data npy:x.npy,y.npy --export gray -q
mv gray/train/*/*.png gray.png
rm -r gray
echo gray.png,1 >gray.csv
mkdir runs
rm run/*.html run/*.md run/*.svg run/*.png
cp -r run runs/one
cp -r run paused
rm paused/metrics.json
cp -r run broken
edit broken/last.safetensors ''
put broken/last.safetensors $(($(wc -c <broken/last.safetensors) - 122960)) '\0\0\300\177'
cp broken/last.safetensors broken/best.safetensors
rm broken/metrics.json
cp "$root"/tests/golden/exchange/mixed.keras "$root"/tests/golden/exchange/mixed.h5 .
cp "$root"/tests/golden/exchange/keras2-weights.h5 "$root"/tests/golden/exchange/torch-sequential.safetensors .

# ---- the page ----

# provoke CODE COMMAND: the message, in a folder as described above, without what differs from machine to machine.
provoke() {
    # Commands that are refused leave nothing behind; those that write files first get a folder of their own.
    case $2 in
        cnntrain*) [ ! -e "$scratch/work/.changed" ] || rm -rf "$scratch/work" ;;
        *) rm -rf "$scratch/work" ;;
    esac
    [ -d "$scratch/work" ] || cp -r "$scratch/base" "$scratch/work"
    cd "$scratch/work"
    case $2 in cnntrain*) ;; *) : >.changed ;; esac
    code=0
    sh -c ". $root/tests/errors/tools.sh; $2" >/dev/null 2>"$scratch/stderr" </dev/null || code=$?
    message=$(sed -n 's/^error: //p' "$scratch/stderr" | awk '{ printf "%s%s", (NR > 1 ? "<br>" : ""), $0 }' |
        sed "s,$scratch/work/,,g; s,$root/,,g; s/here or in [^;]*;/here or in FOLDERS;/; s/ or in [^;]*configs;/ or in FOLDERS;/; s/processor have; here: .*/processor have; here: KINDS/")
    if [ "$code" -ne "$1" ] || [ -z "$message" ]; then
        message="NOT PROVOKED (exit code $code): $message"
        echo "exit code $code, expected $1: $2" >>"$scratch/wrong"
    fi
    printf '%s\t%s\t%s\n' "$1" "$message" "$2"
}

: >"$scratch/wrong"
section=
while IFS='	' read -r code command; do
    case $code in
        '## '*) section=${code#'## '} ;;
        '') ;;
        *) printf '%s\t%s\n' "$section" "$(provoke "$code" "$command")" ;;
    esac
done <"$cases" >"$scratch/messages"
cd "$root"

# Rows of one exit code, below the sections of the cases.
rows() {
    awk -F '\t' -v wanted="$1" '
        function cell(text) { gsub(/\|/, "\\|", text); return text }
        $2 == wanted {
            if ($1 != section) printf "\n### %s\n\n| message | after |\n| --- | --- |\n", $1
            section = $1
            printf "| %s | `` %s `` |\n", cell($3), cell($4)
        }' "$scratch/messages"
}

page() {
    cat <<'END'
# Errors

A message says where (a file, a key of the config, an option), what was found there, and what to do. It is one line on
standard error that begins with `error:`, and the program ends with one of these codes:

| code | when |
| --- | --- |
| 0 | done |
| 1 | the run failed |
| 2 | wrong usage or config |
| 3 | something is wrong with the data |
| 4 | a file could not be read or written |
| 5 | the loss is not finite any more |
| 130 | interrupted; a training that had begun has a checkpoint |

The tables below are made by a test that provokes every message in them (`make errors` writes this page anew). Files are
those of the test: `tiny.json` is a config, `run` the folder of a run, `paused` one that is not finished, `broken` one whose
weights are not finite, `digits` a folder of pictures of 32 x 32 x 3, `gray.png` one of 2 x 2 x 1, `x.npy` and `y.npy` the same as
arrays, `mixed.keras`, `mixed.h5` and `keras2-weights.h5` files of Keras, `torch-sequential.safetensors` one of PyTorch, `empty` an
empty folder. `array`, `mat`, `png`, `tensors` and others that are no commands write files byte by byte (`tests/errors/tools.sh`).
FOLDERS and KINDS stand for what differs from machine to machine.

## 2: wrong usage or config
END
    rows 2
    printf '\n## 3: something is wrong with the data\n'
    rows 3
    printf '\n## 4: a file could not be read or written\n'
    rows 4
    cat <<'END'

Where the system refuses something, its own words stand at the end, as in `cannot open the file: Permission denied`. The
program may say so of each of these:

END
    grep -rhoE 'error_set_errno\([^;]*"[a-z][^"]*"\)' core data layers cmd | grep -oE '"[^"]*"\)$' | tr -d '")' | sort -u |
        sed 's/.*/- cannot &/'
    printf '\n## 5: the loss is not finite any more\n'
    rows 5
    cat <<'END'

## 1: the run failed

No input provokes these: there is not enough memory (`not enough memory for the images`, and so on for everything that
takes memory; exit code 1 and nothing damaged), no process or thread can be started, or a process of a batch of runs was
killed. Smaller batches (`--batch-size`), fewer threads (`--threads`) or fewer runs at a time (`--jobs`) need less.

## 130: interrupted

Ctrl-C, SIGTERM and a closed terminal end a training at its next step. The message says in which epoch, and that a
checkpoint is written; the line after it is the command that goes on. While data are loaded, and in commands that only
look or convert, the program ends at once and says that nothing was written, or that no file is left half written.

## Messages that no command above provokes

Each stands here as the sources have it (`%s` and the like are filled in), below the reason why no input of a test brings it
about.
END
    awk '/^## / { sub(/^## /, ""); printf "\n%s:\n\n", $0; next } NF { sub(/^/, "- `` "); sub(/$/, " ``"); print }' \
        "$root/tests/errors/unprovoked"
}

if [ "${1-}" = --try ]; then
    cut -f 2- "$scratch/messages"
    exit 0
fi
page >"$scratch/errors.md"
provoked() {
    cat "$scratch/wrong"
    [ ! -s "$scratch/wrong" ]
}

# Each message of the sources is provoked by a case, or listed with the reason why not.
every_message() {
    sources=$(find cmd core data layers -name '*.[ch]' | LC_ALL=C sort)
    # shellcheck disable=SC2086 # a list of files
    awk -f tests/errors/texts.awk $sources >"$scratch/texts"
    cut -f 3 "$scratch/messages" >"$scratch/said"
    awk -f tests/errors/unprovoked.awk "$scratch/said" tests/errors/unprovoked "$scratch/texts" >"$scratch/amiss"
    cat "$scratch/amiss"
    [ -s "$scratch/texts" ] && [ ! -s "$scratch/amiss" ]
}
if [ "${1-}" = --write ]; then
    cp "$scratch/errors.md" docs/errors.md
    cat "$scratch/wrong"
    every_message || true
    exit 0
fi
check "every case ends with its code and a message" provoked
check "every message is provoked, or an exception with a reason" every_message
check "docs/errors.md is what the program says (make errors)" diff -u docs/errors.md "$scratch/errors.md"
finish
