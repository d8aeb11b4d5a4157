/* Frozen layers: "trainable": false, training.freeze and --freeze. */
#include <stdlib.h>
#include <string.h>

#include "core/interop/safetensors.h"
#include "tests/support/command.h"

static const char config[] =
    "{\"data\": {\"source\": \"synth\", \"train\": 96, \"test\": 20}, \"training\": {\"epochs\": 2, \"batch_size\": "
    "32},"
    "\"model\": [{\"type\": \"Conv2D\", \"filters\": 4, \"kernel_size\": 3}, {\"type\": \"BatchNormalization\"},"
    "{\"type\": \"MaxPooling2D\", \"pool_size\": 4}, {\"type\": \"Conv2D\", \"filters\": 4, \"kernel_size\": 3},"
    "{\"type\": \"BatchNormalization\"}, {\"type\": \"Flatten\"}, {\"type\": \"Dense\", \"units\": 8},"
    "{\"type\": \"Dense\", \"units\": 10, \"activation\": \"softmax\"}]}";

static void open_weights(const struct command_world *world, const char *name, struct safetensors *file) {
    struct error error = {0};
    char *path = expect_path(world->folder, name);
    safetensors_read(path, file, &error);
    expect_no_error(&error);
    free(path);
}

static bool is_same(const struct safetensors *a, const struct safetensors *b, const char *name) {
    const struct safetensors_tensor *one = safetensors_find(a, name), *other = safetensors_find(b, name);
    assert_non_null(one);
    assert_non_null(other);
    assert_int_equal(one->elements, other->elements);
    return memcmp(one->data, other->data, one->elements * sizeof(float)) == 0;
}

/* Which weights a second training, from the first one's, leaves alone. */
static void frozen_weights_stay(void **state) {
    struct command_world *world = *state;
    command_write(world, "c.json", config);
    command_succeeds(world, "cnntrain train c.json -q --out a");
    command(world, "cnntrain train c.json -q --out b --weights a/last.safetensors --freeze 'conv2d*' --freeze dense "
                   "--set model.1.trainable=false --threads 2");
    assert_int_equal(world->code, 0);
    struct safetensors a, b;
    open_weights(world, "a/last.safetensors", &a);
    open_weights(world, "b/last.safetensors", &b);
    static const char *const frozen[] = {"conv2d/kernel",
                                         "conv2d/bias",
                                         "conv2d_1/kernel",
                                         "dense/kernel",
                                         "dense/bias",
                                         "batch_normalization/gamma",
                                         "batch_normalization/moving_mean",
                                         "batch_normalization/moving_variance"};
    static const char *const trained[] = {"batch_normalization_1/gamma", "batch_normalization_1/moving_mean",
                                          "dense_1/kernel"};
    for (size_t i = 0; i < sizeof frozen / sizeof *frozen; i++) assert_true(is_same(&a, &b, frozen[i]));
    for (size_t i = 0; i < sizeof trained / sizeof *trained; i++) assert_false(is_same(&a, &b, trained[i]));
    assert_null(safetensors_find(&b, "optimizer/dense/kernel/velocity"));
    assert_non_null(safetensors_find(&b, "optimizer/dense_1/kernel/velocity"));
    safetensors_free(&a);
    safetensors_free(&b);
}

/* The config's and the command line's freezing give the same run, at any number of threads. */
static void one_effect(void **state) {
    struct command_world *world = *state;
    command_write(world, "c.json", config);
    command_succeeds(world,
                     "cnntrain train c.json -q --out c --freeze conv2d --freeze 'batch_normalization' --threads 3");
    command_succeeds(world,
                     "cnntrain train c.json -q --out d --set model.0.trainable=false --set model.1.trainable=false");
    struct safetensors a, b;
    open_weights(world, "c/last.safetensors", &a);
    open_weights(world, "d/last.safetensors", &b);
    assert_true(a.tensor_count == b.tensor_count);
    for (size_t i = 0; i < a.tensor_count; i++)
        if (strncmp(a.tensors[i].name, "optimizer", 9) != 0) assert_true(is_same(&a, &b, a.tensors[i].name));
    safetensors_free(&a);
    safetensors_free(&b);
}

static void tables_count_what_is_trained(void **state) {
    struct command_world *world = *state;
    command_write(world, "c.json", config);
    command_succeeds(world, "cnntrain summary -q c.json --set training.freeze='[\"conv2d*\", \"batch*\"]'");
    assert_contains(world->out, "\nTotal params: 1,190\nTrainable params: 898\nNon-trainable params: 292\n");
}

/* Gradients pass through frozen layers: central differences agree. */
static void gradients_pass(void **state) {
    struct command_world *world = *state;
    command_write(world, "c.json", config);
    command_succeeds(world,
                     "cnntrain gradcheck --config c.json --set input_shape='[16, 16, 2]' "
                     "--set model.1.trainable=false --set model.3.trainable=false --set model.4.trainable=false");
    assert_contains(world->out, "All gradients agree");
}

static void mistakes(void **state) {
    struct command_world *world = *state;
    command_write(world, "c.json", config);
    command_fails(world, "cnntrain train c.json --freeze conv", 2,
                  "c.json: training.freeze[0]: \"conv\" matches no layer; there are: conv2d, batch_normalization, "
                  "max_pooling2d, conv2d_1, batch_normalization_1, flatten, dense, dense_1");
    command_fails(world, "cnntrain train c.json --freeze '*'", 2,
                  "c.json: model: has nothing to train: all weights are frozen; freeze fewer layers");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen_weights_stay),
        cmocka_unit_test(one_effect),
        cmocka_unit_test(tables_count_what_is_trained),
        cmocka_unit_test(gradients_pass),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
