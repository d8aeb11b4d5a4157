/* The six combinations against float64 reference runs (tests/golden/training): logits, first gradients, losses of ten
 * steps on one batch, final weights; at every instruction set this machine has, with one and three threads. */
#include "tests/support/expect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/engine.h"
#include "core/interop/safetensors.h"
#include "core/json.h"
#include "core/loss.h"
#include "core/model_file.h"
#include "core/run.h"
#include "core/trainer.h"
#include "data/room.h"
#include "tests/support/registries.h"

struct reference {
    struct safetensors file;
    struct config config;
    struct model model;
    struct dataset dataset;
    struct feed feed;
};

static const struct safetensors_tensor *tensor_of(const struct reference *reference, const char *name) {
    const struct safetensors_tensor *tensor = safetensors_find(&reference->file, name);
    if (!tensor) fail_msg("%s lacks %s", reference->file.path, name);
    return tensor;
}

static float *floats_of(const struct reference *reference, const char *name) {
    const struct safetensors_tensor *tensor = tensor_of(reference, name);
    struct error error = {0};
    float *values = memory_allocate(tensor->elements, sizeof *values, "a tensor", &error);
    assert_non_null(values);
    safetensors_floats(tensor, values);
    return values;
}

/* The reference's model and optimizer as a config; one batch an epoch, never shuffled. */
static void read_config(struct reference *reference) {
    struct error error = {0};
    struct text text = {0};
    text_print(&text,
               "{\"name\": \"parity\", \"input_shape\": %s, \"model\": %s, \"data\": {\"source\": \"npy\", \"path\": "
               "\"none\"},"
               "\"training\": {\"epochs\": %s, \"batch_size\": %s, \"shuffle\": false, \"optimizer\": %s}}",
               safetensors_metadata(&reference->file, "input_shape"), safetensors_metadata(&reference->file, "model"),
               safetensors_metadata(&reference->file, "steps"), safetensors_metadata(&reference->file, "batch"),
               safetensors_metadata(&reference->file, "optimizer"));
    struct config_request request = {.registries = &test_registries};
    config_parse(&reference->config, text.bytes, "parity.json", &request, &error);
    expect_no_error(&error);
    text_free(&text);
}

static void read_dataset(struct reference *reference) {
    struct error error = {0};
    const struct safetensors_tensor *x = tensor_of(reference, "x"), *y = tensor_of(reference, "y");
    struct dataset *dataset = &reference->dataset;
    *dataset = (struct dataset){.count = (int64_t)x->shape[0],
                                .height = (int)x->shape[1],
                                .width = (int)x->shape[2],
                                .channels = (int)x->shape[3],
                                .type = PIXEL_FLOAT32,
                                .pixels = floats_of(reference, "x")};
    dataset->labels = memory_allocate(y->elements, sizeof(int32_t), "labels", &error);
    int64_t *labels = memory_allocate(y->elements, sizeof *labels, "labels", &error);
    assert_true(dataset->labels && labels);
    assert_int_equal(safetensors_integers(&reference->file, y, labels, &error), 0);
    for (size_t i = 0; i < y->elements; i++) dataset->labels[i] = (int32_t)labels[i];
    free(labels);
}

static void load_initial(struct reference *reference) {
    for (int i = 0; i < reference->model.layer_count; i++)
        for (int k = 0; k < reference->model.layers[i].parameter_count; k++) {
            char name[PARAMETER_NAME_SIZE], full[PARAMETER_NAME_SIZE + 16];
            const struct layer *layer = &reference->model.layers[i];
            snprintf(full, sizeof full, "initial/%s", model_parameter_name(layer, k, name, sizeof name));
            assert_int_equal(tensor_of(reference, full)->elements, layer->parameters[k].size);
            safetensors_floats(tensor_of(reference, full), model_parameter(&reference->model, layer, k));
        }
}

static void open_reference(struct reference *reference, const char *name) {
    char path[256];
    struct error error = {0};
    *reference = (struct reference){0};
    snprintf(path, sizeof path, "tests/golden/training/%s.safetensors", name);
    safetensors_read(path, &reference->file, &error);
    expect_no_error(&error);
    read_config(reference);
    read_dataset(reference);
    struct shape input = run_image_shape(&reference->dataset);
    struct place document = place_document(path), place = place_key(&document, "model");
    model_build(&reference->model, &reference->config.values.model, &input, &place, &error);
    expect_no_error(&error);
    load_initial(reference);
    struct normalization normalization = {.channels = input.size[2], .scale = 1, .std = {1, 1, 1, 1}};
    data_room.open(&reference->config.values.data, &normalization, &reference->dataset, 1, &reference->feed, &error);
    expect_no_error(&error);
}

static void close_reference(struct reference *reference) {
    data_room.close(&reference->feed);
    dataset_free(&reference->dataset);
    model_free(&reference->model);
    config_free(&reference->config);
    safetensors_free(&reference->file);
}

