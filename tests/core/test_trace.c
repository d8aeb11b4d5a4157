#include "core/trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "layers/registry.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"

static const char smooth_model[] =
    "[{'type': 'Conv2D', 'filters': 4, 'kernel_size': 3, 'activation': 'gelu'}, {'type': 'BatchNormalization'},"
    " {'type': 'AveragePooling2D'}, {'type': 'Dropout', 'rate': 0.3}, {'type': 'GaussianNoise', 'stddev': 1},"
    " {'type': 'SpatialDropout2D', 'rate': 0.5}, {'type': 'Flatten'}, {'type': 'Dense', 'units': 7, 'activation': "
    "'tanh'},"
    " {'type': 'Dense', 'units': 3%s}]";

/* Blocks within each other, one with strides and a projection, one that begins at the very input. */
static const char residual_model[] =
    "[{'type': 'Residual', 'activation': 'tanh', 'layers': ["
    "   {'type': 'Conv2D', 'filters': 3, 'kernel_size': 3, 'padding': 'same', 'activation': 'gelu'},"
    "   {'type': 'Residual', 'layers': [{'type': 'Conv2D', 'filters': 3, 'kernel_size': 3, 'padding': 'same',"
    "      'activation': 'tanh'}, {'type': 'BatchNormalization'}]}]},"
    " {'type': 'Residual', 'layers': [{'type': 'Conv2D', 'filters': 4, 'kernel_size': 3, 'strides': 2, 'padding': "
    "'same',"
    "      'activation': 'tanh'}, {'type': 'Dropout', 'rate': 0.5}]},"
    " {'type': 'Flatten'}, {'type': 'Residual', 'layers': [{'type': 'Dense', 'units': 64, 'activation': 'tanh'}]},"
    " {'type': 'Dense', 'units': 3}]";

/* Some training, so that the moving statistics and all weights are of interest. */
static void train(struct tiny *tiny) {
    struct batch_result result;
    for (uint64_t step = 0; step < 5; step++) {
        const struct batch batch = {.feed = &tiny->train, .samples = tiny_samples(), .count = 8, .step = step};
        engine_train_step(tiny->engine, &batch, &result);
        const float *gradients = engine_gradients(tiny->engine);
        for (size_t i = 0; i < tiny->model.trainable_floats; i++) tiny->model.parameters[i] -= 0.2F * gradients[i];
        engine_refresh(tiny->engine);
    }
}

static void open_trace(struct trace *trace, const struct model *model, bool wants_gradient) {
    struct error error = {0};
    assert_int_equal(trace_open(trace, model, kernels_select(NULL), wants_gradient, &error), 0);
    expect_no_error(&error);
}

static void feed_image(const struct tiny *tiny, int64_t sample, struct trace *trace) {
    tiny->train.fill(&tiny->train, &sample, 1, 0, false, trace->outputs[0], NULL);
}

/* The last output is what evaluation says, bit by bit, however many numbers are kept on the way. */
static void same_as_evaluation(void **state) {
    (void)state;
    struct tiny tiny;
    tiny_open(&tiny, &(struct tiny_setup){.train = 8});
    train(&tiny);
    float probabilities[8 * TINY_CLASSES];
    const struct batch batch = {.feed = &tiny.train, .samples = tiny_samples(), .count = 8};
    engine_evaluate(tiny.engine, &batch, probabilities, NULL);
    for (int gradient = 0; gradient < 2; gradient++) {
        struct trace trace;
        open_trace(&trace, &tiny.model, gradient);
        for (int i = 0; i < 8; i++) {
            feed_image(&tiny, i, &trace);
            trace_forward(&trace);
            const float *output = trace.outputs[tiny.model.layer_count];
            for (int k = 0; k < TINY_CLASSES; k++)
                assert_float_equal(output[k], probabilities[i * TINY_CLASSES + k], 1e-6F);
        }
        trace_close(&trace);
    }
    tiny_close(&tiny);
}

static void open_smooth(struct tiny *tiny, const char *activation) {
    char model[sizeof smooth_model + 64];
    snprintf(model, sizeof model, smooth_model, activation);
    tiny_open(tiny, &(struct tiny_setup){.train = 8, .model = model});
    train(tiny);
}

