#include <limits.h>
#include <string.h>

#include "core/shape.h"
#include "tests/support/expect.h"

static void expect_elements(struct shape shape, size_t expected) {
    size_t elements = 0;
    assert_true(shape_elements(&shape, &elements));
    assert_int_equal(elements, expected);
}

static void expect_too_large(struct shape shape) {
    size_t elements = 5;
    assert_false(shape_elements(&shape, &elements));
    assert_int_equal(elements, 5);
}

static void test_elements(void **state) {
    (void)state;
    expect_elements((struct shape){0}, 1);
    expect_elements((struct shape){1, {7}}, 7);
    expect_elements((struct shape){4, {3, 3, 8, 12}}, 864);
    expect_elements((struct shape){1, {INT_MAX}}, INT_MAX);
    expect_too_large((struct shape){2, {65536, 32768}});
    expect_too_large((struct shape){4, {INT_MAX, INT_MAX, INT_MAX, INT_MAX}});
    expect_too_large((struct shape){2, {2, -1}});
}

static void test_equal(void **state) {
    (void)state;
    struct shape a = {2, {3, 4}}, b = {2, {3, 4, 9}}, c = {2, {4, 3}}, d = {3, {3, 4, 1}};
    assert_true(shape_equal(&a, &b)); /* sizes past the rank do not count */
    assert_false(shape_equal(&a, &c));
    assert_false(shape_equal(&a, &d));
}

static void test_text(void **state) {
    (void)state;
    char buffer[SHAPE_TEXT_SIZE], tiny[6];
    struct shape image = {3, {30, 30, 32}}, scalar = {0}, huge = {4, {INT_MAX, INT_MAX, INT_MAX, INT_MAX}};
    assert_string_equal(shape_text(&image, buffer, sizeof buffer), "(30,30,32)");
    assert_string_equal(shape_text(&scalar, buffer, sizeof buffer), "()");
    assert_string_equal(shape_text(&huge, buffer, sizeof buffer), "(2147483647,2147483647,2147483647,2147483647)");
    assert_string_equal(shape_text(&image, tiny, sizeof tiny), "(30,3");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
