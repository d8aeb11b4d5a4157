#include "core/checksum.h"

#include "core/dataset.h"
#include "tests/support/expect.h"

static void test_pieces(void **state) {
    (void)state;
    struct error error = {0};
    char whole[CHECKSUM_DIGITS + 1], cut[CHECKSUM_DIGITS + 1], none[CHECKSUM_DIGITS + 1];
    const struct file_piece one = {"network", 7}, two[] = {{"net", 3}, {NULL, 0}, {"work", 4}};
    checksum_pieces(&one, 1, whole, &error);
    checksum_pieces(two, 3, cut, &error);
    checksum_pieces(NULL, 0, none, &error);
    expect_no_error(&error);
    assert_string_equal(whole, cut);
    assert_string_equal(none, "99aa06d3014798d86001c324468d497f"); /* XXH3-128 of nothing */
}

/* Every pixel, label, count and shape of both sets takes part. */
static void test_datasets(void **state) {
    (void)state;
    struct error error = {0};
    uint8_t pixels[2][12] = {{1, 2, 3}, {4, 5, 6}};
    int32_t labels[2][3] = {{0, 1, 2}, {2, 1, 0}};
    char first[CHECKSUM_DIGITS + 1], other[CHECKSUM_DIGITS + 1];
    struct dataset sets[2];
    for (int i = 0; i < 2; i++)
        sets[i] = (struct dataset){.count = 3,
                                   .height = 2,
                                   .width = 2,
                                   .channels = 1,
                                   .type = PIXEL_UINT8,
                                   .pixels = pixels[i],
                                   .labels = labels[i]};
    dataset_checksum(&sets[0], &sets[1], first, &error);
    for (int change = 0; change < 7; change++) {
        struct dataset copies[2] = {sets[0], sets[1]};
        pixels[0][11] = change == 1;
        pixels[1][0] = change == 2 ? 9 : 4;
        labels[0][2] = change == 3 ? 1 : 2;
        labels[1][0] = change == 4 ? 1 : 2;
        copies[0].width = change == 5 ? 1 : 2;
        copies[0].height = change == 5 ? 4 : 2;
        dataset_checksum(&copies[0], change == 6 ? NULL : &copies[1], other, &error);
        expect_no_error(&error);
        if (change == 0)
            assert_string_equal(first, other);
        else
            assert_string_not_equal(first, other);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_datasets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
