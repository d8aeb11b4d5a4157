#!/bin/sh
# Calls that fail, full disks and closed outputs, a sample of them; scripts/torture-faults takes them all.
set -eu
. tests/scripts/lib.sh

if [ ! -e "${FAULTS_LIBRARY:=$(dirname "$program")/tests/faults/preload.so}" ]; then
    skip "calls that fail: $FAULTS_LIBRARY is not built"
    finish
    exit
fi
export FAULTS_LIBRARY

# The sanitizers bring an allocator that has to be the first of all libraries.
if grep -q __asan_init "$program"; then
    skip "calls that fail: not with the address sanitizer"
    finish
    exit
fi

check "a library that fails calls, fails them" exits 4 env LD_PRELOAD="$FAULTS_LIBRARY" FAULTS_CLASS=open FAULTS_AT=1 \
    FAULTS_ERRNO=5 "$program" config configs/base.json

sample() { check "$1: $2 fails ($3${4:+, $4})" tests/faults/sweep "$@"; }
sample train memory 12 once 193
sample resume memory 12 once 257
sample experiments memory 12 once 1999
sample predict memory 12 once 83
sample visualize memory 12 once 307
sample visualize write 28 once 3
sample data_sheet memory 12 once 149
sample convert_onnx memory 12 once 97
sample convert_modules memory 12 once 61
sample convert_c memory 12 once 127
check "convert_c: the last allocations fail" env FROM=-150 tests/faults/sweep convert_c memory 12
check "train --json: the last allocations fail" env FROM=-40 tests/faults/sweep torch_weights memory 12
sample convert_c rename 5
sample config memory 12 once 17
sample init memory 12 once 23
sample init_data memory 12 once 12
sample data_export write 28
sample data_export open 24 once 2
sample layers memory 12 once 5
sample convert_keras memory 12 each 487
sample convert_torch memory 12 once 311
sample foreign_h5 memory 12 each 61
sample foreign_keras memory 12 each 97
sample foreign_keras process 11
sample foreign_keras read 5 each
sample foreign_h5 write 5 each
sample data_folder memory 12 once 5
sample train thread 11
sample train open 24 once 3
sample train write 28 once 19
sample train write 28 always 23
sample train write 28 short 19
sample train sync 5 once 5
sample train rename 5 once 3
sample train close 5 once 5
sample train folder 28
sample resume status 5 once 2
sample resume list 5
sample jobs process 11 once 5
sample evaluate read 5
sample data_cifar list 5
sample data_folder status 5
sample data_idx read 5
sample data_svhn read 4
sample watch memory 12 once 41
sample watch_batch list 5
sample lr_find memory 12 once 97
sample lr_find write 28
sample tensorboard open 24 once 7
sample tensorboard folder 28
check "full disks, read-only folders, closed outputs, limits" tests/faults/storage 20
finish
