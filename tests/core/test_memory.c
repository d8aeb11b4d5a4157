#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "tests/support/expect.h"
#include "tests/support/sanitizers.h"

static void test_sizes(void **state) {
    (void)state;
    size_t size = 0;
    assert_true(size_multiply(0, SIZE_MAX, &size));
    assert_int_equal(size, 0);
    assert_true(size_multiply(SIZE_MAX / 3, 3, &size));
    assert_true(size == SIZE_MAX);
    assert_false(size_multiply(SIZE_MAX / 2 + 1, 2, &size));
    assert_true(size_add(SIZE_MAX - 1, 1, &size));
    assert_true(size == SIZE_MAX);
    assert_false(size_add(SIZE_MAX, 1, &size));
    assert_int_equal(size_align(0), 0);
    assert_int_equal(size_align(1), 64);
    assert_int_equal(size_align(64), 64);
    assert_int_equal(size_align(65), 128);
}

static void test_allocate(void **state) {
    (void)state;
    struct error error = {0};
    for (size_t count = 0; count < 200; count += 7) {
        unsigned char *memory = memory_allocate(count, 3, "a test", &error);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % MEMORY_ALIGNMENT, 0);
        for (size_t i = 0; i < count * 3 + MEMORY_SLACK; i++) assert_int_equal(memory[i], 0);
        free(memory);
    }
    assert_null(memory_allocate(SIZE_MAX / 2, 4, "the images", &error));
    expect_error(&error, ERROR_RUN, "the images would need more memory than there are addresses");
    assert_null(memory_allocate(PTRDIFF_MAX, 1, "the images", &error));
    expect_error(&error, ERROR_RUN, "the images would need more memory than there are addresses");
}

static void test_not_enough(void **state) {
    (void)state;
    if (SANITIZES_ADDRESSES) skip(); /* which stops at such a request */
    struct error error = {0};
    assert_null(memory_allocate((size_t)1 << 60, 1, "the images", &error));
    expect_error(&error, ERROR_RUN, "not enough memory for the images (1152921504606846976 bytes)");
}

static void test_arena(void **state) {
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    char *pieces[300];
    for (int i = 0; i < 300; i++) {
        size_t size = (size_t)(i * 37 % 500);
        pieces[i] = arena_allocate(&arena, size, &error);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < size; j++) assert_int_equal(pieces[i][j], 0);
        memset(pieces[i], i, size);
    }
    char *large = arena_allocate(&arena, 1 << 20, &error);
    assert_non_null(large);
    memset(large, 1, 1 << 20);
    for (int i = 0; i < 300; i++) /* no piece lies in another */
        for (int j = 0; j < i * 37 % 500; j++) assert_int_equal((unsigned char)pieces[i][j], i & 255);
    arena_free(&arena);
    assert_null(arena.chunks);
    char *copy = arena_string(&arena, "again", &error);
    assert_string_equal(copy, "again");
    assert_null(arena_allocate(&arena, SIZE_MAX, &error));
    expect_error(&error, ERROR_RUN, "not enough memory (18446744073709551615 bytes)");
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_allocate),
        cmocka_unit_test(test_not_enough),
        cmocka_unit_test(test_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
