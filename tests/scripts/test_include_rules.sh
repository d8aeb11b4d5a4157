#!/bin/sh
# scripts/check-includes finds each kind of breach and nothing else.
set -eu
. tests/scripts/lib.sh
rules=$PWD/scripts/check-includes

# tree FILE LINE...: a source tree of one file with these lines, beside an innocent one.
tree() {
    rm -rf "$scratch/tree"
    mkdir -p "$scratch/tree/core/kernels" "$scratch/tree/core/report" "$scratch/tree/core/interop" \
        "$scratch/tree/layers" "$scratch/tree/data" "$scratch/tree/cmd"
    cd "$scratch/tree"
    printf '#include "core/a.h"\n#include "layers/b.h"\nint main(void) { return printf("x"); }\n' >cmd/main.c
    file=$1
    shift
    printf '%s\n' "$@" >"$file"
}

accepts() (tree "$@" && exits 0 "$rules")

# rejects MESSAGE FILE LINE...
rejects() (
    message=$1
    shift
    tree "$@"
    if "$rules" >"$scratch/found" 2>&1; then
        echo "accepted: $*"
        return 1
    fi
    prints "$message" cat "$scratch/found"
)

check "its own room and the rooms below" accepts layers/c.c '#include "core/layer.h"' '#include "layers/x.h"' \
    '#include "core/kernels/kernels.h"' '#include <stdio.h>'
check "words in comments and strings" accepts core/c.c '/* printf( exit(' '#pragma omp */ int f(void); // getenv("x")' \
    'const char *s = "printf(\" exit(1)"; char q = '\''"'\''; int snprintf(void), on_exit_code, stdout_fd;'
check "kernels stand alone" rejects "core/kernels/k.c:2: core/kernels may not include core (core/error.h)" \
    core/kernels/k.c '#include <math.h>' '#include "core/error.h"'
check "core knows no layer" rejects "core/m.c:1: core may not include layers (layers/conv2d.h)" \
    core/m.c '#include "layers/conv2d.h"'
check "layers know no data" rejects "layers/l.c:1: layers may not include data (data/synth.h)" \
    layers/l.c '#include "data/synth.h"'
check "data know no commands" rejects "data/d.c:1: data may not include cmd (cmd/x.h)" data/d.c '#include "cmd/x.h"'
check "core does not stand on reports" rejects "core/m.c:1: core may not include core/report (core/report/table.h)" \
    core/m.c '#include "core/report/table.h"'
check "runs stand on reports" accepts core/run.h '#include "core/report/table.h"' '#include "core/interop/safetensors.h"'
check "reports do not stand on runs" rejects "core/report/r.c:1: core/report may not include runs (core/run.h)" \
    core/report/r.c '#include "core/run.h"'
check "files and children" accepts core/run.c 'fprintf(log, "x");' '_exit(1);'
check "includes carry their path" rejects 'layers/l.c:1: include "x.h" by its path from the repository root' \
    layers/l.c '#include "x.h"'
check "OpenMP outside the engine" rejects "layers/l.c:2: OpenMP pragmas stand in core/engine.c only" \
    layers/l.c '' '#pragma omp parallel for'
check "OpenMP in the engine" accepts core/engine.c '#pragma omp parallel'
for call in 'printf("x");' 'exit(1);' 'x = getenv("HOME");' 'perror("x");' 'puts ("x");'; do
    check "below cmd/: $call" rejects "core/m.c:1: only cmd/ prints, exits or reads the environment" core/m.c "$call"
done
check "the terminal" rejects "data/d.c:1: only cmd/ knows the terminal" data/d.c 'fputs("x", stderr);'

circle() (
    tree core/a.h '#include "core/b.h"'
    echo '#include "core/c.h"' >core/b.h
    printf '\n#include "core/a.h"\n' >core/c.c
    touch core/c.h
    "$rules" >"$scratch/found" 2>&1 && return 1
    cat "$scratch/found"
    [ "$(wc -l <"$scratch/found")" -eq 1 ] && grep -q ': a circle: core/[abc] -> core/[abc] -> core/[abc] -> core/[abc]$' "$scratch/found"
)
check "a circle through a source file" circle
check "the project itself" "$rules"
finish
