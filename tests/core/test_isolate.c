/* Work in a process of its own: what it sends, what it says went wrong, and how it may end. */
#include "core/isolate.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "tests/support/sanitizers.h"

static int attempt(int (*run)(void *context, struct error *error), void *context, char **bytes, size_t *length,
                   struct error *error) {
    const struct isolated_work work = {.path = "file",
                                       .run = run,
                                       .context = context,
                                       .memory = 1 << 26,
                                       .seconds = 1,
                                       .most = 1 << 20,
                                       .blame = ERROR_DATA,
                                       .meaning = "the file is damaged"};
    *error = (struct error){0};
    return isolate(&work, bytes, length, error);
}

static void expect_failure(int (*run)(void *context, struct error *error), enum error_code code, const char *message) {
    struct error error;
    char *bytes = NULL;
    size_t length = 0;
    assert_int_equal(attempt(run, NULL, &bytes, &length, &error), -1);
    expect_error(&error, code, message);
    assert_null(bytes);
}

static int send_a_megabyte(void *context, struct error *error) {
    (void)error;
    char *bytes = malloc(1 << 20);
    memset(bytes, *(const char *)context, 1 << 20);
    *(char *)context = 'x';
    const bool sent = isolate_send(bytes, 1 << 19) && isolate_send(bytes, 1 << 19);
    free(bytes);
    return sent ? 0 : -1;
}

static void what_is_sent_arrives(void **state) {
    (void)state;
    struct error error;
    char letter = 'q', *bytes = NULL;
    size_t length = 0;
    assert_int_equal(attempt(send_a_megabyte, &letter, &bytes, &length, &error), 0);
    assert_int_equal(length, 1 << 20);
    for (size_t i = 0; i < length; i++) assert_int_equal(bytes[i], 'q');
    assert_int_equal(letter, 'q');
    free(bytes);
}

/* Ctrl-C reaches all processes of a terminal: what it means is the parent's to decide. */
static int send_under_signals(void *context, struct error *error) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) kill(getpid(), signals[i]);
    return send_a_megabyte(context, error);
}

static void signals_do_not_end_the_work(void **state) {
    (void)state;
    struct error error;
    char letter = 'q', *bytes = NULL;
    size_t length = 0;
    assert_int_equal(attempt(send_under_signals, &letter, &bytes, &length, &error), 0);
    assert_int_equal(length, 1 << 20);
    free(bytes);
}

#ifdef __linux__
static int sleep_for_long(void *context, struct error *error) {
    (void)error;
    char byte = 0;
    /* The pipe that everybody in the test has tells that the work has begun, and by its end that it has ended. */
    if (write(((int *)context)[1], &byte, 1) != 1) return -1;
    sleep(1000);
    return 0;
}

