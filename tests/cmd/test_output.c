/* Results that cannot be written are an error at the end, also where the stream has forgotten it. */
#include "cmd/output.h"

#include <stdio.h>

#include "tests/support/expect.h"

static void a_failure_is_remembered(void **state) {
    (void)state;
    struct error error = {0};
    if (!freopen("/dev/full", "w", stdout)) skip();
    setvbuf(stdout, NULL, _IONBF, 0);
    output_text("first");
    clearerr(stdout);
    assert_non_null(freopen("/dev/null", "w", stdout));
    output_print("%d", 2);
    assert_int_equal(output_end(&error), -1);
    expect_error(&error, ERROR_IO, "stdout: cannot write: No space left on device");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_failure_is_remembered)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
