/* cnntrain gradcheck: are the gradients of a config's layers right on this machine? */
#include <stdio.h>

#include "cmd/session.h"
#include "core/gradcheck.h"
#include "core/report/table.h"

static int check_model(struct session *session, const struct model *model) {
    struct table table = {0};
    struct text text = {0};
    bool passed = true;
    static const char *const names[] = {"layer", "gradient of", "checked", "largest relative error", "verdict"};
    for (int i = 0; i < 5; i++) table_column(&table, names[i], i == 2 || i == 3 ? TABLE_RIGHT : TABLE_LEFT);
    for (int i = 0; i < model->layer_count; i++) {
        struct gradcheck_result result;
        if (gradcheck_layer(&model->layers[i], session->workshop.kernels, 1, &result, &session->error) != 0) return -1;
        for (int k = 0; k < result.count; k++) {
            const struct gradcheck_tensor *tensor = &result.tensors[k];
            table_cell(&table, "%s", model->layers[i].name);
            table_cell(&table, "%s", tensor->name);
            table_cell(&table, "%d", tensor->checked);
            table_cell(&table, "%.2e", tensor->error);
            table_cell(&table, "%s", tensor->passed ? "right" : "WRONG");
        }
        passed = passed && result.passed;
    }
    table_plain(&table, &text);
    if (text.bytes && !text.failed) fputs(text.bytes, stdout);
    text_free(&text);
    if (!passed)
        return error_set(&session->error, ERROR_RUN, NULL,
                         "a gradient differs by more than %g from its difference quotient", GRADCHECK_TOLERANCE);
    printf("\nAll gradients agree with central differences within %g (%s kernels).\n", GRADCHECK_TOLERANCE,
           session->workshop.kernels->name);
    return 0;
}

static int check_config(struct session *session, const char *path) {
    struct config config;
    struct shape unknown = {0}, input;
    struct model model;
    struct config_request request = session_request(session, path);
    if (config_read(&config, &request, &session->error) != 0) return -1;
    struct place document = place_document(config.path), place = place_key(&document, "model");
    int status = config_input_shape(&config, &unknown, &input, &session->error);
    if (status == 0) status = model_build(&model, &config.values.model, &input, &place, &session->error);
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
    .usage = "--config FILE",
    .examples = "cnntrain gradcheck --config sep_max.json\n"
                "CNNTRAIN_CPU=portable cnntrain gradcheck --config deep_conv_avg\n",
    .run = run_gradcheck,
};

static int run_gradcheck(struct session *session, int argc, const char **argv) {
    const char *config = NULL;
    const struct poptOption table[] = {
        {"config", 'c', POPT_ARG_STRING, &config, 0, "the config, also as an argument", "FILE"},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &gradcheck_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        int least = config ? 0 : 1;
        status = options_expect(&options, session, &gradcheck_command, least, least, "a config");
        if (status == 0) status = session_start(session);
        if (status == 0) status = check_config(session, least ? options.arguments[0] : config);
    }
    options_free(&options);
    return status;
}
