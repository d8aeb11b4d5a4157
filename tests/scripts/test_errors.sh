#!/bin/sh
# Provokes the messages of tests/errors/cases and compares them, as a page, with docs/errors.md.
# tests/scripts/test_errors.sh --write writes the page (make errors).
set -eu
. tests/scripts/lib.sh
root=$PWD
cases=$PWD/tests/errors/cases
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
cat >"$scratch/bin/array" <<'END'
#!/bin/sh
# array FILE TYPE FORTRAN_ORDER SHAPE BYTES: a .npy file with these bytes.
{
    printf '\223NUMPY\1\0v\0'
    printf '%-117s\n' "{'descr': '$2', 'fortran_order': $3, 'shape': $4, }"
    printf '%s' "$5"
} >"$1"
END
chmod +x "$scratch/bin/array"
array x.npy '|u1' False '(1, 2, 2)' 1234
array y.npy '|u1' False '(1,)' "$(printf '\1')"
cnntrain data npy:x.npy,y.npy --export gray -q
mv gray/train/*/*.png gray.png
rm -r gray
echo gray.png,1 >gray.csv
mkdir runs
cp -r run runs/one

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
    sh -c "$2" >/dev/null 2>"$scratch/stderr" </dev/null || code=$?
    message=$(sed -n 's/^error: //p' "$scratch/stderr" | head -n 1 |
        sed "s,$scratch/work/,,g; s,$root/,,g; s/here or in [^;]*;/here or in FOLDERS;/; s/ or in [^;]*configs;/ or in FOLDERS;/")
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
those of the test: `tiny.json` is a config, `run` the folder of a run, `digits` a folder of pictures of 32 x 32 x 3, `gray.png` one
of 2 x 2 x 1, `empty` an empty folder; `array` writes a .npy file of the type, order, shape and bytes that follow its name.
FOLDERS stands for the places where configs are looked for.

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
killed. What only a library or another program can bring about, such as damage deep inside a file, is left to the tests of each part. Smaller batches (`--batch-size`), fewer threads (`--threads`) or fewer runs at a time (`--jobs`) need less.

## 130: interrupted

Ctrl-C, SIGTERM and a closed terminal end a training at its next step. The message says in which epoch, and that a
checkpoint is written; the line after it is the command that goes on. While data are loaded, and in commands that only
look or convert, the program ends at once and says that nothing was written, or that no file is left half written.
END
}

page >"$scratch/errors.md"
if [ "${1-}" = --write ]; then
    cp "$scratch/errors.md" docs/errors.md
    cat "$scratch/wrong"
    exit 0
fi
provoked() {
    cat "$scratch/wrong"
    [ ! -s "$scratch/wrong" ]
}
check "every case ends with its code and a message" provoked
check "docs/errors.md is what the program says (make errors)" diff -u docs/errors.md "$scratch/errors.md"
finish
