#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment.h"
#include "tests/support/data_room.h"

enum { VALUES_MAX = 512 };

/* An augmentation read from JSON. */
static const struct augmentation_kind *read_kind(struct room *room, const char *json, void **config) {
    char source[300];
    snprintf(source, sizeof source, "{\"source\": \"synth\", \"path\": \"1,0\", \"augment\": [%s]}", json);
    room_load_good(room, source);
    const struct component *component = ((const struct data_common *)room->source.config)->augment.items;
    *config = component->config;
    return (const struct augmentation_kind *)component->kind;
}

static void apply(const struct augmentation_kind *kind, const void *config, const struct image_form *form,
                  uint64_t number, const float *x, float *y) {
    struct rng rng = rng_stream(3, RNG_CHECK, number, 0, 0);
    size_t count = (size_t)form->height * (size_t)form->width * (size_t)form->channels;
    if (kind->in_place) memcpy(y, x, count * sizeof *y);
    kind->apply(config, form, &rng, kind->in_place ? y : x, y);
}

/* x (h,w,c): 1, 2, 3, ... */
static void count_up(const struct image_form *form, float *x) {
    for (int i = 0; i < form->height * form->width * form->channels; i++) x[i] = (float)(i + 1);
}

/* Every crop is a shift with zeros, all (2 padding + 1)^2 of them come about. */
static void test_crop(void **state) {
    struct room *room = *state;
    const struct image_form form = {3, 4, 2, 1, false};
    float x[24], y[24];
    bool seen[5][5] = {{false}};
    void *config = NULL;
    const struct augmentation_kind *kind = read_kind(room, "{\"type\": \"RandomCrop\", \"padding\": 2}", &config);
    count_up(&form, x);
    for (uint64_t i = 0; i < 400; i++) {
        int found = 0;
        apply(kind, config, &form, i, x, y);
        for (int dy = -2; dy <= 2; dy++)
            for (int dx = -2; dx <= 2; dx++) {
                bool same = true;
                for (int k = 0; k < 24; k++) {
                    int row = k / 8 + dy, column = k / 2 % 4 + dx;
                    bool inside = row >= 0 && row < 3 && column >= 0 && column < 4;
                    same = same && y[k] == (inside ? x[row * 8 + column * 2 + k % 2] : 0);
                }
                if (same) seen[dy + 2][dx + 2] = true;
                found += same;
            }
        assert_int_equal(found, 1);
    }
    for (int i = 0; i < 25; i++) assert_true(seen[i / 5][i % 5]);
}

static void test_crop_wider_than_the_image(void **state) {
    struct room *room = *state;
    const struct image_form form = {2, 2, 1, 1, false};
    float x[4] = {1, 2, 3, 4}, y[4];
    void *config = NULL;
    const struct augmentation_kind *kind = read_kind(room, "{\"type\": \"RandomCrop\", \"padding\": 9}", &config);
    for (uint64_t i = 0; i < 400; i++) {
        apply(kind, config, &form, i, x, y);
        for (int k = 0; k < 4; k++) assert_true(y[k] >= 0 && y[k] <= 4);
    }
}

static void test_crop_size(void **state) {
    struct room *room = *state;
    const struct image_form form = {32, 32, 3, 1, true};
    void *config = NULL;
    const struct augmentation_kind *kind = read_kind(room, "{\"type\": \"RandomCrop\", \"size\": 32}", &config);
    assert_int_equal(kind->check(config, &form, &room->error), 0);
    kind = read_kind(room, "{\"type\": \"RandomCrop\", \"size\": [28, 30]}", &config);
    assert_int_equal(kind->check(config, &form, &room->error), -1);
    expect_error(&room->error, ERROR_CONFIG,
                 "data.augment: RandomCrop: size is [28, 30], the images are [32, 32]; crops keep the image size, so "
                 "leave size out or set data.resize");
}

