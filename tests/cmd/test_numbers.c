/* Numbers at the edge: images and data sets as small, as large and as lopsided as they come work, or say why not. */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tests/support/command.h"

enum { IMAGES = 24, SIDE = 6, PIXELS = IMAGES * SIDE * SIDE };

static const char model[] =
    "{\"data\": {\"source\": \"npy\", \"path\": \"x.npy,y.npy\", \"validation_split\": 0.25}, \"model\": [{\"type\": "
    "\"Conv2D\", \"filters\": 3, \"kernel_size\": 3, \"activation\": \"relu\"}, \"BatchNormalization\", \"Flatten\", "
    "{\"type\": \"Dense\", \"units\": 6, \"activation\": \"softmax\"}], \"training\": {\"epochs\": 2, \"batch_size\": "
    "5, "
    "\"optimizer\": {\"type\": \"SGD\", \"learning_rate\": 0.01}}}";

static void write_array(const struct command_world *world, const char *name, const char *kind, const char *shape,
                        const void *bytes, size_t length) {
    char header[119] = "", *path = expect_path(world->folder, name);
    int used = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", kind, shape);
    memset(header + used, ' ', (size_t)(117 - used));
    header[117] = '\n';
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file);
    fwrite(header, 1, 118, file);
    fwrite(bytes, 1, length, file);
    assert_int_equal(fclose(file), 0);
    free(path);
}

/* Images of pixels between 0 and 1, the last times `factor`, with labels 0, 1, 2, 0, ... times `label`. */
static void write_data(struct command_world *world, float factor, int label) {
    static float pixels[PIXELS];
    uint8_t labels[IMAGES];
    for (int i = 0; i < PIXELS; i++) pixels[i] = (float)(i * 37 % 101) / 101;
    for (int i = PIXELS - SIDE * SIDE; i < PIXELS; i++) pixels[i] = (pixels[i] + 1) / 2 * factor;
    for (int i = 0; i < IMAGES; i++) labels[i] = (uint8_t)(i % 3 * label);
    write_array(world, "x.npy", "<f4", "(24, 6, 6, 1)", pixels, sizeof pixels);
    write_array(world, "y.npy", "|u1", "(24,)", labels, sizeof labels);
    command_write(world, "model.json", model);
    command(world, "rm -rf out");
}

static void trains(struct command_world *world, const char *options) {
    command(world, "rm -rf out; cnntrain train model.json -q --out out %s", options);
    if (world->code != 0) fail_msg("%s: exit code %d: %s", options, world->code, world->err);
    command(world, "grep -E 'nan|inf' out/history.csv");
    assert_string_equal(world->out, "");
}

static void lopsided_data(void **state) {
    struct command_world *world = *state;
    write_data(world, 1, 1); /* more outputs than classes */
    trains(world, "");
    trains(world, "--batch-size 1");
    trains(world, "--batch-size 1000");
    trains(world, "--set data.validation_split=0");
    trains(world, "--set training.optimizer.learning_rate=0");
    trains(world, "--set training.label_smoothing=1");
    write_data(world, 1, 0); /* one class alone */
    trains(world, "");
    write_data(world, 1, 2); /* none of class 1 */
    trains(world, "");
    write_data(world, FLT_MIN / 1024, 1); /* denormal pixels */
    trains(world, "--set data.normalize=standardize");
}

static void few_images(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain train dw_max -q --data synth:1,1 --epochs 2 --set data.validation_split=0");
    command_succeeds(world, "cnntrain train dw_max -q --data synth:2,0 --epochs 2 --set data.validation_split=0.5");
    command_fails(world, "cnntrain train dw_max --data synth:1,1 --set data.validation_split=0.5", 3,
                  "1,1: has 1 training images; validation_split 0.5 would leave 0 to train on and 1 to validate with; "
                  "both need at least one");
}

/* Logits of 1e30 and above are finite, and so is their loss; beyond the largest float there is none. */
static void huge_images(void **state) {
    struct command_world *world = *state;
    write_data(world, 1e30F, 1); /* the last image is one of the validation's */
    trains(world, "");
    write_data(world, FLT_MAX, 1);
    command(world, "cnntrain train model.json -q --out out --set model.0.kernel_initializer=ones");
    assert_int_equal(world->code, 5);
    assert_starts_with(world->err,
                       "error: the validation loss is not finite after epoch 1; the first layer with such an "
                       "output is conv2d; ");
    command(world, "rm -rf out; cnntrain train model.json -q --out out --set model.0.kernel_initializer=ones --set "
                   "training.on_nan=skip && cut -d , -f 4 out/history.csv");
    assert_int_equal(world->code, 0);
    assert_last_line(world->out, "inf");
    command(world, "cnntrain evaluate out --split validation");
    assert_int_equal(world->code, 5);
    assert_starts_with(world->err, "error: the loss on these images is not finite; the first layer with such an output "
                                   "is conv2d; ");
    command_succeeds(world, "cnntrain evaluate out --split train");
}

static void rates_beyond_all_bounds(void **state) {
    struct command_world *world = *state;
    static const char *const rates[] = {"1e30", "1e300"};
    write_data(world, 1, 1);
    for (size_t i = 0; i < 2; i++) {
        command(world, "rm -rf out; cnntrain train model.json -q --out out --set training.optimizer.learning_rate=%s",
                rates[i]);
        assert_int_equal(world->code, 5);
        assert_starts_with(world->err,
                           "error: the loss is not finite in epoch 1, step 2 of 4; the first layer with such "
                           "an output is ");
        command_succeeds(world, "cnntrain evaluate out --split train");
        command(world,
                "rm -rf out; cnntrain train model.json --out out --set training.on_nan=skip --set "
                "training.optimizer.learning_rate=%s",
                rates[i]);
        assert_int_equal(world->code, 5);
        assert_contains(world->err,
                        "Epoch 1: the loss or a gradient of step 2 is not finite; such steps are skipped\n");
        assert_contains(world->err, " holds a value that is not finite after step 4; try a smaller learning_rate");
        command_succeeds(world, "cnntrain evaluate out --split train");
    }
}

static void weights_that_are_not_finite(void **state) {
    struct command_world *world = *state;
    write_data(world, 1, 1);
    command(world, "cnntrain train model.json -q --out out --set model.0.kernel_initializer='{\"type\":\"constant\","
                   "\"value\":1e300}'");
    assert_int_equal(world->code, 5);
    assert_starts_with(world->err, "error: conv2d/kernel holds a value that is not finite before the first step; look "
                                   "at its initializer, the given weights, or the images\n");
    assert_false(command_has(world, "out/log.txt"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lopsided_data),
        cmocka_unit_test(few_images),
        cmocka_unit_test(huge_images),
        cmocka_unit_test(rates_beyond_all_bounds),
        cmocka_unit_test(weights_that_are_not_finite),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