/* Largest difference, by the largest value of the reference. */
static double relative_error(const float *found, const float *expected, size_t count) {
    double difference = 0, largest = 1e-30;
    for (size_t i = 0; i < count; i++) {
        difference = fmax(difference, fabs((double)found[i] - (double)expected[i]));
        largest = fmax(largest, fabs((double)expected[i]));
    }
    return difference / largest;
}

static void check_parameters(const struct reference *reference, const char *prefix, const float *block,
                             double tolerance) {
    for (int i = 0; i < reference->model.layer_count; i++)
        for (int k = 0; k < reference->model.layers[i].parameter_count; k++) {
            char name[PARAMETER_NAME_SIZE], full[PARAMETER_NAME_SIZE + 16];
            const struct layer *layer = &reference->model.layers[i];
            const struct parameter *parameter = &layer->parameters[k];
            snprintf(full, sizeof full, "%s/%s", prefix, model_parameter_name(layer, k, name, sizeof name));
            float *expected = floats_of(reference, full);
            double error = relative_error(block + parameter->offset, expected, parameter->size);
            if (error > tolerance) fail_msg("%s %s: relative error %.3g", reference->file.path, full, error);
            free(expected);
        }
}

/* Logits are not kept by the engine: probabilities are compared with the softmax of the reference's. */
static void check_logits(const struct reference *reference, struct engine *engine, const struct batch *batch) {
    size_t count = tensor_of(reference, "logits")->elements;
    int classes = reference->model.output.size[0];
    float *logits = floats_of(reference, "logits"), probabilities[1024], expected[1024];
    assert_true(count <= 1024);
    engine_evaluate(engine, batch, probabilities, NULL);
    loss_softmax_cross_entropy(logits, batch->count, classes, reference->dataset.labels, 0, 1, NULL, expected, NULL);
    for (size_t i = 0; i < count; i++)
        /* log p differs from the logit by a constant of its row; so does the reference's. */
        assert_float_equal(logf(probabilities[i]), logf(expected[i]), 1e-5f);
    free(logits);
}

static void check_losses(const struct reference *reference, const struct history *history) {
    float *losses = floats_of(reference, "losses");
    assert_int_equal((size_t)history->count, tensor_of(reference, "losses")->elements);
    for (int i = 0; i < history->count; i++)
        if (fabs(history->rows[i].loss - (double)losses[i]) > 1e-4)
            fail_msg("%s step %d: loss %.7g, reference %.7g", reference->file.path, i, history->rows[i].loss,
                     (double)losses[i]);
    free(losses);
}

static void check_run(struct reference *reference, struct engine *engine) {
    struct error error = {0};
    int64_t samples[64];
    for (int i = 0; i < 64; i++) samples[i] = i;
    struct batch batch = {.feed = &reference->feed, .samples = samples, .count = (int)reference->dataset.count};
    check_logits(reference, engine, &batch);
    struct batch_result result;
    engine_train_step(engine, &batch, &result);
    check_parameters(reference, "gradient", engine_gradients(engine), 1e-5);
    struct trainer_setup setup = {.config = &reference->config,
                                  .model = &reference->model,
                                  .engine = engine,
                                  .train = &reference->feed,
                                  .facts = {.config_text = "{}"}};
    struct trainer *trainer = NULL;
    trainer_open(&trainer, &setup, &error);
    expect_no_error(&error);
    trainer_run(trainer, &error);
    expect_no_error(&error);
    check_losses(reference, trainer_history(trainer));
    check_parameters(reference, "final", reference->model.parameters, 1e-4);
    trainer_close(trainer);
}

static void check_at(const char *name, const struct kernels *kernels, int threads) {
    struct reference reference;
    struct error error = {0};
    struct engine *engine = NULL;
    open_reference(&reference, name);
    struct engine_options options = {.threads = threads,
                                     .batch_size = (int)reference.dataset.count,
                                     .training = true,
                                     .feed_scratch_bytes = reference.feed.scratch_bytes};
    engine_open(&engine, &reference.model, kernels, &options, &error);
    expect_no_error(&error);
    check_run(&reference, engine);
    engine_close(engine);
    close_reference(&reference);
}

static void check_everywhere(const char *name) {
    for (int i = 0; kernels_at(i); i++) {
        check_at(name, kernels_at(i), 1);
        check_at(name, kernels_at(i), 3);
    }
}

#define PARITY_TEST(name)                                                                                              \
    static void name(void **state) {                                                                                   \
        (void)state;                                                                                                   \
        check_everywhere(#name);                                                                                       \
    }
PARITY_TEST(conv_avg_sgd)
PARITY_TEST(conv_max_momentum)
PARITY_TEST(dw_avg_nesterov)
PARITY_TEST(dw_max_adam)
PARITY_TEST(sep_avg_rmsprop)
PARITY_TEST(sep_max_adamw)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_avg_sgd), cmocka_unit_test(conv_max_momentum), cmocka_unit_test(dw_avg_nesterov),
        cmocka_unit_test(dw_max_adam),  cmocka_unit_test(sep_avg_rmsprop),   cmocka_unit_test(sep_max_adamw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
