/* cnntrain summary: the layers of a model as Keras prints them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/session.h"
#include "cmd/terminal.h"
#include "core/file.h"
#include "core/model_file.h"
#include "core/report/summary.h"

struct arguments {
    struct train_options train;
    const char *style;
    int cost;
};

static int print_tables(struct session *session, const struct arguments *arguments, const struct summary *summary) {
    struct text text = {0};
    if (arguments->style && strcmp(arguments->style, "keras3") == 0)
        summary_keras3(summary, terminal_width(), &text);
    else
        summary_keras2(summary, &text);
    if (arguments->cost) {
        text_add(&text, "\n");
        summary_cost(summary, &text);
    }
    if (session_print_text(session, &text) != 0) return -1;
    if (arguments->cost || session->quiet) return 0;
    /* On stderr, so that stdout stays Keras' table to the byte. */
    summary_warnings(summary, &text);
    fflush(stdout);
    if (text.length && !text.failed) fputs(text.bytes, stderr);
    text_free(&text);
    return 0;
}

static int print_model(struct session *session, const struct arguments *arguments, const struct model *model) {
    struct summary summary;
    struct summary_row *rows = run_summary_rows(model, &summary, &session->error);
    if (!rows) return -1;
    int status = session->json ? session_print_json(session, summary_json(&summary))
                               : print_tables(session, arguments, &summary);
    free(rows);
    return status;
}

static int summarize_config(struct session *session, const struct arguments *arguments) {
    struct config config;
    struct shape input;
    struct model model;
    if (read_config(session, &arguments->train, arguments->train.config, &config) != 0) return -1;
    int status = read_input_shape(session, &arguments->train, &config, &input);
    if (status == 0) status = model_plan(&model, &config, &input, &session->error);
    if (status == 0) {
        status = print_model(session, arguments, &model);
        model_free(&model);
    }
    config_free(&config);
    return status;
}

static int summarize_saved(struct session *session, const struct arguments *arguments, const char *path) {
    struct saved_model saved;
    struct config_request request = session_request(session, path);
    if (session_check_model(session, path) != 0) return -1;
    if (saved_model_open(&saved, path, false, &request, &session->error) != 0) return -1;
    int status = print_model(session, arguments, &saved.model);
    saved_model_free(&saved);
    return status;
}

static int run_summary(struct session *session, int argc, const char **argv);

const struct command summary_command = {
    .name = "summary",
    .summary = "the layers of a model in a table, as Keras prints it",
    .usage = "--config FILE | MODEL [options]",
    .details = "Prints the table of layers, shapes and parameters; nothing is trained, and data are read only where "
               "the config does not say how large its images are.\n",
    .examples = "cnntrain summary --config sep_max.json\n"
                "cnntrain summary --config deep_conv_max --style keras3 --cost\n"
                "cnntrain summary runs/sep_max\n",
    .run = run_summary,
};

static int act(struct session *session, const struct options *options, const struct arguments *given) {
    struct arguments arguments = *given;
    if (arguments.style && strcmp(arguments.style, "keras2") != 0 && strcmp(arguments.style, "keras3") != 0)
        return error_set(&session->error, ERROR_CONFIG, "--style", "must be keras2 or keras3, got \"%s\"",
                         arguments.style);
    const char *path =
        options_config(options, session, &summary_command, given->train.config, "a config or a trained model");
    if (!path) return -1;
    int is_saved = given->train.config ? 0 : session_is_model(session, path);
    arguments.train.config = path;
    if (is_saved < 0) return -1;
    if (!is_saved) return summarize_config(session, &arguments);
    if (given->train.data || given->train.set)
        return error_set(&session->error, ERROR_CONFIG, path, "is a trained model; --data and --set are for configs");
    return summarize_saved(session, &arguments, path);
}

static int run_summary(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {.train = TRAIN_OPTIONS_NONE};
    const struct poptOption table[] = {
        {"config", 'c', POPT_ARG_STRING, &arguments.train.config, 0, "the config whose model is shown", "FILE"},
        {"data", 'd', POPT_ARG_STRING, &arguments.train.data, 0, "take the input shape from these data", "SPEC"},
        {"set", 0, POPT_ARG_ARGV, &arguments.train.set, 0, "set any value of the config; may be repeated",
         "KEY.PATH=VALUE"},
        {"style", 0, POPT_ARG_STRING, &arguments.style, 0, "the table (keras2, 65 columns wide, is the default)",
         "keras2|keras3"},
        {"cost", 0, POPT_ARG_NONE, &arguments.cost, 0, "add multiplications, receptive field, activation bytes", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &summary_command, table, argc, argv);
    if (status == 0 && !options.help_shown) status = act(session, &options, &arguments);
    options_free(&options);
    return status;
}
