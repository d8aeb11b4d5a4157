/* cnntrain bench: how fast a network trains or infers on this machine, and which layers take the time. */
#include "core/bench.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/document.h"
#include "core/file.h"
#include "core/model_file.h"
#include "core/report/table.h"

struct arguments {
    struct train_options train;
    const char *seconds;
    int batch, steps;
    int inference, no_layers;
};

/* What was measured, and its result. */
struct measured {
    const struct bench_request *request;
    const struct bench *bench;
    const char *name;
};

static const char *pass_name(const struct bench_request *request) {
    return request->training ? "training" : "inference";
}

/* ---- JSON ---- */

static void add_layers(struct document *document, const struct measured *measured) {
    cJSON *list = document_add_list(document, document->root, "layers");
    for (int i = 0; i < measured->bench->layer_count; i++) {
        const struct bench_layer *times = &measured->bench->layers[i];
        const struct layer *layer = &measured->request->model->layers[i];
        char shape[SHAPE_TEXT_SIZE];
        cJSON *item = document_add_object(document, list, NULL);
        document_add_string(document, item, "name", layer->name);
        document_add_string(document, item, "type", layer->kind->component.name);
        document_add_string(document, item, "output", shape_text(&layer->output, shape, sizeof shape));
        document_add_number(document, item, "forward_ms", times->forward_ms);
        document_add_number(document, item, "backward_ms", times->backward_ms);
        document_add_number(document, item, "operations", times->operations);
    }
}

static int print_json(struct session *session, const struct measured *measured) {
    const struct bench *bench = measured->bench;
    const struct bench_request *request = measured->request;
    struct document document = document_object();
    cJSON *root = document.root;
    document_add_string(&document, root, "name", measured->name);
    document_add(&document, root, "training", cJSON_CreateBool(request->training));
    document_add_number(&document, root, "batch_size", request->batch_size);
    document_add_number(&document, root, "threads", request->threads);
    document_add_string(&document, root, "kernels", request->kernels->name);
    document_add_number(&document, root, "images_per_second", bench->images_per_second);
    document_add_number(&document, root, "steps", bench->steps);
    document_add_number(&document, root, "step_ms", bench->step_ms);
    document_add_number(&document, root, "step_ms_fastest", bench->fastest_ms);
    document_add(&document, root, "step_ms_quartiles",
                 cJSON_CreateDoubleArray((double[]){bench->lower_ms, bench->upper_ms}, 2));
    document_add_number(&document, root, "gflops", bench->gflops);
    document_add_number(&document, root, "peak_gflops", bench->peak_gflops);
    document_add_number(&document, root, "memory_mb", (double)bench->process_bytes / 1e6);
    document_add_number(&document, root, "engine_mb", (double)bench->engine_bytes / 1e6);
    if (bench->layer_count) {
        document_add_number(&document, root, "other_ms", bench->other_ms);
        add_layers(&document, measured);
    }
    return document_print(session, &document);
}

/* ---- text ---- */

static void add_totals(const struct measured *measured, struct text *text) {
    const struct bench *bench = measured->bench;
    const struct bench_request *request = measured->request;
    text_print(text, "%s, %s, batch of %d, %d thread%s, %s kernels\n\n", measured->name, pass_name(request),
               request->batch_size, request->threads, request->threads == 1 ? "" : "s", request->kernels->name);
    text_print(text, "images/s   %.0f\n", bench->images_per_second);
    text_print(text, "step       %.3f ms (median of %d; half of them %.3f to %.3f; fastest %.3f)\n", bench->step_ms,
               bench->steps, bench->lower_ms, bench->upper_ms, bench->fastest_ms);
    text_print(text, "GFLOP/s    %.1f, %.0f %% of the %.1f that multiply-adds in registers reach here\n", bench->gflops,
               100 * bench->gflops / bench->peak_gflops, bench->peak_gflops);
    text_print(text, "memory     %.1f MB at work, %.1f MB for the whole process\n", (double)bench->engine_bytes / 1e6,
               (double)bench->process_bytes / 1e6);
}

