/* cnntrain train: one run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/dry_run.h"
#include "cmd/output.h"
#include "cmd/signals.h"
#include "cmd/terminal.h"
#include "core/file.h"
#include "core/platform.h"
#include "core/report/result.h"
#include "core/run_resume.h"

struct arguments {
    struct train_options train;
    const char *out, *weights, *resume;
    int dry_run, allow_changes;
};

static int print_result(struct session *session, const char *folder) {
    char *path = run_file(folder, "metrics.json", &session->error);
    if (!path) return -1;
    int status = 0;
    if (session->json) {
        cJSON *json = json_read_file(path, JSON_SIZE_MAX, &session->error);
        if (json && !cJSON_AddStringToObject(json, "folder", folder)) {
            error_set(&session->error, ERROR_RUN, NULL, "not enough memory for the JSON document");
            cJSON_Delete(json);
            json = NULL;
        }
        status = json ? session_print_json(session, json) : -1;
    } else {
        struct run_result result;
        status = run_result_read(path, &result, &session->error);
        if (status == 0 && result.test_accuracy >= 0)
            output_print("Test accuracy %.2f %% (95 %% interval %.2f to %.2f), loss %.4f\n", 100 * result.test_accuracy,
                         100 * result.test_low, 100 * result.test_high, result.test_loss);
        if (status == 0) {
            output_text("Results are in ");
            terminal_print(stdout, folder);
            output_text("\n");
        }
        if (status == 0) run_result_free(&result);
    }
    free(path);
    return status;
}

/* The last line after a run that did not end well. */
static void advise(struct session *session, const char *folder) {
    if (session->error.code == ERROR_INTERRUPTED) {
        text_add(&session->advice, "Go on with: cnntrain train --resume ");
        text_add_shell_word(&session->advice, folder);
    }
    if (session->error.code == ERROR_NOT_FINITE)
        text_print(&session->advice, "What there is of the run is in %s", folder);
}

/* Trains; the request lacks workshop and data. */
static int execute(struct session *session, struct run_request request) {
    struct terminal terminal;
    terminal_open(&terminal, session);
    terminal_listen(&terminal, session);
    signals_say(request.resume ? "interrupted while the data were loaded; the run is as it was"
                               : "interrupted while the data were loaded; nothing was written");
    struct data_splits splits;
    if (terminal_load_data(&terminal, session, request.config, &splits) != 0) return -1;
    request.workshop = &session->workshop;
    request.splits = &splits;
    int status = run_execute(&request, &session->error);
    terminal_close(&terminal);
    data_splits_free(&splits);
    const char *folder = request.claimed ? *request.claimed : request.folder;
    if (status == 0) return print_result(session, folder);
    if (folder) advise(session, folder);
    return -1;
}

/* ---- a new run ---- */

/* What can be known before the data are loaded. */
static int check_before(struct session *session, const struct config *config) {
    struct shape known;
    if (config->values.input_shape.count == 0 && !config_source_shape(config, &known)) return 0;
    struct shape unknown = {0}, input;
    struct model model;
    if (config_input_shape(config, &unknown, &input, &session->error) != 0) return -1;
    if (run_build_model(config, &input, 0, &model, &session->error) != 0) return -1;
    model_free(&model);
    return 0;
}

static int start_new(struct session *session, const struct arguments *arguments, const struct config *config) {
    if (check_before(session, config) != 0) return -1;
    if (arguments->weights && !file_exists(arguments->weights))
        return error_set(&session->error, ERROR_IO, arguments->weights, "no such file of weights; check the name");
    if (arguments->dry_run) return dry_run_config(session, config, arguments->weights);
    char path[160], *claimed = NULL;
    snprintf(path, sizeof path, "runs/%s", config->values.name);
    const char *folder = arguments->out ? arguments->out : path;
    if (run_try_folder(folder, &session->error) != 0) return -1;
    int status = execute(
        session,
        (struct run_request){.config = config, .folder = folder, .claimed = &claimed, .weights = arguments->weights});
    free(claimed);
    return status;
}

