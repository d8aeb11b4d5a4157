/* cnntrain experiments: a batch of runs and their comparison. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/batch_view.h"
#include "cmd/dry_run.h"
#include "cmd/output.h"
#include "cmd/session.h"
#include "cmd/signals.h"
#include "cmd/terminal.h"
#include "core/experiments.h"

struct arguments {
    struct train_options train;
    const char *only, *out;
    int seeds, jobs, dry_run;
};

/* What the user typed, for the report. */
static void write_command(struct text *text, int argc, const char **argv) {
    text_add(text, "cnntrain");
    for (int i = 0; i < argc; i++) {
        text_add(text, " ");
        text_add_shell_word(text, argv[i]);
    }
}

static int print_outcome(struct session *session, const struct experiments_outcome *outcome) {
    if (session->json) {
        char *path = run_file(outcome->folder, "results.json", &session->error);
        cJSON *json = path ? json_read_file(path, JSON_SIZE_MAX, &session->error) : NULL;
        free(path);
        return json ? session_print_json(session, json) : -1;
    }
    if (outcome->table.bytes && !outcome->table.failed) terminal_print_table(outcome->table.bytes);
    output_text("\nThe report is ");
    terminal_print(stdout, outcome->folder);
    output_text("/report.html; report.md, results.csv, results.json and the runs are beside it.\n");
    return 0;
}

static int run_batch(struct session *session, const struct experiments_request *request, struct batch_view *view) {
    struct experiments_outcome outcome;
    int status = experiments_run(request, &outcome, &session->error);
    batch_view_close(view, status == 0);
    if (status == 0) status = print_outcome(session, &outcome);
    if (session->error.code == ERROR_INTERRUPTED && request->command)
        text_print(&session->advice, "Go on with: %s", request->command);
    experiments_free(&outcome);
    return status;
}

static int execute(struct session *session, const struct arguments *arguments, const char *file, const char *command) {
    struct override_list overrides;
    struct terminal terminal;
    struct batch_view view;
    if (make_overrides(session, &arguments->train, &overrides) != 0) return -1;
    terminal_open(&terminal, session);
    terminal_listen(&terminal, session);
    session->workshop.listen = NULL; /* the batch's listener hears it all */
    batch_view_open(&view, &terminal);
    signals_say("interrupted while data were loaded; the same command goes on from here");
    if (arguments->jobs > 1 && session->workshop.threads > arguments->jobs)
        session->workshop.threads /= arguments->jobs;
    else if (arguments->jobs > 1)
        session->workshop.threads = 1;
    struct config_request config = session_request(session, NULL);
    config.overrides = overrides.items;
    config.override_count = overrides.count;
    config.data_spec = arguments->train.data;
    struct experiments_request request = {.workshop = &session->workshop,
                                          .config = &config,
                                          .path = file,
                                          .seeds = arguments->seeds == NOT_GIVEN ? 0 : arguments->seeds,
                                          .only = arguments->only,
                                          .out = arguments->out,
                                          .jobs = arguments->jobs,
                                          .data_from_user = arguments->train.data != NULL,
                                          .command = command,
                                          .listen = batch_view_hear,
                                          .listener = &view};
    int status = arguments->dry_run ? dry_run_batch(session, &request) : run_batch(session, &request, &view);
    terminal_close(&terminal);
    free_overrides(&overrides);
    return status;
}

static int run_experiments(struct session *session, int argc, const char **argv);

const struct command experiments_command = {
    .name = "experiments",
    .summary = "train every config of a batch for every seed, and compare",
    .usage = "[FILE] [options]",
    .details = "Runs every config of an experiment with every seed and compares them. Started again it skips the runs "
               "that are finished and resumes the one that is not.\n",
    .examples = "cnntrain experiments                       the six combinations (six.json)\n"
                "cnntrain experiments demo.json\n"
                "cnntrain experiments deep_six.json --data cifar10:DIR --seeds 3\n"
                "cnntrain experiments six.json --only conv_max,sep_max --epochs 5 --out runs/two\n",
    .run = run_experiments,
};

static int act(struct session *session, const struct options *options, const struct arguments *arguments,
               const char *command) {
    if (options_expect(options, session, &experiments_command, 0, 1, "an experiment file") != 0) return -1;
    if (options_check_range(session, "--seeds", arguments->seeds, 1, FIELD_LIST_MAX) != 0) return -1;
    if (options_check_range(session, "--jobs", arguments->jobs, 1, 256) != 0) return -1;
    if (session_start(session) != 0) return -1;
    /* Side by side, each run is a process with threads of its own. */
    if (arguments->jobs == 1 || arguments->dry_run) session_start_threads(session->workshop.threads);
    return execute(session, arguments, options->argument_count ? options->arguments[0] : "six.json", command);
}

static int run_experiments(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {.train = TRAIN_OPTIONS_NONE, .seeds = NOT_GIVEN, .jobs = 1};
    const struct poptOption table[] = {
        {"data", 'd', POPT_ARG_STRING, &arguments.train.data, 0,
         "data to use instead of the configs', such as svhn:DIR", "SPEC"},
        {"epochs", 0, POPT_ARG_INT, &arguments.train.epochs, 0, "passes over the training set", "N"},
        {"batch-size", 0, POPT_ARG_INT, &arguments.train.batch_size, 0, "images a step", "N"},
        {"seeds", 0, POPT_ARG_INT, &arguments.seeds, 0, "run each config with the seeds 1 to N", "N"},
        {"only", 0, POPT_ARG_STRING, &arguments.only, 0, "run these configs alone", "NAME,..."},
        {"set", 0, POPT_ARG_ARGV, &arguments.train.set, 0, "set any value of all configs; may be repeated",
         "KEY.PATH=VALUE"},
        {"tensorboard", 0, POPT_ARG_NONE, &arguments.train.tensorboard, 0,
         "also write TensorBoard's event files, into each run's folder", NULL},
        {"out", 'o', POPT_ARG_STRING, &arguments.out, 0, "the batch's folder (default: runs/NAME)", "DIR"},
        {"jobs", 'j', POPT_ARG_INT, &arguments.jobs, 0, "runs at a time; they share the threads (default 1)", "N"},
        {"dry-run", 0, POPT_ARG_NONE, &arguments.dry_run, 0,
         "take a few steps of each config, show how long all will take; write nothing", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    struct text command = {0};
    write_command(&command, argc, argv);
    int status = options_parse(&options, session, &experiments_command, table, argc, argv);
    if (status == 0 && !options.help_shown)
        status = act(session, &options, &arguments, command.failed ? NULL : command.bytes);
    options_free(&options);
    text_free(&command);
    return status;
}