static void add_row(struct table *table, const struct bench *bench, const struct bench_layer *layer, bool training) {
    double ms = layer->forward_ms + layer->backward_ms;
    table_cell(table, "%.3f", layer->forward_ms);
    if (training) table_cell(table, "%.3f", layer->backward_ms);
    if (layer->operations > 0 && ms > 0)
        table_cell(table, "%.1f", layer->operations / (ms * 1e6));
    else
        table_cell(table, "%s", "");
    table_cell(table, "%.1f %%", 100 * ms / bench->step_ms);
}

static void add_table(const struct measured *measured, struct text *text) {
    const struct bench *bench = measured->bench;
    bool training = measured->request->training;
    struct table table = {0};
    static const char *const names[] = {"layer", "type", "output"};
    for (int i = 0; i < 3; i++) table_column(&table, names[i], TABLE_LEFT);
    table_column(&table, "forward ms", TABLE_RIGHT);
    if (training) table_column(&table, "backward ms", TABLE_RIGHT);
    table_column(&table, "GFLOP/s", TABLE_RIGHT);
    table_column(&table, "share", TABLE_RIGHT);
    for (int i = 0; i < bench->layer_count; i++) {
        const struct layer *layer = &measured->request->model->layers[i];
        char shape[SHAPE_TEXT_SIZE];
        table_cell(&table, "%s", layer->name);
        table_cell(&table, "%s", layer->kind->component.name);
        table_cell(&table, "%s", shape_text(&layer->output, shape, sizeof shape));
        add_row(&table, bench, &bench->layers[i], training);
    }
    table_cell(&table, "other");
    int empty = training ? 5 : 4;
    for (int i = 0; i < empty; i++) table_cell(&table, "%s", "");
    table_cell(&table, "%.1f %%", 100 * bench->other_ms / bench->step_ms);
    text_add(text, "\n");
    table_plain(&table, text);
}

static int print_text(struct session *session, const struct measured *measured) {
    struct text text = {0};
    add_totals(measured, &text);
    if (measured->bench->layer_count) add_table(measured, &text);
    return session_print_text(session, &text);
}

/* ---- what is measured ---- */

static int read_seconds(struct session *session, const char *text, double *seconds) {
    enum { SECONDS_MAX = 3600 };
    *seconds = 3;
    if (!text) return 0;
    char *end = NULL;
    *seconds = strtod(text, &end);
    if (*text && !*end && *seconds > 0 && *seconds <= SECONDS_MAX) return 0;
    return error_set(&session->error, ERROR_CONFIG, "--seconds", "must be a number above 0, at most %d, got \"%s\"",
                     SECONDS_MAX, text);
}

static int bench_model(struct session *session, const struct arguments *arguments, const struct config *config,
                       struct model *model) {
    struct bench_request request = {.config = config,
                                    .model = model,
                                    .kernels = session->workshop.kernels,
                                    .threads = session->workshop.threads,
                                    .batch_size = arguments->batch != NOT_GIVEN ? arguments->batch
                                                                                : config->values.training.batch_size,
                                    .training = !arguments->inference,
                                    .by_layer = !arguments->no_layers,
                                    .steps = arguments->steps != NOT_GIVEN ? arguments->steps : 0};
    struct bench bench;
    if (read_seconds(session, arguments->seconds, &request.seconds) != 0) return -1;
    if (bench_run(&request, &bench, &session->error) != 0) return -1;
    struct measured measured = {&request, &bench, config->values.name};
    int status = session->json ? print_json(session, &measured) : print_text(session, &measured);
    bench_free(&bench);
    return status;
}

