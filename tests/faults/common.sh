# Sourced by tests/faults/sweep and tests/faults/storage, from the root of the repository: a scene in a scratch folder,
# and what must hold after a failure.
# shellcheck shell=sh disable=SC2154 # $scene, $n and $code come from the script

root=$PWD
program=$(realpath "${CNNTRAIN_PROGRAM:-$root/build/cnntrain}")
library=$(realpath "${FAULTS_LIBRARY:-$(dirname "$program")/tests/faults/preload.so}") || exit 1
[ -e "$library" ] || { echo "$library is missing: make $library" >&2 && exit 1; }
. tests/faults/scenes.sh

scratch=$(mktemp -d) || exit 1
trap 'cd / && umount "$scratch/work" 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
unset CNNTRAIN_DATA CNNTRAIN_CPU NO_COLOR OMP_NUM_THREADS
export TERM=dumb OMP_WAIT_POLICY=passive

has() { command -v "$1" >/dev/null; }
again() {
    if has "${scene}_again"; then "${scene}_again"; else "${scene}_run" env >"$scratch/out"; fi
}
result() {
    if has "${scene}_result"; then
        "${scene}_result"
    elif has "${scene}_view"; then
        "${scene}_view" <"$scratch/out"
    else
        cat "$scratch/out"
    fi
}

# The scene's files in $scratch/template, and in $scratch/expected what it gives undisturbed.
prepare() {
    rm -rf "$scratch/template" && mkdir "$scratch/template"
    cd "$scratch/template" && "${scene}_begin" >"$scratch/log" 2>&1 || {
        cat "$scratch/log"
        echo "$scene: cannot be prepared"
        exit 1
    }
    fresh
    "${scene}_run" env >"$scratch/out" 2>"$scratch/err" || {
        cat "$scratch/err"
        echo "$scene: fails undisturbed"
        exit 1
    }
    result >"$scratch/expected"
}
# The working folder as the scene begins with it.
fresh() {
    cd "$scratch" && rm -rf work report && cp -R template work && cd work || exit 1
}

wrongs=0 ran=0
wrong() {
    wrongs=$((wrongs + 1))
    echo "$scene: $n: $*"
    if [ -n "${V-}" ]; then sed 's/^/    /' "$scratch/err"; fi
}

# One sentence "error: ..." that names a file, an option, what the memory was for, or how much.
says_why() {
    [ "$(grep '^error: ' "$scratch/err" | grep -vc 'pictures could not be read$')" -eq 1 ] &&
        grep -Eq '^error: ([^ ]+: .{12,}|not enough memory (for .{4,}|\([0-9]+ bytes\))|cannot .{8,})' "$scratch/err"
}
temporaries() { find . -type f | grep -E '\.tmp[A-Za-z0-9]{6}$'; }

# Files that were there are as they were, or the whole new ones.
check_old_files() {
    [ -d whole ] || return
    for file in $(cd whole && find . -type f); do
        cmp -s "$file" "whole/$file" || cmp -s "$file" "$scratch/template/$file" || wrong "damages $file"
    done
}

# The lines of standard error in $errors; those that were good once need not be looked at again.
good_errors='|'
check_errors() {
    errors=
    while read -r line; do errors="$errors$line
"; done <"$scratch/err"
    case $good_errors in
        *"|$errors|"*) ;;
        *) if says_why; then good_errors="$good_errors$errors|"; else wrong "says $(tr '\n' '|' <"$scratch/err")"; fi ;;
    esac
}

# After a run that ended with $code: 0 with the whole result, or the exit code $1, one sentence, nothing left over, and
# a way to go on: where no file was $changed, there is nothing to prove.
changed=1
check_outcome() {
    if [ "$code" -ne 0 ]; then
        [ "$code" -eq "$1" ] || wrong "exit code $code"
        check_errors
        [ "$changed" -eq 1 ] || return
        [ -z "$(temporaries)" ] || wrong "leaves $(temporaries)"
        check_old_files
        again >"$scratch/log" 2>&1 || wrong "cannot be repeated: $(tr '\n' '|' <"$scratch/log")"
    fi
    result >"$scratch/result" 2>&1
    cmp -s "$scratch/expected" "$scratch/result" && return
    wrong "exit code $code and another result"
    [ -z "${V-}" ] || diff "$scratch/expected" "$scratch/result"
}
