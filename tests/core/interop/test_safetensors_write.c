#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/interop/safetensors.h"
#include "tests/support/expect.h"

struct world {
    struct error error;
    char *folder, *path;
};

static int setup(void **state) {
    struct world *world = calloc(1, sizeof *world);
    world->folder = expect_folder();
    world->path = expect_path(world->folder, "best.safetensors");
    *state = world;
    return 0;
}

static int teardown(void **state) {
    struct world *world = *state;
    expect_folder_gone(world->folder);
    free(world->path);
    free(world);
    return 0;
}

/* Computed from the other bytes with another language's xxhash. */
#define CHECKSUM "9f1fd8f0af6614942f15d7d2387ff8f7"

static const float kernel[] = {1, -2.5f, 3e-20f, 4, 5, 0.1f}, bias[] = {0.25f, -0.0f};
static const struct safetensors_source tensors[] = {
    {"dense/kernel", {2, {3, 2}}, kernel},
    {"dense/bias", {1, {2}}, bias},
    {"step", {0}, kernel},
};
static const struct safetensors_pair metadata[] = {
    {"epoch", "3"}, {"checksum", "of another file"}, {"config", "{\"name\": \"a\\b\"}\n"}, {"writer", "nobody"}};

static void write_example(struct world *world) {
    int status = safetensors_write(world->path, tensors, 3, metadata, 4, &world->error);
    expect_no_error(&world->error);
    assert_int_equal(status, 0);
}

static char *read_bytes(const char *path, size_t *length) {
    struct error error = {0};
    char *bytes = NULL;
    assert_int_equal(file_read(path, 1 << 20, &bytes, length, &error), 0);
    return bytes;
}

static void test_round_trip(void **state) {
    struct world *world = *state;
    struct safetensors file;
    write_example(world);
    assert_int_equal(safetensors_read(world->path, &file, &world->error), 0);
    assert_int_equal(file.tensor_count, 3);
    assert_string_equal(file.path, world->path);
    for (size_t i = 0; i < 3; i++) {
        size_t elements = 0;
        float values[6];
        assert_string_equal(file.tensors[i].name, tensors[i].name);
        assert_int_equal(file.tensors[i].rank, tensors[i].shape.rank);
        assert_true(shape_elements(&tensors[i].shape, &elements));
        assert_int_equal(file.tensors[i].elements, elements);
        safetensors_floats(&file.tensors[i], values);
        assert_memory_equal(values, tensors[i].data, elements * sizeof(float));
    }
    assert_int_equal(file.tensors[0].shape[0], 3);
    assert_int_equal(file.metadata_count, 4);
    assert_string_equal(safetensors_metadata(&file, "epoch"), "3");
    assert_string_equal(safetensors_metadata(&file, "config"), "{\"name\": \"a\\b\"}\n");
    assert_string_equal(safetensors_metadata(&file, "writer"), "cnntrain");
    assert_int_equal(strlen(safetensors_metadata(&file, "checksum")), 32);
    safetensors_free(&file);
}

/* The whole file to the byte: the format of checkpoints does not change by accident. */
static void test_bytes(void **state) {
    struct world *world = *state;
    static const char header[] =
        "{\"__metadata__\":{\"checksum\":\"" CHECKSUM
        "\",\"writer\":\"cnntrain\",\"epoch\":\"3\",\"config\":\"{\\\"name\\\": \\\"a\\\\b\\\"}\\n\"},"
        "\"dense/kernel\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]},"
        "\"dense/bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]},"
        "\"step\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[32,36]}}  ";
    size_t length = 0, again = 0, size = sizeof header - 1;
    write_example(world);
    char *bytes = read_bytes(world->path, &length);
    assert_int_equal(size % 8, 0);
    assert_int_equal(length, 8 + size + 36);
    assert_memory_equal(bytes, ((char[8]){(char)(size & 255), (char)(size >> 8)}), 8);
    assert_memory_equal(bytes + 8, header, size);
    assert_memory_equal(bytes + 8 + size, kernel, 24);
    assert_memory_equal(bytes + 8 + size + 24, bias, 8);
    assert_memory_equal(bytes + 8 + size + 32, kernel, 4);
    write_example(world);
    char *same = read_bytes(world->path, &again);
    assert_int_equal(again, length);
    assert_memory_equal(same, bytes, length);
    free(same);
    free(bytes);
}