static void test_flip(void **state) {
    struct room *room = *state;
    static const struct {
        const char *json;
        bool horizontal, vertical;
    } cases[] = {{"{\"type\": \"RandomFlip\", \"mode\": \"horizontal\"}", true, false},
                 {"{\"type\": \"RandomFlip\", \"mode\": \"vertical\"}", false, true},
                 {"\"RandomFlip\"", true, true}};
    const struct image_form form = {3, 5, 2, 1, false};
    float x[30], y[30];
    count_up(&form, x);
    for (size_t c = 0; c < 3; c++) {
        int counts[2][2] = {{0}};
        void *config = NULL;
        const struct augmentation_kind *kind = read_kind(room, cases[c].json, &config);
        for (uint64_t i = 0; i < 400; i++) {
            apply(kind, config, &form, i, x, y);
            bool down = y[0] > 20, across = fmodf(y[0] - 1, 10) > 7;
            for (int k = 0; k < 30; k++) {
                int row = k / 10, column = k / 2 % 5;
                row = down ? 2 - row : row;
                column = across ? 4 - column : column;
                assert_true(y[k] == x[row * 10 + column * 2 + k % 2]);
            }
            counts[down][across]++;
        }
        int ways = (cases[c].horizontal ? 2 : 1) * (cases[c].vertical ? 2 : 1);
        for (int down = 0; down <= cases[c].vertical; down++)
            for (int across = 0; across <= cases[c].horizontal; across++)
                assert_in_range(counts[down][across], 400 / ways - 60, 400 / ways + 60);
    }
}

/* The square has its full size or hangs over the border, and nothing else changes. */
static void test_cutout(void **state) {
    struct room *room = *state;
    const struct image_form form = {10, 12, 3, 1, false};
    float x[360], y[360];
    void *config = NULL;
    const struct augmentation_kind *kind = read_kind(room, "{\"type\": \"Cutout\", \"size\": 4}", &config);
    count_up(&form, x);
    int whole = 0;
    for (uint64_t i = 0; i < 300; i++) {
        int covered = 0, top = 10, bottom = -1, left = 12, right = -1;
        apply(kind, config, &form, i, x, y);
        for (int k = 0; k < 360; k++) {
            int row = k / 36, column = k / 3 % 12;
            if (y[k] == x[k]) continue;
            assert_true(y[k] == 0);
            covered++;
            top = row < top ? row : top;
            bottom = row > bottom ? row : bottom;
            left = column < left ? column : left;
            right = column > right ? column : right;
        }
        assert_int_equal(covered, (bottom - top + 1) * (right - left + 1) * 3);
        assert_in_range(bottom - top + 1, 2, 4);
        assert_in_range(right - left + 1, 2, 4);
        whole += covered == 48;
    }
    assert_in_range(whole, 120, 240);
}

/* A slope stays a slope: the shift can be read off it. */
static void test_translation(void **state) {
    struct room *room = *state;
    const struct image_form form = {8, 10, 1, 1, false};
    float x[80], y[80], furthest = 0;
    void *config = NULL;
    const struct augmentation_kind *kind =
        read_kind(room,
                  "{\"type\": \"RandomTranslation\", \"height_factor\": 0.25, \"width_factor\": 0.1, \"fill_mode\": "
                  "\"nearest\"}",
                  &config);
    for (int k = 0; k < 80; k++) x[k] = (float)(100 * (k / 10) + k % 10);
    for (uint64_t i = 0; i < 200; i++) {
        apply(kind, config, &form, i, x, y);
        float moved = x[45] - y[45]; /* 100 rows down + columns right */
        float down = roundf(moved / 100 * 64) / 64;
        furthest = fmaxf(furthest, fabsf(moved));
        assert_true(fabsf(moved) <= 201.01F);
        assert_true(fabsf(y[45] - y[44] - 1) < 1e-3F && fabsf(y[45] - y[35] - 100) < 1e-3F);
        assert_true(fabsf(down) <= 2.02F);
    }
    assert_true(furthest > 150);
}

static void apply_row(struct room *room, const char *mode, float *y) {
    char json[160];
    const struct image_form form = {1, 4, 1, 1, false};
    void *config = NULL;
    snprintf(json, sizeof json,
             "{\"type\": \"RandomTranslation\", \"height_factor\": 0, \"width_factor\": 1, \"fill_mode\": \"%s\"}",
             mode);
    const struct augmentation_kind *kind = read_kind(room, json, &config);
    apply(kind, config, &form, 11, (float[]){1, 2, 3, 4}, y);
}