static int bench_config(struct session *session, const struct arguments *arguments) {
    struct config config;
    struct shape input;
    struct model model;
    if (read_config(session, &arguments->train, arguments->train.config, &config) != 0) return -1;
    int status = read_input_shape(session, &arguments->train, &config, &input);
    if (status == 0) status = run_build_model(&config, &input, 0, &model, &session->error);
    if (status == 0) {
        status = model_initialize(&model, (uint64_t)config.values.seed, &session->error);
        if (status == 0) status = bench_model(session, arguments, &config, &model);
        model_free(&model);
    }
    config_free(&config);
    return status;
}

static int bench_saved(struct session *session, const struct arguments *arguments, const char *path) {
    struct saved_model saved;
    struct config_request request = session_request(session, path);
    if (session_check_model(session, path) != 0) return -1;
    if (saved_model_open(&saved, path, false, &request, &session->error) != 0) return -1;
    int status = bench_model(session, arguments, &saved.config, &saved.model);
    saved_model_free(&saved);
    return status;
}

static int run_bench(struct session *session, int argc, const char **argv);

const struct command bench_command = {
    .name = "bench",
    .summary = "how fast a network is on this machine, layer by layer",
    .usage = "--config FILE | MODEL [options]",
    .details =
        "Times training steps, or inference, on images that are in memory already, and tells images a second, the "
        "share of the processor's peak, memory, and the time of every layer. The weights stay as they are.\n",
    .examples = "cnntrain bench deep_conv_max\n"
                "cnntrain bench deep_sep_avg --batch 128 --threads 1 --inference\n"
                "cnntrain bench runs/sep_max --seconds 10 --json\n",
    .run = run_bench,
};

static int act(struct session *session, const struct options *options, const struct arguments *given) {
    struct arguments arguments = *given;
    double seconds = 0;
    if (options_check_range(session, "--batch", given->batch, 1, INT_MAX) != 0) return -1;
    if (options_check_range(session, "--steps", given->steps, 1, BENCH_STEPS_MAX) != 0) return -1;
    if (read_seconds(session, given->seconds, &seconds) != 0) return -1;
    if (given->seconds && given->steps != NOT_GIVEN)
        return error_set(&session->error, ERROR_CONFIG, "--steps", "cannot be given together with --seconds");
    const char *path =
        options_config(options, session, &bench_command, given->train.config, "a config or a trained model");
    if (!path || session_start(session) != 0) return -1;
    session_start_threads(session->workshop.threads);
    arguments.train.config = path;
    int is_saved = given->train.config ? 0 : session_is_model(session, path);
    if (is_saved < 0) return -1;
    if (!is_saved) return bench_config(session, &arguments);
    if (given->train.data || given->train.set)
        return error_set(&session->error, ERROR_CONFIG, path, "is a trained model; --data and --set are for configs");
    return bench_saved(session, &arguments, path);
}

static int run_bench(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {.train = TRAIN_OPTIONS_NONE, .batch = NOT_GIVEN, .steps = NOT_GIVEN};
    const struct poptOption table[] = {
        {"config", 'c', POPT_ARG_STRING, &arguments.train.config, 0, "the config whose network is timed", "FILE"},
        {"data", 'd', POPT_ARG_STRING, &arguments.train.data, 0, "take the input shape from these data", "SPEC"},
        {"set", 0, POPT_ARG_ARGV, &arguments.train.set, 0, "set any value of the config; may be repeated",
         "KEY.PATH=VALUE"},
        {"batch", 0, POPT_ARG_INT, &arguments.batch, 0, "images a step (default: the config's batch_size)", "N"},
        {"inference", 0, POPT_ARG_NONE, &arguments.inference, 0, "time inference instead of training", NULL},
        {"seconds", 0, POPT_ARG_STRING, &arguments.seconds, 0, "how long to measure (default: 3)", "SECONDS"},
        {"steps", 0, POPT_ARG_INT, &arguments.steps, 0, "measure so many steps, however long they take", "N"},
        {"no-layers", 0, POPT_ARG_NONE, &arguments.no_layers, 0, "only the whole step, in half the time", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &bench_command, table, argc, argv);
    if (status == 0 && !options.help_shown) status = act(session, &options, &arguments);
    options_free(&options);
    return status;
}
