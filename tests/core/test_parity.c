/* Trainings against float64 references: the logits and gradients at the start, the losses of ten steps, the weights
 * and probabilities after them; at every instruction set this machine has, with one and three threads. */
#include "tests/support/expect.h"

#include <math.h>
#include <stdlib.h>

#include "core/config.h"
#include "core/engine.h"
#include "core/json.h"
#include "core/run.h"
#include "core/trainer.h"
#include "data/room.h"
#include "tests/support/parity.h"
#include "tests/support/registries.h"

struct session {
    struct safetensors file;
    struct config config;
    struct model model;
    struct dataset dataset;
    struct feed feed;
    struct engine *engine;
    int64_t *samples; /* (count) 0, 1, ... */
};

static void read_config(struct session *session) {
    struct error error = {0};
    struct config_request request = {.registries = &test_registries};
    const char *text = safetensors_metadata(&session->file, "config");
    assert_non_null(text);
    config_parse(&session->config, text, session->file.path, &request, &error);
    expect_no_error(&error);
}

static void *allocate(size_t count, size_t size) {
    struct error error = {0};
    void *values = memory_allocate(count, size, "a list", &error);
    expect_no_error(&error);
    return values;
}

static void read_dataset(struct session *session) {
    struct error error = {0};
    const struct safetensors_tensor *x = parity_tensor(&session->file, "x"), *y = parity_tensor(&session->file, "y");
    struct dataset *dataset = &session->dataset;
    *dataset = (struct dataset){.count = (int64_t)x->shape[0],
                                .height = (int)x->shape[1],
                                .width = (int)x->shape[2],
                                .channels = (int)x->shape[3],
                                .type = PIXEL_FLOAT32,
                                .pixels = parity_floats(&session->file, "x"),
                                .labels = allocate(y->elements, sizeof(int32_t))};
    session->samples = allocate(y->elements, sizeof *session->samples);
    safetensors_integers(&session->file, y, session->samples, &error);
    expect_no_error(&error);
    for (size_t i = 0; i < y->elements; i++) {
        dataset->labels[i] = (int32_t)session->samples[i];
        session->samples[i] = (int64_t)i;
    }
}

static void load_initial(struct session *session) {
    char name[PARITY_NAME_SIZE];
    for (int i = 0; i < session->model.layer_count; i++)
        for (int k = 0; k < session->model.layers[i].parameter_count; k++) {
            const struct layer *layer = &session->model.layers[i];
            parity_parameter_name("initial", layer, k, name);
            const struct safetensors_tensor *tensor = parity_tensor(&session->file, name);
            assert_int_equal(tensor->rank, layer->parameters[k].shape.rank);
            for (int axis = 0; axis < tensor->rank; axis++)
                assert_int_equal(tensor->shape[axis], layer->parameters[k].shape.size[axis]);
            safetensors_floats(tensor, model_parameter(&session->model, layer, k));
        }
    engine_refresh(session->engine);
}

static void open_engine(struct session *session, const struct kernels *kernels, int threads) {
    struct error error = {0};
    const struct training_config *training = &session->config.values.training;
    struct engine_options options = {.threads = threads,
                                     .batch_size = training->batch_size,
                                     .training = true,
                                     .label_smoothing = training->label_smoothing,
                                     .feed_scratch_bytes = session->feed.scratch_bytes};
    engine_open(&session->engine, &session->model, kernels, &options, &error);
    expect_no_error(&error);
}

static void open_session(struct session *session, const char *name, const struct kernels *kernels, int threads) {
    struct error error = {0};
    *session = (struct session){0};
    parity_read(name, &session->file);
    read_config(session);
    read_dataset(session);
    struct shape input = run_image_shape(&session->dataset);
    model_build(&session->model, &session->config, &input, &error);
    expect_no_error(&error);
    struct normalization normalization = {.channels = input.size[2], .scale = 1, .std = {1, 1, 1, 1}};
    data_room.open(&session->config.values.data, &normalization, &session->dataset, 1, &session->feed, &error);
    expect_no_error(&error);
    open_engine(session, kernels, threads);
}

static void close_session(struct session *session) {
    engine_close(session->engine);
    data_room.close(&session->feed);
    dataset_free(&session->dataset);
    free(session->samples);
    model_free(&session->model);
    config_free(&session->config);
    safetensors_free(&session->file);
}

/* ---- what is compared ---- */

