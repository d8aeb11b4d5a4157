#include "core/checkpoint_keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "tests/support/tree.h"

static void keep(const char *folder, int64_t step, int count) {
    struct error error = {0};
    char text[32], *last = expect_path(folder, "last.safetensors");
    snprintf(text, sizeof text, "checkpoint %lld", (long long)step);
    unlink(last);
    tree_write(folder, "last.safetensors", text);
    checkpoint_keep(last, step, count, &error);
    expect_no_error(&error);
    free(last);
}

static void test_the_last_ones_stay(void **state) {
    (void)state;
    char *folder = expect_folder();
    keep(folder, 1, 1);
    assert_int_equal(expect_entries(folder), 1);
    for (int64_t step = 1; step <= 12; step++) keep(folder, step, 3);
    assert_int_equal(expect_entries(folder), 4);
    tree_same(folder, folder, "step-10.safetensors");
    assert_true(tree_has(folder, "step-10.safetensors") && tree_has(folder, "step-11.safetensors"));
    char *text = tree_read(folder, "step-11.safetensors", NULL);
    assert_string_equal(text, "checkpoint 11");
    free(text);
    tree_same(folder, folder, "last.safetensors");
    tree_gone(folder);
}

/* What a former attempt left behind the step goes, as does an old file of that very step; other names stay. */
static void test_former_attempts(void **state) {
    (void)state;
    static const char *const others[] = {"step-.safetensors",      "step-07.safetensors",
                                         "step-8.safetensors.bak", "step--3.safetensors",
                                         "xstep-1.safetensors",    "step-99999999999999999999.safetensors"};
    char *folder = expect_folder();
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) tree_write(folder, others[i], "mine");
    for (int64_t step = 2; step <= 6; step++) keep(folder, step, 4);
    keep(folder, 4, 2);
    char *text = tree_read(folder, "step-4.safetensors", NULL);
    assert_string_equal(text, "checkpoint 4");
    free(text);
    assert_true(tree_has(folder, "step-3.safetensors"));
    assert_int_equal(expect_entries(folder), 3 + (int)(sizeof others / sizeof *others));
    tree_gone(folder);
}

static void test_failures(void **state) {
    (void)state;
    struct error error = {0};
    char *folder = expect_folder(), *last = expect_path(folder, "last.safetensors"),
         *step = expect_path(folder, "step-5.safetensors");
    assert_int_equal(checkpoint_keep(last, 5, 2, &error), -1);
    assert_int_equal(error.code, ERROR_IO);
    error_clear(&error);
    tree_write(folder, "last.safetensors", "x");
    assert_int_equal(mkdir(step, 0777), 0);
    assert_int_equal(checkpoint_keep(last, 5, 2, &error), -1);
    assert_int_equal(error.code, ERROR_IO);
    assert_string_equal(error.path, step);
    assert_int_equal(rmdir(step), 0);
    free(last);
    free(step);
    tree_gone(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_ones_stay),
        cmocka_unit_test(test_former_attempts),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
