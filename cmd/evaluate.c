/* cnntrain evaluate: a trained model on a data set. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/document.h"
#include "cmd/model_data.h"
#include "cmd/terminal.h"
#include "core/evaluation.h"
#include "core/metrics.h"
#include "core/model_file.h"
#include "core/report/table.h"
#include "core/statistics.h"

struct arguments {
    const char *data, *split;
};

/* What is measured, and what it needs. */
struct measurement {
    const struct dataset *dataset;
    struct evaluation evaluation;
    struct predictions predictions;
    struct confusion confusion;
};

static int measure_open(struct session *session, const struct saved_model *saved, struct model *model,
                        struct measurement *measurement, const struct feed *feed) {
    struct engine_options options = {.threads = session->workshop.threads,
                                     .batch_size = 1,
                                     .label_smoothing = saved->config.values.training.label_smoothing,
                                     .feed_scratch_bytes = feed->scratch_bytes};
    struct engine *engine = NULL;
    int64_t count = measurement->dataset->count;
    if (predictions_create(&measurement->predictions, count, &session->error) != 0) return -1;
    if (confusion_create(&measurement->confusion, model->output.size[0], &session->error) != 0) return -1;
    if (engine_open(&engine, model, session->workshop.kernels, &options, &session->error) != 0) return -1;
    struct terminal terminal;
    terminal_open(&terminal, session);
    terminal.doing = "Evaluating";
    const struct evaluation_watch watch = {.progress = {.tell = terminal_progress, .listener = &terminal}};
    int status = evaluate_feed(engine, model, feed, &measurement->predictions, &watch, &measurement->evaluation,
                               &session->error);
    terminal_close(&terminal);
    if (status == 0 && !isfinite(measurement->evaluation.loss)) {
        const struct layer *layer = measurement->evaluation.first_not_finite;
        status = error_set(&session->error, ERROR_NOT_FINITE, NULL,
                           "the loss on these images is not finite%s%s; look at the images and the weights",
                           layer ? "; the first layer with such an output is " : "", layer ? layer->name : "");
    }
    engine_close(engine);
    if (status == 0)
        confusion_add(&measurement->confusion, measurement->predictions.labels, measurement->predictions.predicted,
                      count);
    return status;
}

static int measure(struct session *session, struct saved_model *saved, struct measurement *measurement) {
    const struct data_room *room = session->workshop.data_room;
    struct feed feed;
    uint64_t seed = (uint64_t)saved->config.values.seed;
    if (room->open(&saved->config.values.data, &saved->normalization, measurement->dataset, seed, &feed,
                   &session->error) != 0)
        return -1;
    int status = measure_open(session, saved, &saved->model, measurement, &feed);
    room->close(&feed);
    return status;
}

static const char *class_name(const struct saved_model *saved, int index, char *buffer, size_t size) {
    if (saved->class_names && index < saved->classes) return saved->class_names[index];
    snprintf(buffer, size, "%d", index);
    return buffer;
}

static int print_json(struct session *session, const struct saved_model *saved, const struct measurement *measurement,
                      struct interval interval) {
    struct document document = document_object();
    cJSON *root = document.root;
    document_add_number(&document, root, "images", (double)measurement->dataset->count);
    document_add_number(&document, root, "loss", measurement->evaluation.loss);
    document_add_number(&document, root, "accuracy", measurement->evaluation.accuracy);
    document_add(&document, root, "interval", cJSON_CreateDoubleArray((double[]){interval.low, interval.high}, 2));
    cJSON *classes = document_add_list(&document, root, "classes");
    for (int i = 0; i < measurement->confusion.classes; i++) {
        char number[16];
        struct class_scores scores = confusion_class(&measurement->confusion, i);
        cJSON *item = document_add_object(&document, classes, NULL);
        document_add_string(&document, item, "name", class_name(saved, i, number, sizeof number));
        document_add_number(&document, item, "images", (double)scores.support);
        document_add_number(&document, item, "precision", scores.precision);
        document_add_number(&document, item, "recall", scores.recall);
        document_add_number(&document, item, "f1", scores.f1);
    }
    return document_print(session, &document);
}

