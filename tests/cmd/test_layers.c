/* layers and gradcheck: what there is, and whether its gradients are right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/command.h"
#include "tests/support/sanitizers.h"

static void all_layers(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain layers");
    assert_starts_with(world->out, "Conv2D  ");
    assert_contains(world->out, "\nBatchNormalization  ");
    assert_contains(world->out, "\nMore about one: cnntrain layers NAME. Also by name: activation, ");
    cJSON *json = command_json(world, "cnntrain layers --json");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json->child, "name")), "Conv2D");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json->child, "kind")), "layer");
    cJSON_Delete(json);
}

static void one_layer(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain layers MaxPooling2D");
    assert_starts_with(world->out, "MaxPooling2D (layer");
    assert_contains(world->out, "\n  pool_size ");
    assert_contains(world->out, "; default 2\n");
    assert_contains(world->out, "\nExample:\n  {\"type\": \"MaxPooling2D\"");
    command_succeeds(world, "cnntrain layers Conv2D");
    assert_contains(world->out, "1 or more; required\n");
    command_succeeds(world, "cnntrain layers DeformableConv2D");
    assert_contains(world->out,
                    "\n  offset_kernel_initializer\n                          initializer; default \"zeros\"\n");
    command_succeeds(world, "cnntrain layers Adam");
    assert_starts_with(world->out, "Adam (optimizer, also adam): ");
    command_succeeds(world, "cnntrain layers activation");
    assert_starts_with(world->out, "relu (activation, also ReLU): max(x, 0)\n\n");
    assert_lacks(world->out, "\n\n\n");
}

static void a_page_like_a_manual(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain layers Conv2D");
    assert_starts_with(world->out, "Conv2D (layer, also Convolution2D): ");
    assert_contains(world->out, "\n\nSlides a small kernel over the image. ");
    assert_contains(world->out, "\nArguments:\n  filters                 integer, 1 or more; required\n"
                                "                          output channels\n");
    assert_contains(world->out, "\nShapes:\n  input (height, width, channels), ");
    assert_contains(world->out, "\nCost:\n  multiplications: ");
    assert_contains(world->out,
                    "\nExample:\n  {\"type\": \"Conv2D\", \"filters\": 32, \"kernel_size\": 3, \"activation\": "
                    "\"relu\"}\n\n  input    (32,32,3)\n  output   (30,30,32)\n"
                    "  weights  kernel (3,3,3,32): 864 numbers\n           bias (32): 32 numbers\n"
                    "  multiplications an image: 777,600\n  an output looks at: 3 x 3\n");
    assert_contains(world->out, "\n   conv2d (Conv2D)             (None, 30, 30, 32)        896\n");
    assert_contains(world->out, "\nReferences:\n  LeCun et al. 1998, ");
    assert_contains(world->out, "\nSee also:\n  DepthwiseConv2D, ");
    command_succeeds(world, "cnntrain layers BatchNormalization");
    assert_contains(world->out, "           moving_variance (16): 16 numbers, not trained\n");
}

/* Every layer shows an example that fits, on terminals of any width; what it refers to is there. */
static void pages_of_all_layers(void **state) {
    struct command_world *world = *state;
    cJSON *all = command_json(world, "cnntrain layers --json");
    for (const cJSON *item = all->child; item; item = item->next) {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(item, "name"));
        const char *others = cJSON_GetStringValue(cJSON_GetObjectItem(item, "see_also"));
        if (!cJSON_IsArray(cJSON_GetObjectItem(cJSON_GetObjectItem(item, "example"), "weights")))
            fail_msg("%s: the example does not fit", name);
        for (const char *at = others ? others : ""; *at; at += strcspn(at, ",\n"), at += strspn(at, ", \n")) {
            command(world, "cnntrain layers %.*s", (int)strcspn(at, " ,\n"), at);
            if (world->code != 0) fail_msg("%s refers to %s", name, at);
        }
    }
    cJSON_Delete(all);
    for (int columns = 40; columns <= 120; columns += 40) {
        assert_int_equal(command_on_terminal(world, columns, "cnntrain layers layer"), 0);
        for (const char *line = world->out; *line; line += strcspn(line, "\n") + 1)
            if ((int)strcspn(line, "\r\n") > columns)
                fail_msg("%d columns: %.*s", columns, (int)strcspn(line, "\r\n"), line);
    }
}

/* Of a layer with others inside: itself, and the table has them all. */
static void layer_with_others_inside(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain layers Residual");
    assert_contains(world->out, "  weights  none\n  multiplications an image: 1,620\n");
    assert_contains(world->out, "   | conv2d (Conv2D) ");
    assert_contains(world->out, "\n   residual (Residual) ");
}

static void fields_as_json(void **state) {
    struct command_world *world = *state;
    cJSON *json = command_json(world, "cnntrain layers Dense --json"), *units = NULL;
    for (cJSON *item = cJSON_GetObjectItem(json, "fields")->child; item; item = item->next)
        if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(item, "name")), "units") == 0) units = item;
    assert_non_null(units);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(units, "required")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(units, "default")));
    cJSON_Delete(json);
}

static void unknown_names(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain layers Conv3D", 2,
                  "Conv3D: there is no such layer; use Conv2D with the slices of a volume as channels");
    command_fails(world, "cnntrain layers conv2", 2, "conv2: unknown; did you mean \"Conv2D\"?");
    command_fails(world, "cnntrain layers dens", 2, "dens: unknown; did you mean \"Dense\"?");
    command_fails(world, "cnntrain layers xyzzyx", 2, "xyzzyx: unknown; `cnntrain layers` lists all there is");
}

static void check_gradients(struct command_world *world, const char *config, const char *options) {
    command(world, "cnntrain gradcheck --config %s %s", config, options);
    if (world->code != 0) fail_msg("%s: %s%s", config, world->out, world->err);
    assert_contains(world->out, "\nAll gradients agree with central differences within 0.002 (");
    assert_lacks(world->out, "WRONG");
}

/* The six on smaller images, which is quicker; under the address sanitizer the deep ones would take half a minute. */
static void gradients_of_every_config(void **state) {
    static const char *const flat[] = {"conv_avg", "conv_max", "dw_avg", "dw_max", "sep_avg", "sep_max"};
    check_gradients(*state, "lesson", "");
    for (size_t i = 0; i < sizeof flat / sizeof flat[0]; i++) {
        char deep[32];
        snprintf(deep, sizeof deep, "deep_%s", flat[i]);
        check_gradients(*state, flat[i], "--set 'input_shape=[8,8,3]'");
        if (!SANITIZES_ADDRESSES) check_gradients(*state, deep, "--set 'input_shape=[8,8,3]'");
    }
}

static void gradients_of_other_kernels_as_json(void **state) {
    struct command_world *world = *state;
    cJSON *json = command_json(world, "CNNTRAIN_CPU=portable cnntrain gradcheck lesson --json");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(json, "passed")));
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "kernel")), "portable");
    const cJSON *first = cJSON_GetObjectItem(json, "gradients")->child;
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(first, "layer")), "conv2d");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(first, "name")), "input");
    cJSON_Delete(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_layers),
        cmocka_unit_test(one_layer),
        cmocka_unit_test(a_page_like_a_manual),
        cmocka_unit_test(pages_of_all_layers),
        cmocka_unit_test(layer_with_others_inside),
        cmocka_unit_test(fields_as_json),
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(gradients_of_every_config),
        cmocka_unit_test(gradients_of_other_kernels_as_json),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
