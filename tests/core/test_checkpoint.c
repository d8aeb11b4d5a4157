#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/checkpoint.h"
#include "tests/support/expect.h"

struct world {
    struct error error;
    struct text report;
    char *folder, *path;
    float kernel[6], bias[2], slot[6];
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
    text_free(&world->report);
    free(world->path);
    free(world);
    return 0;
}

/* A file with a kernel of 1..6, a bias of 7, 8 and a slot of 9..14. */
static void save_example(struct world *world) {
    float kernel[6], bias[2], slot[6];
    for (int i = 0; i < 6; i++) kernel[i] = (float)(i + 1), slot[i] = (float)(i + 9);
    for (int i = 0; i < 2; i++) bias[i] = (float)(i + 7);
    const struct checkpoint_tensor tensors[] = {{"dense/kernel", {2, {3, 2}}, kernel},
                                                {"dense/bias", {1, {2}}, bias},
                                                {"optimizer/dense/kernel/momentum", {2, {3, 2}}, slot}};
    const struct safetensors_pair metadata[] = {{"epoch", "3"}};
    int status = checkpoint_save(world->path, tensors, 3, metadata, 1, &world->error);
    expect_no_error(&world->error);
    assert_int_equal(status, 0);
}

static int load(struct world *world, const struct checkpoint_tensor *tensors, size_t count,
                enum checkpoint_match match) {
    text_free(&world->report);
    return checkpoint_load_into(world->path, tensors, count, match, &world->report, &world->error);
}

static void expect_report(struct world *world, const char *format) {
    char expected[1400];
    const char *path = world->path;
    if (!*format) {
        assert_null(world->report.bytes);
        return;
    }
    size_t at = 0; /* each % of the format stands for the path */
    for (; *format; format++) {
        if (*format != '%')
            expected[at++] = *format;
        else
            at += (size_t)snprintf(expected + at, sizeof expected - at, "%s", path);
    }
    expected[at] = '\0';
    assert_string_equal(world->report.bytes, expected);
}

static void expect_refused(struct world *world, const char *between, const char *message) {
    char expected[1400];
    snprintf(expected, sizeof expected, "%s%s%s", world->path, between, message);
    expect_error(&world->error, ERROR_DATA, expected);
    const float nothing[6] = {0};
    assert_memory_equal(world->kernel, nothing, sizeof world->kernel); /* nothing was written before the refusal */
    assert_memory_equal(world->bias, nothing, sizeof world->bias);
}

static void test_strict(void **state) {
    struct world *world = *state;
    const struct checkpoint_tensor tensors[] = {{"optimizer/dense/kernel/momentum", {2, {3, 2}}, world->slot},
                                                {"dense/bias", {1, {2}}, world->bias},
                                                {"dense/kernel", {2, {3, 2}}, world->kernel}};
    save_example(world);
    assert_int_equal(load(world, tensors, 3, CHECKPOINT_STRICT), 0);
    assert_true(world->kernel[0] == 1 && world->kernel[5] == 6);
    assert_true(world->bias[0] == 7 && world->bias[1] == 8);
    assert_true(world->slot[0] == 9 && world->slot[5] == 14);
    expect_report(world, "");
}

static void test_extras_are_reported(void **state) {
    struct world *world = *state;
    const struct checkpoint_tensor kernel = {"dense/kernel", {2, {3, 2}}, world->kernel};
    const struct checkpoint_tensor slot = {"optimizer/dense/kernel/momentum", {2, {3, 2}}, world->slot};
    save_example(world);
    assert_int_equal(load(world, &kernel, 1, CHECKPOINT_STRICT), 0);
    assert_true(world->kernel[5] == 6);
    expect_report(world, "%: not used: dense/bias\n"); /* who wants no slots does not miss them */
    assert_int_equal(load(world, &slot, 1, CHECKPOINT_STRICT), 0);
    expect_report(world, "%: not used: dense/kernel, dense/bias\n");
    assert_int_equal(checkpoint_load_into(world->path, &kernel, 1, CHECKPOINT_STRICT, NULL, &world->error), 0);
}

/* Of very many names the first twenty stand for all. */
static void test_many_missing(void **state) {
    struct world *world = *state;
    enum { MANY = 22 };
    struct checkpoint_tensor tensors[MANY];
    char names[MANY][8];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "t%d", i);
        tensors[i] = (struct checkpoint_tensor){names[i], {1, {2}}, world->bias};
    }
    save_example(world);
    assert_int_equal(load(world, tensors, MANY, CHECKPOINT_STRICT), -1);
    assert_int_equal(world->error.code, ERROR_DATA);
    assert_string_equal(world->error.message,
                        "lacks 22 of the model's 22 tensors: t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, "
                        "t13, t14, t15, t16, t17, t18, t19, ...; it has others: dense/kernel, dense/bias");
}

