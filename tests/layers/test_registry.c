/* What every layer must bring along. */
#include <string.h>

#include "core/activation.h"
#include "layers/registry.h"
#include "tests/support/layer_case.h"

static void every_layer_is_complete(void **state) {
    (void)state;
    for (const struct component_kind *const *at = layer_registry.kinds; *at; at++) {
        const struct layer_kind *kind = (const struct layer_kind *)(const void *)*at;
        assert_non_null(kind->component.summary);
        assert_non_null(kind->infer);
        assert_true(kind->component.size >= sizeof(struct layer_common));
        assert_true(kind->is_view || (kind->forward && kind->backward));
        if (!kind->is_view && !kind->describe) fail_msg("%s cannot be exported", kind->component.name);
        const bool whole_batch = kind->forward_partial;
        assert_int_equal(whole_batch, kind->forward_combine != NULL);
        assert_int_equal(whole_batch, kind->backward_partial != NULL);
        assert_int_equal(whole_batch, kind->backward_combine != NULL);
        assert_non_null(kind->examples);
        for (const struct field *field = kind->component.fields; field && field->key; field++)
            assert_non_null(field->help);
        assert_ptr_equal(registry_find(&layer_registry, kind->component.name), *at);
    }
}

static void names_of_keras(void **state) {
    (void)state;
    const char *const names[] = {"Conv2D",
                                 "DepthwiseConv2D",
                                 "SeparableConv2D",
                                 "MaxPooling2D",
                                 "AveragePooling2D",
                                 "GlobalMaxPooling2D",
                                 "GlobalAveragePooling2D",
                                 "Flatten",
                                 "Reshape",
                                 "Dense",
                                 "Activation",
                                 "Dropout",
                                 "BatchNormalization",
                                 "UpSampling2D",
                                 "ZeroPadding2D",
                                 "Cropping2D",
                                 "PReLU",
                                 "ReLU",
                                 "LeakyReLU",
                                 "ELU",
                                 "Softmax",
                                 "SpatialDropout2D",
                                 "GaussianNoise",
                                 "LayerNormalization",
                                 "Rescaling",
                                 "Conv2DTranspose",
                                 "DeformableConv2D"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) assert_non_null(registry_find(&layer_registry, names[i]));
    assert_ptr_equal(registry_find(&layer_registry, "MaxPool2D"), registry_find(&layer_registry, "MaxPooling2D"));
    assert_refused("{\"type\":\"Conv2d\",\"filters\":3}", (struct shape){3, {8, 8, 3}},
                   "test.json: model[0].type: unknown layer \"Conv2d\"; did you mean \"Conv2D\"?");
}

static void layers_that_are_not_wanted(void **state) {
    (void)state;
    const struct shape input = {3, {8, 8, 3}};
    assert_refused("{\"type\":\"Conv1D\",\"filters\":3}", input,
                   "test.json: model[0].type: there is no layer \"Conv1D\"; use Conv2D with \"kernel_size\": [1, k] on "
                   "images of height 1");
    assert_refused("{\"type\":\"convlstm2d\"}", input,
                   "test.json: model[0].type: there is no layer \"convlstm2d\"; use Conv2D with the frames of a "
                   "sequence as channels");
    assert_refused("{\"type\":\"GlobalAveragePooling1D\"}", input,
                   "test.json: model[0].type: there is no layer \"GlobalAveragePooling1D\"; use "
                   "GlobalAveragePooling2D on images of height 1");
    assert_refused("{\"type\":\"RandomFlip\"}", input,
                   "test.json: model[0].type: there is no layer \"RandomFlip\"; images are changed while they are "
                   "loaded: use \"augment\" of \"data\"");
    for (const struct component_advice *at = layer_registry.absent; at->name; at++)
        if (registry_find(&layer_registry, at->name)) fail_msg("%s is there", at->name);
}

static void any_layer_can_be_named(void **state) {
    (void)state;
    struct layer_case test;
    assert_true(layer_case_try(&test, "{\"type\":\"Flatten\",\"name\":\"flat\"}", (struct shape){3, {8, 8, 3}}));
    assert_string_equal(((const struct layer_common *)test.layer.config)->name, "flat");
    layer_case_close(&test);
}

/* An activation works on its own and in a layer alike. */
static void activation_layer(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"Activation\",\"activation\":\"relu\"}", (struct shape){1, {4}}, 1);
    layer_case_input(&test, (const float[]){-1, 0, 2, -3});
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, (const float[]){0, 0, 2, 0}, 4, 0);
    layer_case_dy(&test, 5);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){0, 0, 5, 0}, 4, 0);
    layer_case_close(&test);
    assert_refused("{\"type\":\"Activation\"}", (struct shape){1, {4}},
                   "test.json: model[0].activation: is missing; it must be given");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_is_complete),    cmocka_unit_test(names_of_keras),
        cmocka_unit_test(layers_that_are_not_wanted), cmocka_unit_test(any_layer_can_be_named),
        cmocka_unit_test(activation_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