/* A row 1 2 3 4 shifted by the same amount in each mode. */
static void test_fill_modes(void **state) {
    struct room *room = *state;
    static const char *const modes[] = {"constant", "nearest", "reflect", "wrap"};
    static const float outside[4][12] = {{0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0},
                                         {1, 1, 1, 1, 1, 2, 3, 4, 4, 4, 4, 4},
                                         {4, 3, 2, 1, 1, 2, 3, 4, 4, 3, 2, 1},
                                         {1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4}};
    struct rng rng = rng_stream(3, RNG_CHECK, 11, 0, 0);
    rng_uniform(&rng);
    float shift = (2 * rng_uniform(&rng) - 1) * 4;
    for (int m = 0; m < 4; m++) {
        float y[4];
        apply_row(room, modes[m], y);
        for (int i = 0; i < 4; i++) {
            float at = (float)i - shift;
            int left = (int)floorf(at);
            float across = at - (float)left;
            float expected = outside[m][left + 4] * (1 - across) + outside[m][left + 5] * across;
            if (fabsf(y[i] - expected) > 1e-4F)
                fail_msg("%s: value %d is %g, expected %g", modes[m], i, (double)y[i], (double)expected);
        }
    }
}

/* The middle stays; what lies at radius r stays at radius r: the mean of a ring does not change much. */
static void test_rotation(void **state) {
    struct room *room = *state;
    const struct image_form form = {9, 9, 1, 1, false};
    float x[81] = {0}, y[81];
    void *config = NULL;
    const struct augmentation_kind *kind =
        read_kind(room, "{\"type\": \"RandomRotation\", \"factor\": 0.25, \"fill_mode\": \"constant\"}", &config);
    x[4 * 9 + 4] = 5; /* the middle */
    x[4 * 9 + 7] = 8; /* right of it */
    bool up = false, down = false;
    for (uint64_t i = 0; i < 100; i++) {
        struct rng rng = rng_stream(3, RNG_CHECK, i, 0, 0);
        float angle = (2 * rng_uniform(&rng) - 1) * 0.25F * 6.2831853F;
        apply(kind, config, &form, i, x, y);
        assert_true(fabsf(y[40] - 5) < 1e-4F);
        /* The mass right of the middle lands at 3 (cos, -sin): counter-clockwise, rows growing downward. */
        float mass = 0, row = 0, column = 0;
        for (int k = 0; k < 81; k++) {
            int dy = k / 9 - 4, dx = k % 9 - 4;
            if (dy * dy + dx * dx < 2) continue;
            mass += y[k];
            row += y[k] * (float)dy;
            column += y[k] * (float)dx;
        }
        assert_true(mass > 3);
        assert_true(fabsf(column / mass - 3 * cosf(angle)) < 0.3F);
        assert_true(fabsf(row / mass + 3 * sinf(angle)) < 0.3F);
        up = up || row / mass < -2;
        down = down || row / mass > 2;
    }
    assert_true(up && down);
}

static void test_brightness(void **state) {
    struct room *room = *state;
    struct image_form form = {2, 2, 3, 255, true};
    float x[12] = {0, 10, 20, 100, 120, 140, 160, 180, 200, 245, 250, 255}, y[12];
    void *config = NULL;
    const struct augmentation_kind *kind =
        read_kind(room, "{\"type\": \"RandomBrightness\", \"factor\": 0.2}", &config);
    float low = 0, high = 0;
    for (uint64_t i = 0; i < 200; i++) {
        apply(kind, config, &form, i, x, y);
        float shift = y[5] - x[5];
        low = fminf(low, shift);
        high = fmaxf(high, shift);
        for (int k = 0; k < 12; k++) assert_true(fabsf(y[k] - fminf(fmaxf(x[k] + shift, 0), 255)) < 1e-3F);
    }
    assert_true(low < -40 && low >= -51 && high > 40 && high <= 51);
    form.limited = false;
    form.range = 1;
    apply(kind, config, &form, 1, x, y);
    assert_true(y[0] != x[0] && fabsf(y[11] - x[11] - (y[0] - x[0])) < 1e-4F); /* nothing is cut off */
}

