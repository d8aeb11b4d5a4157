/* cnntrain gradcheck: are the gradients of a config's layers right on this machine? */
#include <stdlib.h>

#include "cmd/document.h"
#include "core/gradcheck.h"
#include "core/report/table.h"

static int print_json(struct session *session, const struct model *model, const struct gradcheck_result *results,
                      bool passed) {
    struct document document = document_object();
    document_add(&document, document.root, "passed", cJSON_CreateBool(passed));
    document_add_number(&document, document.root, "tolerance", GRADCHECK_TOLERANCE);
    document_add_string(&document, document.root, "kernel", session->workshop.kernels->name);
    cJSON *list = document_add_list(&document, document.root, "gradients");
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < results[i].count; k++) {
            const struct gradcheck_tensor *tensor = &results[i].tensors[k];
            cJSON *item = document_add_object(&document, list, NULL);
            document_add_string(&document, item, "layer", model->layers[i].name);
            document_add_string(&document, item, "name", tensor->name);
            document_add_number(&document, item, "checked", tensor->checked);
            document_add_number(&document, item, "error", tensor->error);
            document_add(&document, item, "passed", cJSON_CreateBool(tensor->passed));
        }
    return document_print(session, &document);
}

static int print_table(struct session *session, const struct model *model, const struct gradcheck_result *results,
                       bool passed) {
    struct table table = {0};
    struct text text = {0};
    static const char *const names[] = {"layer", "gradient of", "checked", "largest relative error", "verdict"};
    for (int i = 0; i < 5; i++) table_column(&table, names[i], i == 2 || i == 3 ? TABLE_RIGHT : TABLE_LEFT);
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < results[i].count; k++) {
            const struct gradcheck_tensor *tensor = &results[i].tensors[k];
            table_cell(&table, "%s", model->layers[i].name);
            table_cell(&table, "%s", tensor->name);
            table_cell(&table, "%d", tensor->checked);
            table_cell(&table, "%.2e", tensor->error);
            table_cell(&table, "%s", tensor->passed ? "right" : "WRONG");
        }
    table_plain(&table, &text);
    if (passed)
        text_print(&text, "\nAll gradients agree with central differences within %g (%s kernels).\n",
                   GRADCHECK_TOLERANCE, session->workshop.kernels->name);
    return session_print_text(session, &text);
}

static int check_model(struct session *session, const struct model *model) {
    struct gradcheck_result *results = calloc((size_t)model->layer_count, sizeof *results);
    if (!results) return error_set(&session->error, ERROR_RUN, NULL, "not enough memory for the gradient check");
    bool passed = true;
    int status = 0;
    for (int i = 0; i < model->layer_count && status == 0; i++) {
        status = gradcheck_layer(&model->layers[i], session->workshop.kernels, 1, &results[i], &session->error);
        passed = passed && results[i].passed;
    }
    if (status == 0)
        status =
            session->json ? print_json(session, model, results, passed) : print_table(session, model, results, passed);
    free(results);
    if (status == 0 && !passed)
        status = error_set(&session->error, ERROR_RUN, NULL,
                           "a gradient differs by more than %g from its difference quotient; the layer marked WRONG "
                           "has a mistake in its code",
                           GRADCHECK_TOLERANCE);
    return status;
}

static int check_config(struct session *session, const struct train_options *train) {
    struct config config;
    struct shape unknown = {0}, input;
    struct model model;
    if (read_config(session, train, train->config, &config) != 0) return -1;
    int status = config_input_shape(&config, &unknown, &input, &session->error);
    if (status == 0) status = model_build(&model, &config, &input, &session->error);
    if (status == 0) {
        status = check_model(session, &model);
        model_free(&model);
    }
    config_free(&config);
    return status;
}

static int run_gradcheck(struct session *session, int argc, const char **argv);

const struct command gradcheck_command = {
    .name = "gradcheck",
    .summary = "check the hand-written gradients of a config's layers",
    .usage = "--config FILE [options]",
    .details = "Checks the backward passes of a network against central differences of its loss, in every parameter "
               "and in the input. A difference beyond what rounding explains is shown, and the exit code is 1.\n",
    .examples = "cnntrain gradcheck --config sep_max.json\n"
                "cnntrain gradcheck --config deep_conv_max --set input_shape=[8,8,3]\n"
                "CNNTRAIN_CPU=portable cnntrain gradcheck --config deep_conv_avg\n",
    .run = run_gradcheck,
};

static int run_gradcheck(struct session *session, int argc, const char **argv) {
    struct train_options train = TRAIN_OPTIONS_NONE;
    const struct poptOption table[] = {
        {"config", 'c', POPT_ARG_STRING, &train.config, 0, "the config, also as an argument", "FILE"},
        {"set", 0, POPT_ARG_ARGV, &train.set, 0, "set any value of the config; may be repeated", "KEY.PATH=VALUE"},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &gradcheck_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        struct train_options given = train;
        given.config = options_config(&options, session, &gradcheck_command, train.config, "a config");
        status = given.config ? session_start(session) : -1;
        if (status == 0) session_start_threads(session->workshop.threads);
        if (status == 0) status = check_config(session, &given);
    }
    options_free(&options);
    return status;
}
