/* For scripts/coverage: a child process that ends by _exit counts, too. Linked with --wrap=_exit. */
#include <gcov.h>

_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);

_Noreturn void __wrap__exit(int code) {
    __gcov_dump();
    __real__exit(code);
}
