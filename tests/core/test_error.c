#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "tests/support/expect.h"

static void test_set(void **state) {
    (void)state;
    struct error error = {0};
    assert_int_equal(error_set(&error, ERROR_CONFIG, "a.json: seed", "must be %d or more, got %s", 1, "zero"), -1);
    assert_int_equal(error.code, 2);
    assert_string_equal(error.path, "a.json: seed");
    assert_string_equal(error.message, "must be 1 or more, got zero");
    error_clear(&error);
    assert_int_equal(error.code, 0);
    assert_string_equal(error.path, "");
    assert_string_equal(error.message, "");
}

static void test_first_wins(void **state) {
    (void)state;
    struct error error = {0};
    error_set(&error, ERROR_DATA, NULL, "first");
    assert_int_equal(error_set(&error, ERROR_IO, "b", "second"), -1);
    expect_error(&error, ERROR_DATA, "first");
}

static void test_errno(void **state) {
    (void)state;
    struct error error = {0};
    errno = ENOSPC;
    assert_int_equal(error_set_errno(&error, "a.txt", "write the file"), -1);
    expect_error(&error, ERROR_IO, "a.txt: cannot write the file: No space left on device");
}

static void test_long_texts_are_cut(void **state) {
    (void)state;
    struct error error = {0};
    char text[4000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_set(&error, ERROR_RUN, text, "%s", text);
    assert_int_equal(strlen(error.path), ERROR_PATH_SIZE - 1);
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_SIZE - 1);
}

/* The program's exit codes are a contract. */
static void test_codes(void **state) {
    (void)state;
    const int codes[] = {ERROR_NONE, ERROR_RUN,        ERROR_CONFIG,     ERROR_DATA,
                         ERROR_IO,   ERROR_NOT_FINITE, ERROR_INTERRUPTED};
    const int expected[] = {0, 1, 2, 3, 4, 5, 130};
    assert_memory_equal(codes, expected, sizeof expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),   cmocka_unit_test(test_first_wins),
        cmocka_unit_test(test_errno), cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