/* The config with its data located. */
static int read_located(struct session *session, const struct train_options *options, const char *path,
                        struct config *config) {
    if (read_config(session, options, path, config) != 0) return -1;
    if (config_locate_data(config, session->workshop.data_folder, options->data != NULL, &session->error) == 0)
        return 0;
    config_free(config);
    return -1;
}

static int train_new(struct session *session, const struct arguments *arguments) {
    struct config config;
    if (read_located(session, &arguments->train, arguments->train.config, &config) != 0) return -1;
    int status = start_new(session, arguments, &config);
    config_free(&config);
    return status;
}

/* ---- going on ---- */

/* A finished run has nothing left to do, unless it is given more epochs, and one that diverged would do so again,
 * unless something changes. */
enum next { NEXT_FAILED = -1, NEXT_GO_ON, NEXT_SHOW };

static enum next judge_result(struct session *session, const struct arguments *arguments, const char *folder,
                              const struct run_result *result) {
    bool diverged = result->status == RUN_NOT_FINITE, more = arguments->train.epochs > result->epochs;
    if (!diverged && !more) return NEXT_SHOW;
    if (arguments->allow_changes) return NEXT_GO_ON;
    if (diverged)
        error_set(&session->error, ERROR_NOT_FINITE, folder,
                  "cannot go on: %s; with other settings (--set ...) it can by --allow-changes",
                  result->message ? result->message : "its loss is not finite");
    else
        error_set(&session->error, ERROR_CONFIG, folder,
                  "is finished after %d epoch%s; to train on to %d, add --allow-changes", result->epochs,
                  result->epochs == 1 ? "" : "s", arguments->train.epochs);
    return NEXT_FAILED;
}

static enum next judge_folder(struct session *session, const struct arguments *arguments, const char *folder) {
    if (!run_is_finished(folder)) return NEXT_GO_ON;
    struct run_result result;
    char *path = run_file(folder, "metrics.json", &session->error);
    int status = path ? run_result_read(path, &result, &session->error) : -1;
    free(path);
    if (status != 0) return NEXT_FAILED;
    enum next next = judge_result(session, arguments, folder, &result);
    run_result_free(&result);
    return next;
}

static int go_on(struct session *session, const struct arguments *arguments, const char *folder) {
    if (run_restore_config(folder, &session->error) != 0) return -1;
    char *path = run_file(folder, "config.json", &session->error);
    if (!path) return -1;
    struct config config;
    int status = 0;
    if (!file_exists(path))
        status = error_set(&session->error, ERROR_CONFIG, folder,
                           "is no run's folder, for it holds no config.json; name one, such as runs/sep_max");
    if (status == 0) status = read_located(session, &arguments->train, path, &config);
    free(path);
    if (status != 0) return -1;
    status = execute(
        session, (struct run_request){
                     .config = &config, .folder = folder, .resume = true, .allow_changes = arguments->allow_changes});
    config_free(&config);
    return status;
}

static int resume_folder(struct session *session, const struct arguments *arguments, const char *folder) {
    int is_folder = file_is_folder(folder, &session->error);
    if (is_folder < 0) return -1;
    if (!is_folder)
        return error_set(&session->error, ERROR_IO, folder, "%s; name a run's folder, such as runs/sep_max",
                         file_exists(folder) ? "is no folder" : "no such folder");
    switch (judge_folder(session, arguments, folder)) {
    case NEXT_GO_ON:
        return go_on(session, arguments, folder);
    case NEXT_SHOW:
        if (!session->quiet) {
            terminal_print(stderr, folder);
            fputs(" is finished; nothing is left to do\n", stderr);
        }
        return print_result(session, folder);
    case NEXT_FAILED:
        break;
    }
    return -1;
}

static int train_resume(struct session *session, const struct arguments *arguments) {
    if (arguments->dry_run)
        return error_set(&session->error, ERROR_CONFIG, "--dry-run",
                         "goes with a new run; leave it out, or name a config in place of --resume");
    if (arguments->train.config || arguments->weights || arguments->out)
        return error_set(&session->error, ERROR_CONFIG, "--resume",
                         "takes its config, weights and folder from the run; leave out --config, --weights and --out");
    if (arguments->resume) return resume_folder(session, arguments, arguments->resume);
    char *folder = run_find_unfinished("runs", &session->error);
    if (!folder) return -1;
    int status = resume_folder(session, arguments, folder);
    free(folder);
    return status;
}

