#include "tests/support/tiny.h"

#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "core/text.h"
#include "data/room.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"

const char tiny_model[] =
    "[{'type': 'Conv2D', 'filters': 4, 'kernel_size': 3, 'activation': 'relu'}, {'type': 'BatchNormalization'},"
    " {'type': 'MaxPooling2D'}, {'type': 'Dropout', 'rate': 0.3}, {'type': 'Flatten'},"
    " {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]";

char *tiny_json(const char *text) {
    char *json = strdup(text);
    assert_non_null(json);
    for (char *at = json; *at; at++)
        if (*at == '\'') *at = '"';
    return json;
}

char *tiny_config_text(const struct tiny_setup *setup) {
    struct text text = {0};
    const char *data = setup->data && *setup->data ? setup->data : NULL;
    text_print(&text, "{'name': 'tiny', 'data': {'source': 'synth'%s%s}, 'model': %s, 'training': %s}",
               data ? ", " : "", data ? data : "", setup->model ? setup->model : tiny_model,
               setup->training ? setup->training : "{}");
    assert_false(text.failed);
    char *json = tiny_json(text.bytes);
    text_free(&text);
    return json;
}

/* A class is bright in its third of the rows. */
static void draw(struct rng *rng, int label, uint8_t *pixels) {
    for (int y = 0; y < TINY_SIDE; y++)
        for (int i = 0; i < TINY_SIDE * TINY_CHANNELS; i++) {
            uint32_t bright = y * TINY_CLASSES / TINY_SIDE == label ? 90 : 0;
            *pixels++ = (uint8_t)(bright + rng_below(rng, 160));
        }
}

static void fill(struct dataset *dataset, int count, uint64_t part) {
    struct error error = {0};
    enum { IMAGE = TINY_SIDE * TINY_SIDE * TINY_CHANNELS };
    if (count == 0) return;
    *dataset = (struct dataset){.count = count, .height = TINY_SIDE, .width = TINY_SIDE, .channels = TINY_CHANNELS};
    dataset->pixels = memory_allocate((size_t)count, IMAGE, "images", &error);
    dataset->labels = memory_allocate((size_t)count, sizeof(int32_t), "labels", &error);
    expect_no_error(&error);
    struct rng rng = rng_stream(1, RNG_CHECK, part, 0, 0);
    for (int i = 0; i < count; i++) {
        dataset->labels[i] = (int32_t)rng_below(&rng, TINY_CLASSES);
        draw(&rng, dataset->labels[i], (uint8_t *)dataset->pixels + (size_t)i * IMAGE);
    }
}

void tiny_splits(struct data_splits *splits, int train, int validation, int test) {
    *splits = (struct data_splits){.classes = TINY_CLASSES};
    fill(&splits->train, train, 1);
    fill(&splits->validation, validation, 2);
    fill(&splits->test, test, 3);
}

static void open_feed(struct tiny *tiny, const struct dataset *dataset, struct feed *feed) {
    struct error error = {0};
    if (dataset->count == 0) return;
    uint64_t seed = (uint64_t)tiny->config.values.seed;
    data_room.open(&tiny->config.values.data, &tiny->normalization, dataset, seed, feed, &error);
    expect_no_error(&error);
}

static void open_model(struct tiny *tiny) {
    struct error error = {0};
    const struct shape input = {3, {TINY_SIDE, TINY_SIDE, TINY_CHANNELS}};
    struct place document = place_document("tiny.json"), place = place_key(&document, "model");
    model_build(&tiny->model, &tiny->config.values.model, &input, &place, &error);
    expect_no_error(&error);
    model_initialize(&tiny->model, (uint64_t)tiny->config.values.seed, &error);
    expect_no_error(&error);
}

static void open_engine(struct tiny *tiny, const struct tiny_setup *setup) {
    struct error error = {0};
    const struct config_values *values = &tiny->config.values;
    struct engine_options options = {.threads = setup->threads ? setup->threads : 1,
                                     .batch_size = values->training.batch_size,
                                     .training = !setup->inference,
                                     .keep_outputs = setup->keep_outputs,
                                     .label_smoothing = values->training.label_smoothing,
                                     .seed = (uint64_t)values->seed,
                                     .feed_scratch_bytes = tiny->train.scratch_bytes};
    engine_open(&tiny->engine, &tiny->model, kernels_select(setup->cpu), &options, &error);
    expect_no_error(&error);
}

void tiny_open(struct tiny *tiny, const struct tiny_setup *setup) {
    struct error error = {0};
    *tiny = (struct tiny){0};
    char *text = tiny_config_text(setup);
    struct config_request request = {.registries = &test_registries};
    config_parse(&tiny->config, text, "tiny.json", &request, &error);
    expect_no_error(&error);
    free(text);
    tiny_splits(&tiny->splits, setup->train, setup->validation, setup->test);
    data_room.measure(&tiny->config.values.data, &tiny->splits.train, &tiny->normalization, &error);
    expect_no_error(&error);
    open_feed(tiny, &tiny->splits.train, &tiny->train);
    open_feed(tiny, &tiny->splits.validation, &tiny->validation);
    open_model(tiny);
    open_engine(tiny, setup);
}

void tiny_close(struct tiny *tiny) {
    engine_close(tiny->engine);
    if (tiny->train.fill) data_room.close(&tiny->train);
    if (tiny->validation.fill) data_room.close(&tiny->validation);
    model_free(&tiny->model);
    data_splits_free(&tiny->splits);
    config_free(&tiny->config);
}

const int64_t *tiny_samples(void) {
    enum { COUNT = 4096 };
    static int64_t samples[COUNT];
    for (int i = 0; i < COUNT; i++) samples[i] = i;
    return samples;
}
