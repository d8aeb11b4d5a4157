/* What scripts/tsan tries its tool on: work of an engine's threads that races, or that one loop leaves to the next.
 * Usage: race racing|ordered. */
#include <stdio.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/tiny.h"

enum { PARTS = 64 };

static void count_together(void *context, int part) {
    int *count = context;
    *count += part;
}

static void fill(void *context, int part) {
    int *cells = context;
    cells[part] = part;
}

/* Reads what another thread wrote in the loop before. */
static void turn_around(void *context, int part) {
    int *cells = context;
    cells[PARTS + part] = cells[PARTS - 1 - part];
}

int main(int argc, char **argv) {
    struct tiny_setup setup = {.model = tiny_model, .train = 8, .validation = 8, .test = 8, .threads = 2};
    struct tiny tiny;
    int cells[2 * PARTS] = {0};
    if (argc != 2) return 2;
    tiny_open(&tiny, &setup);
    if (strcmp(argv[1], "racing") == 0) {
        engine_parallel(tiny.engine, PARTS, count_together, cells);
    } else {
        engine_parallel(tiny.engine, PARTS, fill, cells);
        engine_parallel(tiny.engine, PARTS, turn_around, cells);
    }
    printf("%d\n", cells[0] + cells[PARTS]); /* the results are used */
    tiny_close(&tiny);
    return 0;
}
