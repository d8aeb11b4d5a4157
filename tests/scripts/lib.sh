# Sourced by test scripts: counts checks and reports them as cmocka does, for tests/run.
# shellcheck shell=sh

# A make that a test calls keeps the variables of the one that called the test (BUILD, CFLAGS), not its job slots.
MAKEFLAGS=$(echo "${MAKEFLAGS-}" | sed 's/ *--jobserver-[a-z]*=[^ ]*//; s/ *-j[0-9]*//')
export MAKEFLAGS
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
# shellcheck disable=SC2034 # for the scripts
program=${CNNTRAIN_PROGRAM:-build/cnntrain}

checked=0 failed=0 skipped=0

# check NAME COMMAND...: one test, which passes where the command succeeds.
check() {
    name=$1
    shift
    checked=$((checked + 1))
    if "$@" >"$scratch/.output" 2>&1 </dev/null; then
        echo "[       OK ] $name"
    else
        echo "[  FAILED  ] $name (exit code $?)"
        sed 's/^/    /' "$scratch/.output"
        failed=$((failed + 1))
    fi
}

skip() {
    checked=$((checked + 1))
    skipped=$((skipped + 1))
    echo "[  SKIPPED ] $1"
}

# exits CODE COMMAND...: whether the command ends with that code.
exits() {
    expected=$1
    shift
    code=0
    "$@" || code=$?
    [ "$code" -eq "$expected" ] || {
        echo "exit code $code, expected $expected: $*"
        return 1
    }
}

# prints TEXT COMMAND...: whether a line of its output is TEXT, whatever its exit code.
prints() {
    expected=$1
    shift
    "$@" >"$scratch/.printed" 2>&1 || true
    grep -qxF -- "$expected" "$scratch/.printed" || {
        echo "no line '$expected' in:"
        cat "$scratch/.printed"
        return 1
    }
}

# The last line of every test script.
finish() {
    echo "[==========] Running $checked test(s)."
    echo "[  PASSED  ] $((checked - failed - skipped)) test(s)."
    [ "$skipped" -eq 0 ] || echo "[  SKIPPED ] $skipped test(s)."
    [ "$failed" -eq 0 ] || echo "[  FAILED  ] $failed test(s)."
    [ "$failed" -eq 0 ]
}