/* The gradient of an output without softmax against central differences, in every input. */
static void check_gradient(const struct tiny *tiny) {
    struct trace trace;
    enum { INPUTS = TINY_SIDE * TINY_SIDE * TINY_CHANNELS };
    open_trace(&trace, &tiny->model, true);
    feed_image(tiny, 3, &trace);
    float gradient[INPUTS], largest = 0;
    trace_forward(&trace);
    memcpy(gradient, trace_gradient(&trace, 1), sizeof gradient);
    for (int i = 0; i < INPUTS; i++) largest = fmaxf(largest, fabsf(gradient[i]));
    assert_true(largest > 1e-3F);
    for (int i = 0; i < INPUTS; i++) {
        const float middle = trace.outputs[0][i], step = 0.01F;
        trace.outputs[0][i] = middle + step;
        trace_forward(&trace);
        const float above = trace.outputs[tiny->model.layer_count][1];
        trace.outputs[0][i] = middle - step;
        trace_forward(&trace);
        const float below = trace.outputs[tiny->model.layer_count][1];
        trace.outputs[0][i] = middle;
        assert_float_equal(gradient[i], (above - below) / (2 * step), 0.01F * largest);
    }
    trace_close(&trace);
}

static void gradient_of_output(void **state) {
    (void)state;
    struct tiny tiny;
    open_smooth(&tiny, "");
    check_gradient(&tiny);
    tiny_close(&tiny);
}

static void gradient_through_residuals(void **state) {
    (void)state;
    struct tiny tiny;
    tiny_open(&tiny, &(struct tiny_setup){.train = 8, .model = residual_model});
    train(&tiny);
    check_gradient(&tiny);
    tiny_close(&tiny);
}

/* With a softmax at the end it is the gradient of the number before it. */
static void gradient_of_logit(void **state) {
    (void)state;
    struct tiny plain, ended;
    struct trace first, second;
    open_smooth(&plain, "");
    open_smooth(&ended, ", 'activation': 'softmax'");
    memcpy(ended.model.parameters, plain.model.parameters, plain.model.parameter_floats * sizeof(float));
    open_trace(&first, &plain.model, true);
    open_trace(&second, &ended.model, true);
    feed_image(&plain, 5, &first);
    feed_image(&ended, 5, &second);
    trace_forward(&first);
    trace_forward(&second);
    for (int k = 0; k < TINY_CLASSES; k++)
        assert_memory_equal(trace_gradient(&first, k), trace_gradient(&second, k),
                            TINY_SIDE * TINY_SIDE * TINY_CHANNELS * sizeof(float));
    trace_close(&first);
    trace_close(&second);
    tiny_close(&plain);
    tiny_close(&ended);
}

/* What a trace with a gradient computes forward is what inference does: pass->steady is heeded by every layer. */
static void check_steady(const struct layer_kind *kind, const struct layer_example *example) {
    struct error error = {0};
    struct config config;
    struct model model;
    struct trace trace[2];
    char json[1024];
    snprintf(json, sizeof json, "{\"model\": [{\"type\": \"%s\"%s%s]}", kind->component.name,
             strcmp(example->config, "{}") == 0 ? "" : ", ", example->config + 1);
    struct config_request request = {.registries = &test_registries};
    config_parse(&config, json, "test.json", &request, &error);
    model_build(&model, &config, &example->input, &error);
    model_initialize(&model, 1, &error);
    expect_no_error(&error);
    size_t inputs = 0, outputs = 0;
    shape_elements(&model.input, &inputs);
    shape_elements(&model.output, &outputs);
    for (int i = 0; i < 2; i++) {
        open_trace(&trace[i], &model, i == 1);
        for (size_t k = 0; k < inputs; k++) trace[i].outputs[0][k] = sinf((float)k) + 2;
        trace_forward(&trace[i]);
    }
    if (memcmp(trace[0].outputs[model.layer_count], trace[1].outputs[model.layer_count], outputs * sizeof(float)) != 0)
        fail_msg("%s: a steady pass is not what inference does", json);
    const float *gradient = trace_gradient(&trace[1], (int)(outputs / 2));
    for (size_t k = 0; k < inputs; k++) assert_true(isfinite(gradient[k]));
    trace_close(&trace[0]);
    trace_close(&trace[1]);
    model_free(&model);
    config_free(&config);
}

static void every_layer_is_steady(void **state) {
    (void)state;
    for (const struct component_kind *const *at = layer_registry.kinds; *at; at++) {
        const struct layer_kind *kind = (const struct layer_kind *)(const void *)*at;
        for (int i = 0; kind->examples[i].config; i++) check_steady(kind, &kind->examples[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_evaluation),         cmocka_unit_test(gradient_of_output),
        cmocka_unit_test(gradient_through_residuals), cmocka_unit_test(gradient_of_logit),
        cmocka_unit_test(every_layer_is_steady),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
