/* history.csv, as --resume reads it: read, written, read back to the same. */
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/history.h"
#include "tests/fuzz/support/fuzz.h"

static char *rewrite(const char *path, struct history *history) {
    struct error error = {0};
    char *bytes = NULL;
    size_t length = 0;
    fuzz_check(history_write(path, history, &error), &error);
    fuzz_check(file_read(path, 1 << 26, &bytes, &length, &error), &error);
    history_free(history);
    if (!bytes) fuzz_fail("no history was written");
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    struct history history;
    const char *path = fuzz_write("history.csv", data, size);
    int status = history_read(path, &history, &error);
    fuzz_check(status, &error);
    if (status != 0) return 0;
    char *first = rewrite(path, &history);
    fuzz_check(history_read(path, &history, &error), &error);
    char *second = rewrite(path, &history);
    if (strcmp(first, second) != 0) fuzz_fail("a history that changes when it is read again");
    free(first);
    free(second);
    return 0;
}
