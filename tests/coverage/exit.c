/* For scripts/coverage: a child process that ends by _exit counts, too. Linked with --wrap=_exit. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <gcov.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);

/* Where tests/faults/preload.c lets calls fail, those that write the counts must not: the file would lose all it has.
 */
static void let_nothing_fail(void) {
    bool (*disarm)(size_t * leaked, char *place, size_t size) = NULL;
    void *found = dlsym(RTLD_DEFAULT, "faults_disarm");
    size_t leaked = 0;
    char place[64];
    memcpy(&disarm, &found, sizeof disarm);
    if (disarm) disarm(&leaked, place, sizeof place);
}

_Noreturn void __wrap__exit(int code) {
    let_nothing_fail();
    __gcov_dump();
    __real__exit(code);
}
