#include "cmd/dry_run.h"

#include <stdlib.h>

#include "cmd/bar.h"
#include "cmd/document.h"
#include "cmd/signals.h"
#include "cmd/terminal.h"
#include "core/experiments_trial.h"
#include "core/platform.h"
#include "core/report/format.h"
#include "core/report/table.h"

/* What was built and measured. */
struct plan {
    const struct run_parts *parts;
    const struct summary *summary;
    const struct trial *trial;
};

static int print_json(struct session *session, const struct plan *plan) {
    const struct data_splits *splits = plan->parts->splits;
    const struct trial *trial = plan->trial;
    struct document document = {summary_json(plan->summary), false};
    cJSON *root = document.root;
    document.failed = !root;
    document_add_number(&document, root, "train_images", (double)splits->train.count);
    document_add_number(&document, root, "val_images", (double)splits->validation.count);
    document_add_number(&document, root, "test_images", (double)splits->test.count);
    document_add_number(&document, root, "classes", splits->classes);
    document_add_number(&document, root, "steps_taken", trial->steps);
    document_add_number(&document, root, "loss", trial->loss);
    document_add_number(&document, root, "epochs", plan->parts->config->values.training.epochs);
    document_add_number(&document, root, "steps_per_epoch", (double)trial->steps_per_epoch);
    document_add_number(&document, root, "step_seconds", trial->step_seconds);
    document_add_number(&document, root, "epoch_seconds", trial->epoch_seconds);
    document_add_number(&document, root, "total_seconds", trial->total_seconds);
    document_add_number(&document, root, "weights_mb", (double)trial->parameter_bytes / 1e6);
    document_add_number(&document, root, "optimizer_mb", (double)trial->optimizer_bytes / 1e6);
    document_add_number(&document, root, "work_mb", (double)trial->work_bytes / 1e6);
    document_add_number(&document, root, "peak_memory_mb", (double)platform_peak_memory() / 1e6);
    return document_print(session, &document);
}

static void add_time(const struct plan *plan, struct text *text) {
    const struct trial *trial = plan->trial;
    const int epochs = plan->parts->config->values.training.epochs;
    char total[DURATION_SIZE];
    text_print(text, "time       %.3g ms a step, %lld steps and %.3g s an epoch, %d epoch%s: about %s\n",
               1e3 * trial->step_seconds, (long long)trial->steps_per_epoch, trial->epoch_seconds, epochs,
               epochs == 1 ? "" : "s", duration_text(trial->total_seconds, total));
    text_print(text, "           (median of %d steps, on %d thread%s; callbacks may end it sooner)\n", trial->steps,
               plan->parts->workshop->threads, plan->parts->workshop->threads == 1 ? "" : "s");
}

static int print_text(struct session *session, const struct plan *plan) {
    const struct data_splits *splits = plan->parts->splits;
    const struct trial *trial = plan->trial;
    struct text text = {0};
    if (!session->quiet) {
        summary_keras2(plan->summary, &text);
        text_add(&text, "\n");
        summary_cost(plan->summary, &text);
        text_add(&text, "\n");
    }
    text_print(&text, "%lld training, %lld validation and %lld test images of %dx%dx%d, %d class%s\n",
               (long long)splits->train.count, (long long)splits->validation.count, (long long)splits->test.count,
               splits->train.height, splits->train.width, splits->train.channels, splits->classes,
               splits->classes == 1 ? "" : "es");
    text_print(&text, "memory     weights %.2f MB, optimizer %.2f MB, work space %.1f MB; the process held %.1f MB\n",
               (double)trial->parameter_bytes / 1e6, (double)trial->optimizer_bytes / 1e6,
               (double)trial->work_bytes / 1e6, (double)platform_peak_memory() / 1e6);
    add_time(plan, &text);
    text_print(&text, "The first batch has a loss of %.4f. Nothing was written.\n", trial->loss);
    return session_print_text(session, &text);
}

static int show(struct session *session, struct run_parts *parts) {
    const double seconds = 2;
    struct trial trial;
    struct summary summary;
    if (trial_run(parts, seconds, &trial, &session->error) != 0) return -1;
    struct summary_row *rows = run_summary_rows(&parts->model, &summary, &session->error);
    if (!rows) return -1;
    const struct plan plan = {parts, &summary, &trial};
    int status = session->json ? print_json(session, &plan) : print_text(session, &plan);
    free(rows);
    return status;
}