static void test_contrast(void **state) {
    struct room *room = *state;
    struct image_form form = {1, 4, 2, 1, false};
    float x[8] = {0, 1, 1, 1, 2, 1, 5, 1}, y[8], low = 1, high = 1;
    void *config = NULL;
    const struct augmentation_kind *kind = read_kind(room, "{\"type\": \"RandomContrast\", \"factor\": 0.5}", &config);
    for (uint64_t i = 0; i < 200; i++) {
        apply(kind, config, &form, i, x, y);
        float gain = (2 - y[0]) / 2; /* the first channel's mean is 2 */
        low = fminf(low, gain);
        high = fmaxf(high, gain);
        for (int k = 0; k < 8; k += 2) {
            assert_true(fabsf(y[k] - (2 + (x[k] - 2) * gain)) < 1e-5F);
            assert_true(y[k + 1] == 1); /* the second is constant */
        }
    }
    assert_true(low < 0.6F && low >= 0.5F && high > 1.4F && high <= 1.5F);
}

/* What changes nothing changes no bit of the normalized image, and evaluation never augments. */
static void test_identity(void **state) {
    struct room *room = *state;
    enum { IMAGE = 32 * 32 * 3 };
    room_load_good(room, "{\"source\": \"synth\", \"path\": \"2,0\", \"normalize\": {\"mean\": [0.4], \"std\": [0.3]}, "
                         "\"augment\": [{\"type\": \"RandomCrop\", \"padding\": 0}, {\"type\": \"RandomBrightness\", "
                         "\"factor\": 0}]}");
    struct normalization n;
    struct feed feed;
    assert_int_equal(data_room.measure(&room->source, &room->splits.train, &n, &room->error), 0);
    assert_int_equal(data_room.open(&room->source, &n, &room->splits.train, 5, &feed, &room->error), 0);
    assert_int_equal(feed.scratch_bytes, IMAGE * sizeof(float));
    float *plain = calloc(IMAGE, sizeof *plain), *augmented = calloc(IMAGE, sizeof *augmented);
    void *scratch = malloc(feed.scratch_bytes);
    assert_true(plain && augmented && scratch);
    feed.fill(&feed, (int64_t[]){1}, 1, 2, false, plain, scratch);
    feed.fill(&feed, (int64_t[]){1}, 1, 2, true, augmented, scratch);
    assert_memory_equal(plain, augmented, IMAGE * sizeof *plain);
    free(plain);
    free(augmented);
    free(scratch);
    data_room.close(&feed);
}

static void test_bad_configs(void **state) {
    struct room *room = *state;
    assert_int_equal(room_load(room, "{\"source\": \"synth\", \"augment\": [\"RandomFlop\"]}"), -1);
    expect_error(&room->error, ERROR_CONFIG,
                 "data: augment[0]: unknown augmentation \"RandomFlop\"; did you mean \"RandomFlip\"?");
    assert_int_equal(room_load(room, "{\"source\": \"synth\", \"augment\": [{\"type\": \"Cutout\", \"size\": 0}]}"),
                     -1);
    expect_error(&room->error, ERROR_CONFIG, "data: augment[0].size: must be an integer, in [1, 4096]; got 0");
    /* A crop of another size is found when the feed opens. */
    room_load_good(room,
                   "{\"source\": \"synth\", \"path\": \"2,0\", \"augment\": [{\"type\": \"RandomCrop\", \"size\": "
                   "28}]}");
    struct normalization n;
    struct feed feed;
    assert_int_equal(data_room.measure(&room->source, &room->splits.train, &n, &room->error), 0);
    assert_int_equal(data_room.open(&room->source, &n, &room->splits.train, 5, &feed, &room->error), -1);
    assert_null(feed.state);
    assert_int_equal(room->error.code, ERROR_CONFIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_crop, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_crop_wider_than_the_image, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_crop_size, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_flip, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_cutout, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_translation, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_fill_modes, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_rotation, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_brightness, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_contrast, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_identity, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_bad_configs, room_open, room_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
