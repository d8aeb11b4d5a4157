/* Pools that the layer in front does; test_engine.c has models with them among those whose bits are compared. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "tests/support/expect.h"
#include "tests/support/tiny.h"

enum { IMAGES = 7 };

/* What the model puts out for some images, at inference. */
static float *probabilities_of(const char *model, bool keep_outputs) {
    struct tiny tiny;
    struct batch_result result;
    float *probabilities = calloc((size_t)IMAGES * TINY_CLASSES, sizeof *probabilities);
    assert_non_null(probabilities);
    tiny_open(&tiny, &(struct tiny_setup){.model = model,
                                          .training = "{'batch_size': 7}",
                                          .train = IMAGES,
                                          .inference = true,
                                          .keep_outputs = keep_outputs});
    struct batch batch = {.feed = &tiny.train, .samples = tiny_samples(), .count = IMAGES};
    engine_evaluate(tiny.engine, &batch, probabilities, &result);
    tiny_close(&tiny);
    return probabilities;
}

/* Windows that the border cuts off, or that overlap, stay with the pool; all give the bits of layers one by one. */
static void test_same_bits_at_inference(void **state) {
    (void)state;
    static const char *const pools[] = {
        "{'type': 'MaxPooling2D'}",
        "{'type': 'AveragePooling2D'}",
        "{'type': 'SumPooling2D', 'padding': 'same'}",
        "{'type': 'MaxPooling2D', 'pool_size': 2, 'strides': 1}",
        "{'type': 'AveragePooling2D', 'pool_size': [2, 1]}",
        "{'type': 'MaxPooling2D', 'pool_size': 3, 'padding': 'same'}",
    };
    static const char *const kernels[] = {"3", "2, 'padding': 'same'", "[1, 2]", "1"};
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
            char model[500];
            snprintf(model, sizeof model,
                     "[{'type': 'SeparableConv2D', 'filters': %d, 'kernel_size': %s, 'activation': %s}, %s,"
                     " {'type': 'Flatten'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
                     15 + (int)k, kernels[k], i % 2 ? "'relu'" : "null", pools[i]);
            float *merged = probabilities_of(model, false), *alone = probabilities_of(model, true);
            assert_memory_equal(merged, alone, (size_t)IMAGES * TINY_CLASSES * sizeof *merged);
            free(merged);
            free(alone);
        }
    }
}

/* Of a layer that does the pool behind it, too, and puts out no output of its own else. */
static void test_first_not_finite(void **state) {
    (void)state;
    struct tiny tiny;
    struct batch_result result;
    tiny_open(&tiny, &(struct tiny_setup){.model = "[{'type': 'SeparableConv2D', 'filters': 16, 'kernel_size': 1,"
                                                   " 'activation': 'relu', 'name': 'first'}, {'type': 'MaxPooling2D'},"
                                                   " {'type': 'Flatten'}, {'type': 'Dense', 'units': 3, 'activation':"
                                                   " 'softmax'}]",
                                          .training = "{'batch_size': 6}",
                                          .train = 6});
    struct batch batch = {.feed = &tiny.train, .samples = tiny_samples(), .count = 6};
    for (int training = 0; training < 2; training++)
        assert_null(engine_first_not_finite(tiny.engine, &batch, training));
    model_parameter(&tiny.model, &tiny.model.layers[0], 2)[3] = NAN;
    engine_train_step(tiny.engine, &batch, &result);
    assert_true(isnan(result.loss));
    for (int training = 0; training < 2; training++)
        assert_string_equal(engine_first_not_finite(tiny.engine, &batch, training)->name, "first");
    tiny_close(&tiny);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits_at_inference),
        cmocka_unit_test(test_first_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