static void check_parameters(const struct session *session, const char *prefix, const float *block, double tolerance) {
    char name[PARITY_NAME_SIZE];
    bool gradients = block != session->model.parameters;
    for (int i = 0; i < session->model.layer_count; i++)
        for (int k = 0; k < session->model.layers[i].parameter_count; k++) {
            const struct layer *layer = &session->model.layers[i];
            const struct parameter *parameter = &layer->parameters[k];
            if (gradients && !parameter->trainable) continue;
            parity_parameter_name(prefix, layer, k, name);
            double error = parity_difference(&session->file, name, block + parameter->offset);
            if (!(error <= tolerance)) fail_msg("%s %s: relative error %.3g", session->file.path, name, error);
        }
}

static struct batch batch_of(const struct session *session, int count) {
    return (struct batch){.feed = &session->feed, .samples = session->samples, .count = count};
}

static float *evaluate(const struct session *session) {
    int count = (int)session->dataset.count;
    float *probabilities = allocate((size_t)count * (size_t)session->model.output.size[0], sizeof *probabilities);
    struct batch batch = batch_of(session, count);
    engine_evaluate(session->engine, &batch, probabilities, NULL);
    return probabilities;
}

static double log_sum(const float *logits, int classes) {
    double sum = 0;
    for (int k = 0; k < classes; k++) sum += exp((double)logits[k]);
    return log(sum);
}

/* The engine gives probabilities; their logarithms are the logits but for a number that a row has in common. */
static void check_logits(const struct session *session) {
    int classes = session->model.output.size[0];
    float *logits = parity_floats(&session->file, "logits"), *probabilities = evaluate(session);
    for (int64_t image = 0; image < session->dataset.count; image++) {
        const float *row = logits + image * classes;
        double common = log_sum(row, classes);
        for (int k = 0; k < classes; k++) {
            double found = log((double)probabilities[image * classes + k]) + common;
            if (!(fabs(found - (double)row[k]) <= 1e-5))
                fail_msg("%s image %d: logit %d is %.8g, reference %.8g", session->file.path, (int)image, k, found,
                         (double)row[k]);
        }
    }
    free(probabilities);
    free(logits);
}

static void check_first_step(struct session *session) {
    int batch_size = session->config.values.training.batch_size;
    struct batch batch = batch_of(session, batch_size);
    struct batch_result result;
    load_initial(session);
    check_logits(session);
    engine_train_step(session->engine, &batch, &result);
    check_parameters(session, "gradient", engine_gradients(session->engine), 1e-5);
}

static void check_losses(const struct session *session, const struct history *history) {
    float *losses = parity_floats(&session->file, "losses");
    assert_int_equal((size_t)history->count, parity_tensor(&session->file, "losses")->elements);
    for (int i = 0; i < history->count; i++)
        if (!(fabs(history->rows[i].loss - (double)losses[i]) <= 1e-4))
            fail_msg("%s epoch %d: loss %.7g, reference %.7g", session->file.path, i + 1, history->rows[i].loss,
                     (double)losses[i]);
    free(losses);
}

static void check_training(struct session *session) {
    struct error error = {0};
    struct trainer *trainer = NULL;
    struct trainer_setup setup = {.config = &session->config,
                                  .model = &session->model,
                                  .engine = session->engine,
                                  .train = &session->feed,
                                  .facts = {.config_text = "{}"}};
    load_initial(session);
    trainer_open(&trainer, &setup, &error);
    expect_no_error(&error);
    trainer_run(trainer, &error);
    expect_no_error(&error);
    check_losses(session, trainer_history(trainer));
    trainer_close(trainer);
    check_parameters(session, "final", session->model.parameters, 1e-4);
    float *probabilities = evaluate(session);
    assert_true(parity_difference(&session->file, "probabilities", probabilities) <= 1e-4);
    free(probabilities);
}

static void check_case(void **state) {
    static const int threads[] = {1, 3};
    for (int i = 0; kernels_at(i); i++)
        for (int j = 0; j < 2; j++) {
            struct session session;
            open_session(&session, *state, kernels_at(i), threads[j]);
            check_first_step(&session);
            check_training(&session);
            close_session(&session);
        }
}

int main(void) {
    struct CMUnitTest tests[PARITY_CASES];
    for (int i = 0; i < PARITY_CASES; i++)
        tests[i] = (struct CMUnitTest){
            .name = parity_names[i], .test_func = check_case, .initial_state = (void *)parity_names[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