static int run_train(struct session *session, int argc, const char **argv);

const struct command train_command = {
    .name = "train",
    .summary = "train one model",
    .usage = "--config FILE [options]",
    .details = "Trains a network; this is also what happens without a command. Ctrl-C ends at the next step with a "
               "checkpoint, a second one at once; --resume goes on from there, with the last unfinished run below "
               "`runs` where none is named. It says what has changed in config or images since, and goes on with that "
               "only by --allow-changes.\n\n"
               "--weights starts from the weights of a file of cnntrain, Keras or PyTorch, or of a run, and says which "
               "names it did not find or use. --freeze leaves the weights of the layers with this name, or matching "
               "this pattern, as they are.\n",
    .examples = "cnntrain --config sep_max.json\n"
                "cnntrain train --config deep_conv_max --data cifar10:DIR --epochs 10\n"
                "cnntrain train --config sep_max --set training.optimizer.learning_rate=0.01 --out runs/fast\n"
                "cnntrain train --resume                    go on with the last unfinished run\n",
    .run = run_train,
};

enum { OPTION_RESUME = 1 };

static int act(struct session *session, const struct options *options, const struct arguments *arguments) {
    bool resumes = options->seen & 1u << OPTION_RESUME;
    if (resumes && options_expect(options, session, &train_command, 0, 0, "nothing") != 0) return -1;
    if (!resumes && arguments->allow_changes)
        return error_set(&session->error, ERROR_CONFIG, "--allow-changes",
                         "goes with --resume alone; leave it out, or name the run: --resume RUN");
    struct arguments given = *arguments;
    if (!resumes) {
        given.train.config = options_config(options, session, &train_command, arguments->train.config, "a config");
        if (!given.train.config) return -1;
    }
    if (session_start(session) != 0) return -1;
    session_start_threads(session->workshop.threads);
    return resumes ? train_resume(session, &given) : train_new(session, &given);
}

static int run_train(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {.train = TRAIN_OPTIONS_NONE};
    const struct poptOption table[] = {
        {"config", 'c', POPT_ARG_STRING, &arguments.train.config, 0, "the config to train", "FILE"},
        {"data", 'd', POPT_ARG_STRING, &arguments.train.data, 0,
         "data to use instead of the config's, such as svhn:DIR", "SPEC"},
        {"epochs", 0, POPT_ARG_INT, &arguments.train.epochs, 0, "passes over the training set", "N"},
        {"batch-size", 0, POPT_ARG_INT, &arguments.train.batch_size, 0, "images a step", "N"},
        {"seed", 0, POPT_ARG_INT, &arguments.train.seed, 0, "of every random number", "N"},
        {"set", 0, POPT_ARG_ARGV, &arguments.train.set, 0, "set any value of the config; may be repeated",
         "KEY.PATH=VALUE"},
        {"tensorboard", 0, POPT_ARG_NONE, &arguments.train.tensorboard, 0,
         "also write TensorBoard's event files, into the run's folder", NULL},
        {"out", 'o', POPT_ARG_STRING, &arguments.out, 0, "the run's folder (default: runs/NAME)", "DIR"},
        {"weights", 0, POPT_ARG_STRING, &arguments.weights, 0,
         "start from these weights (.safetensors, .weights.h5, .h5, .keras, or a run's folder)", "FILE"},
        {"freeze", 0, POPT_ARG_ARGV, &arguments.train.freeze, 0,
         "leave the weights of these layers as they are, such as 'conv2d*'; may be repeated", "PATTERN"},
        {"resume", 0, POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, &arguments.resume, OPTION_RESUME,
         "go on with an interrupted run", "[RUN]"},
        {"allow-changes", 0, POPT_ARG_NONE, &arguments.allow_changes, 0,
         "go on with --resume though config or images are not those of the checkpoint", NULL},
        {"dry-run", 0, POPT_ARG_NONE, &arguments.dry_run, 0,
         "build everything, take a few steps, show cost, memory and time; write nothing", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &train_command, table, argc, argv);
    if (status == 0 && !options.help_shown) status = act(session, &options, &arguments);
    options_free(&options);
    return status;
}
