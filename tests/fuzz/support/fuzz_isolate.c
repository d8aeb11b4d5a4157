#include "tests/fuzz/support/fuzz_isolate.h"

#include <hdf5.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/isolate.h"
#include "core/text.h"
#include "tests/fuzz/support/fuzz.h"

/* The linker puts these in the places of isolate and isolate_send. */
int __real_isolate(const struct isolated_work *work, char **bytes, size_t *length, struct error *error);
bool __real_isolate_send(const void *bytes, size_t length);
int __wrap_isolate(const struct isolated_work *work, char **bytes, size_t *length, struct error *error);
bool __wrap_isolate_send(const void *bytes, size_t length);

static struct {
    bool inside, once, known;
    struct text sent; /* by the work that runs in this process */
    /* What the input's work came to, where `known`. */
    int status;
    char *bytes;
    size_t length;
    struct error error;
} now;

void fuzz_isolate_inside(void) {
    now.inside = true;
}

void fuzz_isolate_once(void) {
    now.once = true;
    now.known = false;
    free(now.bytes);
    now.bytes = NULL;
    now.error = (struct error){0};
}

bool __wrap_isolate_send(const void *bytes, size_t length) {
    if (!now.inside) return __real_isolate_send(bytes, length);
    text_add_bytes(&now.sent, bytes, length);
    return !now.sent.failed;
}

static int run_inside(const struct isolated_work *work, char **bytes, size_t *length, struct error *error) {
    now.sent = (struct text){0};
    text_add(&now.sent, "");
    const int status = work->run(work->context, error);
    H5close(); /* what is left open */
    if (status == 0 && now.sent.length > work->most) fuzz_fail("more was sent than is allowed");
    if (status != 0) text_free(&now.sent);
    *bytes = now.sent.bytes;
    *length = now.sent.length;
    return status;
}

static int tell(char **bytes, size_t *length, struct error *error) {
    *bytes = NULL;
    *length = now.length;
    if (now.status != 0) return error_set(error, now.error.code, now.error.path, "%s", now.error.message);
    *bytes = (char *)fuzz_text((const uint8_t *)now.bytes, now.length);
    return 0;
}

/* In the process that works: libFuzzer holds its crash for a finding, but it is what the process is there for. */
static int run_quietly(void *context, struct error *error) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM, SIGXCPU};
    const struct isolated_work *work = context;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
    return work->run(work->context, error);
}

static int run(const struct isolated_work *work, char **bytes, size_t *length, struct error *error) {
    if (now.inside) return run_inside(work, bytes, length, error);
    struct isolated_work quiet = *work;
    quiet.run = run_quietly;
    quiet.context = (void *)(uintptr_t)work;
    if (now.once) quiet.seconds = 1; /* some damaged files make libhdf5 run in circles */
    return __real_isolate(&quiet, bytes, length, error);
}

int __wrap_isolate(const struct isolated_work *work, char **bytes, size_t *length, struct error *error) {
    if (!now.once) return run(work, bytes, length, error);
    if (!now.known) now.status = run(work, &now.bytes, &now.length, &now.error);
    now.known = true;
    return tell(bytes, length, error);
}