static int print_measurement(struct session *session, const struct saved_model *saved,
                             const struct measurement *measurement) {
    struct interval interval = wilson_interval(measurement->evaluation.correct, measurement->dataset->count);
    if (session->json) return print_json(session, saved, measurement, interval);
    struct table table = {0};
    struct text text = {0};
    table_column(&table, "class", TABLE_LEFT);
    table_column(&table, "images", TABLE_RIGHT);
    table_column(&table, "precision", TABLE_RIGHT);
    table_column(&table, "recall", TABLE_RIGHT);
    table_column(&table, "f1", TABLE_RIGHT);
    for (int i = 0; i < measurement->confusion.classes; i++) {
        char number[16];
        struct class_scores scores = confusion_class(&measurement->confusion, i);
        table_cell(&table, "%s", class_name(saved, i, number, sizeof number));
        table_cell(&table, "%lld", (long long)scores.support);
        table_cell(&table, "%.4f", scores.precision);
        table_cell(&table, "%.4f", scores.recall);
        table_cell(&table, "%.4f", scores.f1);
    }
    text_print(&text, "%lld images: loss %.4f, accuracy %.2f %% (95 %% interval %.2f to %.2f)\n\n",
               (long long)measurement->dataset->count, measurement->evaluation.loss,
               100 * measurement->evaluation.accuracy, 100 * interval.low, 100 * interval.high);
    table_plain(&table, &text);
    return session_print_text(session, &text);
}

static int evaluate_loaded(struct session *session, const struct arguments *arguments, struct saved_model *saved,
                           const struct data_splits *splits) {
    struct measurement measurement = {.dataset =
                                          choose_split(session, splits, arguments->split ? arguments->split : "test")};
    if (!measurement.dataset || check_images(session, &saved->model, measurement.dataset, splits->classes) != 0)
        return -1;
    int status = measure(session, saved, &measurement);
    if (status == 0) status = print_measurement(session, saved, &measurement);
    predictions_free(&measurement.predictions);
    confusion_free(&measurement.confusion);
    return status;
}

static int evaluate_model(struct session *session, const struct arguments *arguments, const char *path) {
    struct saved_model saved;
    struct data_splits splits;
    struct terminal terminal;
    terminal_open(&terminal, session);
    struct config_request request = session_request(session, path);
    request.data_spec = arguments->data;
    if (session_check_model(session, path) != 0) return -1;
    if (saved_model_open(&saved, path, false, &request, &session->error) != 0) return -1;
    int status =
        config_locate_data(&saved.config, session->workshop.data_folder, arguments->data != NULL, &session->error);
    if (status == 0) status = terminal_load_data(&terminal, session, &saved.config, &splits);
    if (status == 0) {
        session_note_guess(session, &saved, path);
        status = evaluate_loaded(session, arguments, &saved, &splits);
        data_splits_free(&splits);
    }
    saved_model_free(&saved);
    return status;
}

static int run_evaluate(struct session *session, int argc, const char **argv);

const struct command evaluate_command = {
    .name = "evaluate",
    .summary = "loss and accuracy of a trained model on a data set",
    .usage = "MODEL [options]",
    .details = "MODEL is the folder of a run, which stands for its best checkpoint, or a .safetensors, .keras or .h5 "
               "file. The data "
               "are those the model was trained on unless --data names others.\n",
    .examples = "cnntrain evaluate runs/sep_max\n"
                "cnntrain evaluate runs/sep_max/best.safetensors --split validation\n"
                "cnntrain evaluate runs/sep_max --data svhn:DIR --json\n",
    .run = run_evaluate,
};

static int run_evaluate(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {0};
    const struct poptOption table[] = {
        {"data", 'd', POPT_ARG_STRING, &arguments.data, 0, "data to use instead of the model's own", "SPEC"},
        {"split", 0, POPT_ARG_STRING, &arguments.split, 0, "the images to use (default: test)",
         "test|validation|train"},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &evaluate_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        status = options_expect(&options, session, &evaluate_command, 1, 1, "a model: a checkpoint or a run's folder");
        if (status == 0) status = session_start(session);
        if (status == 0) session_start_threads(session->workshop.threads);
        if (status == 0) status = evaluate_model(session, &arguments, options.arguments[0]);
    }
    options_free(&options);
    return status;
}