static void test_missing(void **state) {
    struct world *world = *state;
    const struct checkpoint_tensor tensors[] = {{"dense/kernel", {2, {3, 2}}, world->kernel},
                                                {"dense/beta", {1, {2}}, world->bias},
                                                {"optimizer/dense/kernel/velocity", {2, {3, 2}}, world->slot}};
    save_example(world);
    assert_int_equal(load(world, tensors, 3, CHECKPOINT_STRICT), -1);
    expect_refused(world, ": ",
                   "lacks 2 of the model's 3 tensors: dense/beta, optimizer/dense/kernel/velocity; it has others: "
                   "dense/bias, optimizer/dense/kernel/momentum");
    assert_null(world->report.bytes);
    assert_int_equal(load(world, tensors, 3, CHECKPOINT_LENIENT), 0);
    assert_true(world->kernel[5] == 6);
    assert_true(world->bias[0] == 0);
    expect_report(world, "%: not found, left as they were: dense/beta, optimizer/dense/kernel/velocity\n"
                         "%: not used: dense/bias, optimizer/dense/kernel/momentum\n");
}

static void test_nothing_in_common(void **state) {
    struct world *world = *state;
    const struct checkpoint_tensor tensors[] = {{"kernel", {2, {3, 2}}, world->kernel},
                                                {"Dense/bias", {1, {2}}, world->bias}};
    save_example(world);
    assert_int_equal(load(world, tensors, 2, CHECKPOINT_LENIENT), -1);
    expect_refused(world, ": ",
                   "has none of the model's 2 tensors, such as kernel; are these the weights of another model?");
    assert_int_equal(load(world, NULL, 0, CHECKPOINT_LENIENT), 0); /* a model without weights wants nothing */
}

static void test_shapes(void **state) {
    struct world *world = *state;
    struct checkpoint_tensor tensors[] = {{"dense/bias", {1, {2}}, world->bias},
                                          {"dense/kernel", {2, {2, 3}}, world->kernel}};
    save_example(world);
    assert_int_equal(load(world, tensors, 2, CHECKPOINT_STRICT), -1);
    expect_refused(
        world, ": dense/kernel: ", "has shape (3,2) in the file, (2,3) in the model; is it a file of this very model?");
    tensors[0].shape = (struct shape){1, {3}};
    assert_int_equal(load(world, tensors, 2, CHECKPOINT_STRICT), -1);
    expect_refused(world, ": dense/bias: ",
                   "has shape (2) in the file, (3) in the model; dense/kernel: has shape (3,2) in the file, (2,3) in "
                   "the model; is it a file of this very model?");
    tensors[0].shape = (struct shape){1, {2}};
    tensors[1].shape = (struct shape){1, {6}};
    assert_int_equal(load(world, tensors, 2, CHECKPOINT_LENIENT), -1);
    expect_refused(world, ": dense/kernel: ",
                   "has shape (3,2) in the file, (6) in the model; give such layers other names, and they begin anew");
}

/* Weights that another program stored in double precision, read from a file that is open already. */
static void test_apply_converts(void **state) {
    struct world *world = *state;
    static const char header[] = "{\"dense/bias\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}";
    const double values[] = {0.1, -2};
    const struct checkpoint_tensor bias = {"dense/bias", {1, {2}}, world->bias};
    struct safetensors file;
    size_t size = sizeof header - 1;
    char *bytes = calloc(8 + size + sizeof values, 1);
    bytes[0] = (char)size;
    memcpy(bytes + 8, header, size);
    memcpy(bytes + 8 + size, values, sizeof values);
    assert_int_equal(safetensors_parse("f", bytes, 8 + size + sizeof values, &file, &world->error), 0);
    assert_int_equal(checkpoint_apply(&file, &bias, 1, CHECKPOINT_STRICT, NULL, &world->error), 0);
    assert_true(world->bias[0] == 0.1f && world->bias[1] == -2);
    safetensors_free(&file);
}

static void test_no_file(void **state) {
    struct world *world = *state;
    char expected[700];
    assert_int_equal(load(world, NULL, 0, CHECKPOINT_STRICT), -1);
    snprintf(expected, sizeof expected, "%s: cannot open the file: No such file or directory", world->path);
    expect_error(&world->error, ERROR_IO, expected);
}

/* The weights of the reference runs load by the names that they have in the file. */
static void test_parity_weights(void **state) {
    struct world *world = *state;
    float values[27];
    const struct checkpoint_tensor tensor = {"initial/separable_conv2d/depthwise_kernel", {4, {3, 3, 3, 1}}, values};
    assert_int_equal(checkpoint_load_into("tests/golden/parity/sep_max_adamw.safetensors", &tensor, 1,
                                          CHECKPOINT_STRICT, NULL, &world->error),
                     0);
    assert_true(values[0] == 0x1.416914p-3f && values[26] == -0x1.a69788p-4f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_strict, setup, teardown),
        cmocka_unit_test_setup_teardown(test_extras_are_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_in_common, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_apply_converts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parity_weights, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
