#include "core/run_parts.h"

#include <string.h>

#include "core/model_file.h"

static int load_weights(const struct run_parts *parts, struct error *error) {
    const struct workshop *workshop = parts->workshop;
    struct text report = {0};
    int status = model_load_weights(&parts->model, parts->weights, &report, error);
    char *rest = NULL, *lines = status == 0 && !report.failed && workshop->note ? report.bytes : NULL;
    for (char *line = lines ? strtok_r(lines, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
        workshop->note(workshop->listener, line);
    text_free(&report);
    return status;
}

int run_parts_build(struct run_parts *parts, struct error *error) {
    const struct config *config = parts->config;
    const struct data_splits *splits = parts->splits;
    struct place document = place_document(config->path), place = place_key(&document, "data");
    char where[ERROR_PATH_SIZE];
    if (splits->train.count == 0)
        return error_set(error, ERROR_DATA, place_text(&place, where, sizeof where),
                         "holds no training images; put some there");
    struct shape images = run_image_shape(&splits->train), input;
    if (config_input_shape(config, &images, &input, error) != 0) return -1;
    if (run_build_model(config, &input, splits->classes, &parts->model, error) != 0) return -1;
    if (model_initialize(&parts->model, (uint64_t)config->values.seed, error) != 0) return -1;
    return parts->weights ? load_weights(parts, error) : 0;
}

static int open_feed(struct run_parts *parts, const struct dataset *dataset, struct feed *feed, struct error *error) {
    if (dataset->count == 0) return 0;
    const struct config_values *values = &parts->config->values;
    return parts->workshop->data_room->open(&values->data, &parts->normalization, dataset, (uint64_t)values->seed, feed,
                                            error);
}

static int open_feeds(struct run_parts *parts, struct error *error) {
    const struct data_splits *splits = parts->splits;
    const struct data_room *room = parts->workshop->data_room;
    if (room->measure(&parts->config->values.data, &splits->train, &parts->normalization, error) != 0) return -1;
    if (open_feed(parts, &splits->train, &parts->train, error) != 0) return -1;
    if (open_feed(parts, &splits->validation, &parts->validation, error) != 0) return -1;
    return open_feed(parts, &splits->test, &parts->test, error);
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static int open_engine(struct run_parts *parts, struct error *error) {
    const struct training_config *training = &parts->config->values.training;
    size_t scratch =
        larger(parts->train.scratch_bytes, larger(parts->validation.scratch_bytes, parts->test.scratch_bytes));
    struct engine_options options = {.threads = parts->workshop->threads,
                                     .batch_size = training->batch_size,
                                     .training = true,
                                     .label_smoothing = training->label_smoothing,
                                     .seed = (uint64_t)parts->config->values.seed,
                                     .feed_scratch_bytes = scratch};
    /* A batch never holds more images than there are. */
    int64_t images = parts->splits->train.count;
    if (images < options.batch_size) options.batch_size = (int)images;
    return engine_open(&parts->engine, &parts->model, parts->workshop->kernels, &options, error);
}

int run_parts_open(struct run_parts *parts, struct error *error) {
    return open_feeds(parts, error) == 0 ? open_engine(parts, error) : -1;
}

int run_parts_train(struct run_parts *parts, const struct config *config, const volatile sig_atomic_t *stop,
                    void (*listen)(void *listener, const struct train_event *event), void *listener, struct error *end,
                    struct error *error) {
    struct trainer *trainer = NULL;
    const struct trainer_setup setup = {.config = config,
                                        .model = &parts->model,
                                        .engine = parts->engine,
                                        .train = &parts->train,
                                        .stop = stop,
                                        .listen = listen,
                                        .listener = listener};
    if (trainer_open(&trainer, &setup, error) != 0) return -1;
    trainer_run(trainer, end);
    trainer_close(trainer);
    return 0;
}

void run_parts_close(struct run_parts *parts) {
    const struct data_room *room = parts->workshop->data_room;
    engine_close(parts->engine);
    if (parts->train.fill) room->close(&parts->train);
    if (parts->validation.fill) room->close(&parts->validation);
    if (parts->test.fill) room->close(&parts->test);
    model_free(&parts->model);
}