int dry_run_config(struct session *session, const struct config *config, const char *weights) {
    struct data_splits splits;
    struct terminal terminal;
    terminal_open(&terminal, session);
    signals_say("interrupted; nothing was written");
    terminal_listen(&terminal, session);
    if (terminal_load_data(&terminal, session, config, &splits) != 0) return -1;
    struct run_parts parts = {.workshop = &session->workshop, .config = config, .splits = &splits, .weights = weights};
    int status = run_parts_build(&parts, &session->error);
    if (status == 0) status = run_parts_open(&parts, &session->error);
    if (status == 0) status = show(session, &parts);
    run_parts_close(&parts);
    data_splits_free(&splits);
    return status;
}

/* ---- batches ---- */

struct batch_plan {
    struct session *session;
    struct table table;
    struct document document; /* of JSON, a list */
    double seconds;           /* of all runs that are left, one after the other */
    int runs, runs_left;
};

static void add_json(struct batch_plan *plan, const struct batch_trial *trial) {
    struct document *document = &plan->document;
    cJSON *item = document_add_object(document, document->root, NULL);
    document_add_string(document, item, "name", trial->name);
    document_add_number(document, item, "parameters", (double)trial->parameters);
    document_add_number(document, item, "multiplications", trial->multiplications);
    document_add_number(document, item, "epochs", trial->epochs);
    document_add_number(document, item, "runs", trial->runs);
    document_add_number(document, item, "runs_left", trial->runs_left);
    document_add_number(document, item, "step_seconds", trial->trial.step_seconds);
    document_add_number(document, item, "epoch_seconds", trial->trial.epoch_seconds);
    document_add_number(document, item, "run_seconds", trial->trial.total_seconds);
}

static void add_row(struct table *table, const struct batch_trial *trial) {
    struct format format;
    char duration[DURATION_SIZE];
    table_cell(table, "%s", trial->name);
    table_cell(table, "%s", format_count(&format, (double)trial->parameters));
    table_cell(table, "%s", format_count(&format, trial->multiplications));
    table_cell(table, "%.3g", 1e3 * trial->trial.step_seconds);
    table_cell(table, "%.3g", trial->trial.epoch_seconds);
    table_cell(table, "%d", trial->epochs);
    table_cell(table, "%d of %d", trial->runs_left, trial->runs);
    table_cell(table, "%s", duration_text(trial->trial.total_seconds * trial->runs_left, duration));
}

static void hear_trial(void *listener, const struct batch_trial *trial) {
    struct batch_plan *plan = listener;
    plan->seconds += trial->trial.total_seconds * trial->runs_left;
    plan->runs += trial->runs;
    plan->runs_left += trial->runs_left;
    if (plan->session->json)
        add_json(plan, trial);
    else
        add_row(&plan->table, trial);
}

static int print_plan(struct session *session, struct batch_plan *plan, int jobs) {
    struct text text = {0};
    char duration[DURATION_SIZE];
    table_plain(&plan->table, &text);
    text_print(&text, "%d of %d runs to go: about %s", plan->runs_left, plan->runs,
               duration_text(plan->seconds / jobs, duration));
    if (jobs > 1) text_print(&text, ", %d at a time", jobs);
    text_add(&text, ". Nothing was written.\n");
    return session_print_text(session, &text);
}

int dry_run_batch(struct session *session, const struct experiments_request *request) {
    static const char *const names[] = {"params", "multiplications", "ms/step", "s/epoch", "epochs", "runs", "time"};
    struct batch_plan plan = {.session = session};
    signals_say("interrupted; nothing was written");
    table_column(&plan.table, "name", TABLE_LEFT);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) table_column(&plan.table, names[i], TABLE_RIGHT);
    if (session->json) plan.document = document_list();
    int status = batch_trial_run(request, hear_trial, &plan, &session->error);
    if (status == 0 && session->json) return document_print(session, &plan.document);
    if (status == 0) return print_plan(session, &plan, request->jobs);
    if (session->json) document_free(&plan.document);
    text_free(&plan.table.cells);
    return -1;
}