static void work_ends_with_its_parent(void **state) {
    (void)state;
    int ends[2];
    char byte = 0, *bytes = NULL;
    struct error error;
    size_t length = 0;
    assert_int_equal(pipe(ends), 0);
    const pid_t process = fork();
    if (process == 0) {
        attempt(sleep_for_long, ends, &bytes, &length, &error);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    kill(process, SIGTERM);
    assert_int_equal(waitpid(process, NULL, 0), process);
    alarm(60);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    alarm(0);
    close(ends[0]);
}
#endif

static int send_nothing(void *context, struct error *error) {
    (void)context;
    (void)error;
    return 0;
}

static void nothing_is_an_answer(void **state) {
    (void)state;
    struct error error;
    char *bytes = NULL;
    size_t length = 1;
    assert_int_equal(attempt(send_nothing, NULL, &bytes, &length, &error), 0);
    assert_int_equal(length, 0);
    assert_string_equal(bytes, "");
    free(bytes);
}

static int send_and_fail(void *context, struct error *error) {
    (void)context;
    isolate_send("begun", 5);
    return error_set(error, ERROR_DATA, "file: layers", "is no group");
}

static int crash(void *context, struct error *error) {
    (void)context;
    (void)error;
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return 0;
}

static int end_the_process(void *context, struct error *error) {
    (void)context;
    (void)error;
    exit(0);
}

static int loop(void *context, struct error *error) {
    (void)context;
    (void)error;
    for (volatile unsigned long i = 0;; i++) continue;
    return 0;
}

static int send_without_end(void *context, struct error *error) {
    static const char bytes[1 << 16];
    (void)context;
    while (isolate_send(bytes, sizeof bytes)) continue;
    return error_set(error, ERROR_DATA, NULL, "not heard");
}

static int print_and_crash(void *context, struct error *error) {
    (void)context;
    (void)error;
    (void)!write(STDERR_FILENO, "a library complains\n", 20);
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
    return 0;
}

static void failures(void **state) {
    (void)state;
    expect_failure(send_and_fail, ERROR_DATA, "file: layers: is no group");
    expect_failure(crash, ERROR_DATA, "file: makes its library crash: the file is damaged");
    expect_failure(print_and_crash, ERROR_DATA, "file: makes its library crash: the file is damaged");
    expect_failure(end_the_process, ERROR_DATA, "file: makes its library crash: the file is damaged");
    expect_failure(loop, ERROR_DATA, "file: takes longer than 1 seconds: the file is damaged");
    expect_failure(send_without_end, ERROR_DATA, "file: becomes larger than it can be: the file is damaged");
}

static int take_much(void *context, struct error *error) {
    (void)context;
    char *bytes = malloc((size_t)1 << 32);
    if (!bytes) return error_set(error, ERROR_RUN, "file", "no memory");
    bytes[0] = 1;
    return isolate_send(bytes, 1) ? 0 : -1;
}

static void memory_is_limited(void **state) {
    (void)state;
    if (SANITIZES_ADDRESSES || SANITIZES_THREADS) skip();
    expect_failure(take_much, ERROR_RUN, "file: no memory");
}

/* ---- what is not the work's fault ---- */

static int starve(void *context, struct error *error) {
    (void)error;
    isolate_starves(*(const size_t *)context);
    return 0;
}

static void lacking_memory_is_told_by_its_amount(void **state) {
    (void)state;
    struct error error;
    char *bytes = NULL;
    size_t length = 0, little = 1 << 20, much = (size_t)1 << 40;
    if (SANITIZES_ADDRESSES || SANITIZES_THREADS) skip();
    assert_int_equal(attempt(starve, &little, &bytes, &length, &error), -1);
    expect_error(&error, ERROR_RUN, "file: not enough memory for the process that works on it");
    assert_int_equal(attempt(starve, &much, &bytes, &length, &error), 0);
    free(bytes);
    isolate_starves(little); /* comes back: this is no child */
}

static int be_killed(void *context, struct error *error) {
    (void)context;
    (void)error;
    raise(SIGKILL);
    return 0;
}

static int lose_the_pipe(void *context, struct error *error) {
    (void)context;
    close(3); /* what it sends on */
    return error_set(error, ERROR_DATA, "file", "is not heard");
}

static void the_machine_is_blamed(void **state) {
    (void)state;
    expect_failure(be_killed, ERROR_RUN,
                   "file: the process that works on it was killed; there may be too little memory");
    expect_failure(lose_the_pipe, ERROR_IO, "file: cannot hear from the process that works on it");
}

/* As under a caller that ignores SIGCHLD: nobody learns how a process ended. */
static void an_end_that_nobody_learns_of_is_no_success(void **state) {
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    expect_failure(send_nothing, ERROR_RUN,
                   "file: cannot learn how the process that works on it ended: No child processes");
    signal(SIGCHLD, SIG_DFL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_arrives),      cmocka_unit_test(signals_do_not_end_the_work),
#ifdef __linux__
        cmocka_unit_test(work_ends_with_its_parent),
#endif
        cmocka_unit_test(nothing_is_an_answer),      cmocka_unit_test(failures),
        cmocka_unit_test(memory_is_limited),         cmocka_unit_test(lacking_memory_is_told_by_its_amount),
        cmocka_unit_test(the_machine_is_blamed),     cmocka_unit_test(an_end_that_nobody_learns_of_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
