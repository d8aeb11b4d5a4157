/* cnntrain lr-find: which learning rate a network and its data like. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/document.h"
#include "cmd/signals.h"
#include "cmd/terminal.h"
#include "core/file.h"
#include "core/optimizer.h"
#include "core/report/chart.h"
#include "core/report/format.h"
#include "core/report/plot.h"
#include "core/run_rates.h"

struct arguments {
    struct train_options train;
    const char *from_text, *to_text, *out;
    double from, to;
    int steps;
};

/* What was found, for those who print it. */
struct found {
    const struct arguments *arguments;
    const struct config *config;
    const struct rates *rates;
    double steepest, tenth; /* rates of two digits; NAN: none */
    bool has_color;
};

static double two_digits(double value) {
    char text[32];
    snprintf(text, sizeof text, "%.1e", value);
    return strtod(text, NULL);
}

/* ---- JSON and CSV ---- */

static void add_number(struct document *document, cJSON *item, const char *key, double value) {
    document_add(document, item, key, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

static int print_json(struct session *session, const struct found *found) {
    const struct rates *rates = found->rates;
    struct document document = document_object();
    document_add_string(&document, document.root, "name", found->config->values.name);
    document_add_string(&document, document.root, "optimizer", found->config->values.training.optimizer.kind->name);
    document_add_number(&document, document.root, "batch_size", found->config->values.training.batch_size);
    add_number(&document, document.root, "suggested", found->steepest);
    add_number(&document, document.root, "steepest", found->steepest);
    add_number(&document, document.root, "tenth_of_minimum", found->tenth);
    document_add(&document, document.root, "diverged", cJSON_CreateBool(rates->has_diverged));
    cJSON *steps = document_add_list(&document, document.root, "steps");
    for (int i = 0; i < rates->count; i++) {
        cJSON *item = document_add_object(&document, steps, NULL);
        document_add_number(&document, item, "learning_rate", rates->points[i].rate);
        add_number(&document, item, "loss", rates->points[i].loss);
        add_number(&document, item, "smoothed", rates->points[i].smooth);
    }
    return document_print(session, &document);
}

static void add_csv(const struct found *found, struct text *text) {
    text_add(text, "learning_rate,loss,smoothed\n");
    for (int i = 0; i < found->rates->count; i++) {
        const struct rates_point *point = &found->rates->points[i];
        text_print(text, "%.9g,%.9g,%.9g\n", point->rate, point->loss, point->smooth);
    }
}

/* ---- charts ---- */

/* What a chart shows. */
struct curves {
    double *x, *raw, *smooth; /* (count) each, in one block */
};

/* The loss up to a little above where it began: what it breaks away to would flatten the rest. -1 without memory. */
static int open_curves(const struct rates *rates, struct curves *curves) {
    const size_t count = (size_t)rates->count;
    double *x = calloc(3 * count, sizeof *x), *raw = x ? x + count : NULL, *smooth = x ? raw + count : NULL;
    *curves = (struct curves){x, raw, smooth};
    if (!x) return -1;
    double low = INFINITY;
    for (size_t i = 0; i < count; i++) low = fmin(low, rates->points[i].smooth);
    const double first = rates->points[0].smooth, limit = first + 0.5 * fmax(first - low, 0.1 * fabs(first));
    for (size_t i = 0; i < count; i++) {
        x[i] = rates->points[i].rate;
        raw[i] = rates->points[i].loss <= limit ? rates->points[i].loss : NAN;
        smooth[i] = rates->points[i].smooth <= limit ? rates->points[i].smooth : NAN;
    }
    return 0;
}

static void add_drawing(const struct found *found, struct text *text) {
    static const char title[] = "Loss by learning rate";
    struct curves curves;
    if (open_curves(found->rates, &curves) != 0) {
        text->failed = true;
        return;
    }
    const struct chart_rates chart = {
        .place = {.id = "rates", .title = title, .description = "The loss of each batch and smoothed."},
        .rates = curves.x,
        .losses = curves.raw,
        .smooth = curves.smooth,
        .points = found->rates->count,
        .marked = found->steepest};
    svg_open_file(CHART_WIDTH, CHART_RATES_HEIGHT, title, text);
    chart_rates(&chart, text);
    svg_close(text);
    free(curves.x);
}

static int add_chart(const struct found *found, struct text *text) {
    enum { ROWS = 18, COLUMNS_MOST = 100 };
    struct curves curves;
    if (open_curves(found->rates, &curves) != 0) return -1;
    const struct plot_series series[] = {
        {.name = "of each batch", .y = curves.raw, .is_points = true, .mark = '.', .color = "2"},
        {.name = "smoothed", .y = curves.smooth, .mark = '*', .color = "36"},
    };
    int columns = terminal_width() - 1;
    const struct plot plot = {.title = "loss by learning rate",
                              .columns = columns < COLUMNS_MOST ? columns : COLUMNS_MOST,
                              .rows = ROWS,
                              .has_braille = terminal_has_unicode(),
                              .has_color = found->has_color,
                              .x = curves.x,
                              .count = found->rates->count,
                              .x_axis = PLOT_LOG,
                              .series = series,
                              .series_count = 2,
                              .mark_x = found->steepest,
                              .mark_name = "steepest"};
    plot_write(&plot, text);
    free(curves.x);
    return 0;
}

static void add_suggestion(const struct found *found, struct text *text) {
    const struct training_config *training = &found->config->values.training;
    const struct rates *rates = found->rates;
    const struct rates_point *last = &rates->points[rates->count - 1];
    if (rates->has_diverged)
        text_print(text, "The loss broke away at a rate of %.2g, after %d of %d steps.\n", last->rate, rates->count,
                   found->arguments->steps);
    else
        text_print(text, "The loss did not break away up to a rate of %.2g; a larger --to may show more.\n",
                   last->rate);
    if (isnan(found->steepest)) {
        text_add(text, "It never fell, so there is nothing to suggest: try more --steps, a smaller --from, or look at "
                       "the data.\n");
        return;
    }
    text_print(text,
               "Suggested: %.2g, where the loss falls fastest. A tenth of the rate with the least loss: %.2g.\n"
               "The config's %s has %.3g; to set another: --set training.optimizer.learning_rate=%.2g\n",
               found->steepest, found->tenth, training->optimizer.kind->name,
               optimizer_common_of(&training->optimizer)->learning_rate, found->steepest);
}

static int print_text(struct session *session, const struct found *found) {
    struct text text = {0};
    if (!session->quiet && add_chart(found, &text) != 0) text.failed = true;
    add_suggestion(found, &text);
    if (!session->quiet && found->arguments->out) text_print(&text, "Written: %s\n", found->arguments->out);
    return session_print_text(session, &text);
}

/* ---- files ---- */

static int write_file(struct session *session, const struct found *found, const char *path,
                      void (*add)(const struct found *, struct text *)) {
    struct text text = {0};
    add(found, &text);
    int status = text.failed ? error_set(&session->error, ERROR_RUN, path, "not enough memory for the file")
                             : file_replace_text(path, text.bytes, &session->error);
    text_free(&text);
    return status;
}

static bool ends_in(const char *path, const char *ending) {
    const size_t length = strlen(path), end = strlen(ending);
    return length > end && strcmp(path + length - end, ending) == 0;
}

static int write_in(struct session *session, const struct found *found, const char *name,
                    void (*add)(const struct found *, struct text *)) {
    char *path = file_join(found->arguments->out, name, &session->error);
    int status = path ? write_file(session, found, path, add) : -1;
    free(path);
    return status;
}

/* One file where --out names one, else both into a folder. */
static int write_files(struct session *session, const struct found *found) {
    const char *out = found->arguments->out;
    if (ends_in(out, ".csv")) return write_file(session, found, out, add_csv);
    if (ends_in(out, ".svg")) return write_file(session, found, out, add_drawing);
    if (file_make_folder(out, &session->error) != 0) return -1;
    if (write_in(session, found, "lr-find.csv", add_csv) != 0) return -1;
    return write_in(session, found, "lr-find.svg", add_drawing);
}

/* ---- the test ---- */

static int report(struct session *session, const struct arguments *arguments, const struct config *config,
                  const struct rates *rates) {
    struct found found = {arguments, config, rates, NAN, NAN, terminal_has_color(session)};
    if (rates->steepest >= 0) {
        found.steepest = two_digits(rates->points[rates->steepest].rate);
        found.tenth = two_digits(rates->points[rates->least].rate / 10);
    }
    if (arguments->out && write_files(session, &found) != 0) return -1;
    return session->json ? print_json(session, &found) : print_text(session, &found);
}

static int test_rates(struct session *session, const struct arguments *arguments, const struct config *config,
                      const struct data_splits *splits, struct terminal *terminal) {
    struct run_parts parts = {.workshop = &session->workshop, .config = config, .splits = splits};
    struct rates rates;
    int status = run_parts_build(&parts, &session->error);
    if (status == 0) status = run_parts_open(&parts, &session->error);
    if (status == 0) {
        terminal->doing = "Testing rates:";
        struct rates_request request = {&parts,
                                        arguments->from,
                                        arguments->to,
                                        arguments->steps,
                                        {.tell = terminal_progress, .listener = terminal}};
        status = rates_run(&request, &rates, &session->error);
        terminal_close(terminal);
        if (status == 0) {
            status = report(session, arguments, config, &rates);
            rates_free(&rates);
        }
    }
    run_parts_close(&parts);
    return status;
}

static int execute(struct session *session, const struct arguments *arguments) {
    struct config config;
    struct data_splits splits;
    struct terminal terminal;
    if (read_config(session, &arguments->train, arguments->train.config, &config) != 0) return -1;
    terminal_open(&terminal, session);
    signals_say("interrupted; nothing was written");
    bool from_user = arguments->train.data != NULL;
    int status = config_locate_data(&config, session->workshop.data_folder, from_user, &session->error);
    if (status == 0) status = terminal_load_data(&terminal, session, &config, &splits);
    if (status == 0) {
        status = test_rates(session, arguments, &config, &splits, &terminal);
        data_splits_free(&splits);
    }
    config_free(&config);
    return status;
}

/* ---- the command ---- */

static int run_lr_find(struct session *session, int argc, const char **argv);

const struct command lr_find_command = {
    .name = "lr-find",
    .summary = "learning-rate range test: which rate a network and its data like",
    .usage = "--config FILE [options]",
    .details =
        "Trains for a hundred steps or as many as --steps says, with a learning rate that grows by the same factor "
        "from step to step, from --from to --to, and ends where the loss breaks away (four times its least, or "
        "not finite). It draws the loss by the rate and names two rates: where the loss falls fastest, which it "
        "suggests, and a tenth of the one with the least loss. The weights are thrown away; no run is touched.\n",
    .examples = "cnntrain lr-find --config sep_max.json\n"
                "cnntrain lr-find deep_conv_max --data cifar10:DIR --from 1e-5 --to 1 --steps 200\n"
                "cnntrain lr-find sep_max --out rates\n"
                "cnntrain lr-find sep_max --out rates.csv --json\n",
    .run = run_lr_find,
};

static int read_rate(struct session *session, const char *flag, const char *text, double *rate) {
    char *end = NULL;
    if (!text) return 0;
    *rate = strtod(text, &end);
    if (end != text && !*end && *rate > 0 && *rate <= 1e6) return 0;
    return error_set(&session->error, ERROR_CONFIG, flag, "must be a number above 0, at most 1e6, got \"%s\"", text);
}

static int check(struct session *session, struct arguments *arguments) {
    arguments->from = 1e-6;
    arguments->to = 1;
    if (options_check_range(session, "--steps", arguments->steps, RATES_STEPS_LEAST, RATES_STEPS_MOST) != 0) return -1;
    if (read_rate(session, "--from", arguments->from_text, &arguments->from) != 0) return -1;
    if (read_rate(session, "--to", arguments->to_text, &arguments->to) != 0) return -1;
    if (arguments->from < arguments->to) return 0;
    return error_set(&session->error, ERROR_CONFIG, "--from", "must be below --to, but %g is not below %g",
                     arguments->from, arguments->to);
}

static int act(struct session *session, const struct options *options, struct arguments *arguments) {
    struct arguments given = *arguments;
    given.train.config = options_config(options, session, &lr_find_command, arguments->train.config, "a config");
    if (!given.train.config || check(session, &given) != 0 || session_start(session) != 0) return -1;
    session_start_threads(session->workshop.threads);
    return execute(session, &given);
}

static int run_lr_find(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {.train = TRAIN_OPTIONS_NONE, .steps = 100};
    const struct poptOption table[] = {
        {"config", 'c', POPT_ARG_STRING, &arguments.train.config, 0, "the config to test", "FILE"},
        {"data", 'd', POPT_ARG_STRING, &arguments.train.data, 0,
         "data to use instead of the config's, such as svhn:DIR", "SPEC"},
        {"from", 0, POPT_ARG_STRING, &arguments.from_text, 0, "the rate of the first step (default 1e-6)", "RATE"},
        {"to", 0, POPT_ARG_STRING, &arguments.to_text, 0, "the rate of the last step (default 1)", "RATE"},
        {"steps", 0, POPT_ARG_INT, &arguments.steps, 0, "steps to take; 10 or more (default 100)", "N"},
        {"batch-size", 0, POPT_ARG_INT, &arguments.train.batch_size, 0, "images a step", "N"},
        {"seed", 0, POPT_ARG_INT, &arguments.train.seed, 0, "of every random number", "N"},
        {"set", 0, POPT_ARG_ARGV, &arguments.train.set, 0, "set any value of the config; may be repeated",
         "KEY.PATH=VALUE"},
        {"out", 'o', POPT_ARG_STRING, &arguments.out, 0,
         "also write rates and losses: FILE.csv, FILE.svg (a chart), or a folder for both", "PATH"},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &lr_find_command, table, argc, argv);
    if (status == 0 && !options.help_shown) status = act(session, &options, &arguments);
    options_free(&options);
    return status;
}
