/* A run's folder as `watch` looks at it; the first byte tells which of its files the rest is. */
#include <stdlib.h>
#include <string.h>

#include "core/run_watch.h"
#include "tests/fuzz/support/fuzz.h"

static void write_text(const char *name, const char *text) {
    fuzz_write(name, text, strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"config.json", "history.csv", "metrics.json", "log.txt"};
    struct error error = {0};
    struct watched_run run;
    if (size == 0) return 0;
    const int chosen = data[0] % 4;
    write_text("config.json", "{\"name\": \"tiny\", \"training\": {\"epochs\": 3}}");
    write_text("history.csv", "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds,images_per_second\n"
                              "1,0.5,0.9,,,0.001,1.000,100.0\n");
    write_text("log.txt", "ended: interrupted\n");
    fuzz_remove("metrics.json");
    char *folder = strdup(fuzz_write(names[chosen], data + 1, size - 1));
    if (!folder) fuzz_fail("no memory");
    *strrchr(folder, '/') = '\0';
    const int status = watched_is_run(folder, &error) > 0 ? watched_read(folder, &run, &error) : -1;
    fuzz_check(status, &error);
    if (status == 0) {
        if (!watched_state_name(run.state)) fuzz_fail("a state without a name");
        if (strlen(run.name) >= sizeof run.name) fuzz_fail("a name without end");
        watched_free(&run);
    }
    free(folder);
    return 0;
}
