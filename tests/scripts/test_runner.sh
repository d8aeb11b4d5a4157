#!/bin/sh
# tests/run counts what test programs say and believes none that fails, crashes or says nothing.
set -eu
. tests/scripts/lib.sh

# fake NAME EXIT LINE...: a program that prints these lines.
fake() {
    file=$scratch/$1
    code=$2
    shift 2
    {
        echo '#!/bin/sh'
        [ $# -eq 0 ] || printf "echo '%s'\n" "$@"
        echo "$code"
    } >"$file"
    chmod +x "$file"
}

fake good "exit 0" '[==========] Running 3 test(s).' '[  PASSED  ] 2 test(s).' '[  SKIPPED ] 1 test(s), listed below:' \
    '[  SKIPPED ] name'
fake two_groups "exit 0" '[==========] first: Running 3 test(s).' '[  PASSED  ] 3 test(s).' \
    '[==========] second: Running 4 test(s).' '[  PASSED  ] 4 test(s).'
fake bad "exit 1" '[==========] Running 3 test(s).' '[  PASSED  ] 2 test(s).' '[  FAILED  ] 1 test(s), listed below:' \
    '[  FAILED  ] name' 'what it said'
fake denies "exit 0" '[==========] Running 1 test(s).' '[  PASSED  ] 0 test(s).' '[  FAILED  ] 1 test(s), listed below:'
fake empty "exit 0"
fake none "exit 0" '[==========] Running 0 test(s).' '[  PASSED  ] 0 test(s).'
fake early "exit 0" '[==========] Running 3 test(s).' '[       OK ] name'
fake leaks "exit 23" '[==========] Running 1 test(s).' '[  PASSED  ] 1 test(s).'
# shellcheck disable=SC2016 # the inner shell's dollars
fake crashes 'kill -SEGV $$' '[==========] Running 2 test(s).'
fake hangs "sleep 60" '[==========] Running 1 test(s).'
fake skips "exit 0" '[==========] Running 1 test(s).' '[  PASSED  ] 0 test(s).' '[  SKIPPED ] 1 test(s), listed below:'

# gives SUMS EXIT PROGRAM...: whether tests/run ends with these sums and that exit code.
gives() (
    sums=$1 code=$2
    shift 2
    cd "$scratch"
    exits "$code" "$runner" "$@" >"$scratch/said"
    cat "$scratch/said"
    [ "$(tail -n 1 "$scratch/said")" = "$sums" ]
)
runner=$PWD/tests/run

check "passed and skipped" gives "2 passed, 0 failed, 1 skipped" 0 ./good
check "sums over groups and programs" gives "9 passed, 0 failed, 1 skipped" 0 ./good ./two_groups
check "a failed test" gives "4 passed, 1 failed, 1 skipped" 1 ./good ./bad
check "shows what a failing program said" grep -qx '    what it said' "$scratch/said"
check "exit code 0 in spite of a failed test" gives "0 passed, 2 failed, 0 skipped" 1 ./denies
check "a program that says nothing" gives "2 passed, 1 failed, 1 skipped" 1 ./empty ./good
check "a program without tests" gives "2 passed, 1 failed, 1 skipped" 1 ./none ./good
check "a program that ends early" gives "0 passed, 1 failed, 0 skipped" 1 ./early
check "a failure outside the tests" gives "1 passed, 1 failed, 0 skipped" 1 ./leaks
check "a crash" gives "0 passed, 1 failed, 0 skipped" 1 ./crashes
hangs() (
    export TEST_TIMEOUT=1
    gives "0 passed, 1 failed, 0 skipped" 1 ./hangs
)
check "a program that hangs" hangs
check "a program that is not there" gives "0 passed, 1 failed, 0 skipped" 1 ./missing
check "nothing to run" gives "0 passed, 0 failed, 0 skipped" 1
check "nothing but skipped tests" gives "0 passed, 0 failed, 1 skipped" 1 ./skips
finish
