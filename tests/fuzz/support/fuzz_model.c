#include "tests/fuzz/support/fuzz_model.h"

#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "core/file.h"
#include "core/interop/keras_model.h"
#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/model.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/support/registries.h"

enum { BATCH = 2, PARAMETERS_MAX = 1 << 18, NUMBERS_MAX = 1 << 18, WORK_MAX = 1 << 20 };

/* ---- a step ---- */

static void fill(const struct feed *feed, const int64_t *samples, int count, uint64_t epoch, bool augment, float *x,
                 void *scratch) {
    (void)epoch, (void)augment, (void)scratch;
    size_t pixels = (size_t)feed->dataset->height * (size_t)feed->dataset->width * (size_t)feed->dataset->channels;
    for (size_t i = 0; i < (size_t)count * pixels; i++) x[i] = (float)((i * 37 + (size_t)samples[0]) % 11) / 8 - 0.5F;
}

static void run_steps(struct model *model) {
    struct error error = {0};
    struct engine *engine = NULL;
    int32_t labels[BATCH] = {0};
    const int64_t samples[BATCH] = {0, 1};
    const struct dataset dataset = {.count = BATCH,
                                    .height = model->input.size[0],
                                    .width = model->input.size[1],
                                    .channels = model->input.size[2],
                                    .labels = labels};
    const struct feed feed = {.dataset = &dataset, .fill = fill};
    const struct engine_options options = {.threads = 1, .batch_size = BATCH, .training = true};
    const struct batch batch = {.feed = &feed, .samples = samples, .count = BATCH};
    struct batch_result result;
    if (model_initialize(model, 1, &error) != 0) {
        fuzz_check(-1, &error);
        return;
    }
    int status = engine_open(&engine, model, kernels_select("reference"), &options, &error);
    fuzz_check(status, &error);
    if (status != 0) return;
    engine_train_step(engine, &batch, &result);
    engine_refresh(engine);
    engine_evaluate(engine, &batch, NULL, &result);
    engine_close(engine);
}

/* ---- the model ---- */

static bool is_small(const struct model *model) {
    size_t numbers = 0;
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        size_t elements = 0;
        shape_elements(&layer->output, &elements);
        numbers += elements + (layer->saved_bytes + layer->scratch_bytes) / sizeof(float) + layer->packed_floats +
                   layer->shared_floats + layer->partial_floats;
    }
    return model->parameter_floats <= PARAMETERS_MAX && numbers <= NUMBERS_MAX &&
           model_multiplications(model) <= WORK_MAX;
}

static void check_model(const struct config *config, bool steps) {
    struct error error = {0};
    struct model model;
    const struct shape unknown = {0};
    struct shape input;
    struct place document = place_document(config->path), place = place_key(&document, "model");
    int status = config_input_shape(config, &unknown, &input, &error);
    if (status == 0) status = model_plan(&model, &config->values.model, &input, &place, &error);
    fuzz_check(status, &error);
    if (status != 0) return;
    bool small = is_small(&model);
    model_free(&model);
    if (!small) return;
    fuzz_check(model_build(&model, &config->values.model, &input, &place, &error), &error);
    if (steps && model.output.rank == 1 && model.ends_in_softmax) run_steps(&model);
    model_free(&model);
}

/* ---- the config ---- */

/* Every default spelled out, the text reads as a config that is written as the same text. */
static void check_resolved(const struct config *config, const struct config_request *request) {
    struct error error = {0};
    struct config again;
    char *text = config_text(config, request->registries, &error);
    if (!text) fuzz_fail("no text of a config");
    const struct config_request plain = {.registries = request->registries};
    if (config_parse(&again, text, "resolved.json", &plain, &error) != 0) {
        fuzz_check(-1, &error);
        fuzz_fail(error.message);
    }
    char *second = config_text(&again, request->registries, &error);
    if (!second || strcmp(text, second) != 0) fuzz_fail("a resolved config that changes when it is read again");
    config_free(&again);
    free(text);
    free(second);
}

void fuzz_config(const char *path, const struct config_override *overrides, size_t count, bool steps) {
    struct error error = {0};
    struct config config;
    static const struct foreign_models keras = {keras_is_model, keras_read_model};
    const struct config_request request = {.path = path,
                                           .registries = &test_registries,
                                           .overrides = overrides,
                                           .override_count = count,
                                           .foreign = &keras};
    int status = config_read(&config, &request, &error);
    fuzz_check(status, &error);
    if (status != 0) return;
    check_resolved(&config, &request);
    check_model(&config, steps);
    config_free(&config);
}