/* Parses a copy that ends where its memory ends; gives the code of the error. */
static enum error_code parse_copy(const char *bytes, size_t length) {
    struct error error = {0};
    struct safetensors file;
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    if (safetensors_parse("f.safetensors", copy, length, &file, &error) == 0) safetensors_free(&file);
    return error.code;
}

static void test_every_cut_is_seen(void **state) {
    struct world *world = *state;
    size_t length = 0;
    write_example(world);
    char *bytes = read_bytes(world->path, &length);
    assert_int_equal(parse_copy(bytes, length), ERROR_NONE);
    for (size_t cut = 0; cut < length; cut++)
        if (parse_copy(bytes, cut) != ERROR_DATA) fail_msg("a cut at byte %zu is not seen", cut);
    bytes = realloc(bytes, length + 1);
    assert_non_null(bytes);
    bytes[length] = 0;
    assert_int_equal(parse_copy(bytes, length + 1), ERROR_DATA);
    free(bytes);
}

/* Every byte of the file becomes each of its 255 other values. */
static void test_every_flip_is_seen(void **state) {
    struct world *world = *state;
    size_t length = 0;
    write_example(world);
    char *bytes = read_bytes(world->path, &length);
    for (size_t at = 0; at < length; at++) {
        for (int other = 1; other < 256; other++) {
            bytes[at] = (char)(bytes[at] ^ other);
            if (parse_copy(bytes, length) != ERROR_DATA) fail_msg("byte %zu xor %d is not seen", at, other);
            bytes[at] = (char)(bytes[at] ^ other);
        }
    }
    assert_int_equal(parse_copy(bytes, length), ERROR_NONE);
    free(bytes);
}

static void test_checksum_message(void **state) {
    struct world *world = *state;
    struct safetensors file;
    size_t length = 0;
    write_example(world);
    char *bytes = read_bytes(world->path, &length);
    bytes[length - 1] ^= 1;
    assert_int_equal(safetensors_parse("best.safetensors", bytes, length, &file, &world->error), -1);
    expect_error(&world->error, ERROR_DATA,
                 "best.safetensors: the checksum does not fit: the file is damaged, or another program changed it; if "
                 "that was on purpose, remove \"checksum\" and \"writer\" from its metadata");
}

static void test_empty(void **state) {
    struct world *world = *state;
    struct safetensors file;
    assert_int_equal(safetensors_write(world->path, NULL, 0, NULL, 0, &world->error), 0);
    assert_int_equal(safetensors_read(world->path, &file, &world->error), 0);
    assert_int_equal(file.tensor_count, 0);
    assert_int_equal(file.metadata_count, 2);
    safetensors_free(&file);
}

static void expect_not_written(struct world *world, const struct safetensors_source *sources, size_t count,
                               const struct safetensors_pair *pairs, size_t pair_count, const char *message) {
    char expected[700];
    assert_int_equal(safetensors_write(world->path, sources, count, pairs, pair_count, &world->error), -1);
    snprintf(expected, sizeof expected, "%s: %s", world->path, message);
    expect_error(&world->error, ERROR_RUN, expected);
    assert_int_equal(expect_entries(world->folder), 0);
}

static void test_refused(void **state) {
    struct world *world = *state;
    const struct safetensors_source twice[] = {tensors[0], tensors[1], tensors[0]};
    const struct safetensors_source reserved = {"__metadata__", {1, {1}}, kernel};
    const struct safetensors_source latin = {"caf\xE9", {1, {1}}, kernel};
    const struct safetensors_source huge = {"huge", {2, {65536, 65536}}, kernel};
    const struct safetensors_pair pairs[] = {{"a", "1"}, {"a", "2"}};
    expect_not_written(world, twice, 3, NULL, 0, "two tensors are called \"dense/kernel\"");
    expect_not_written(world, &reserved, 1, NULL, 0, "no tensor may be called \"__metadata__\"");
    expect_not_written(world, &latin, 1, NULL, 0, "a tensor's name or the metadata is not UTF-8 text");
    expect_not_written(world, &huge, 1, NULL, 0, "\"huge\" is too large for a file");
    expect_not_written(world, tensors, 1, pairs, 2, "two metadata entries are called \"a\"");
}

static void test_no_folder(void **state) {
    struct world *world = *state;
    assert_int_equal(safetensors_write("/proc/none/a.safetensors", tensors, 3, NULL, 0, &world->error), -1);
    expect_error(&world->error, ERROR_IO,
                 "/proc/none/a.safetensors: there is no folder /proc/none to write it in; create it");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_cut_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_flip_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checksum_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_folder, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
