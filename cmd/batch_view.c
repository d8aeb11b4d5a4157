#include "cmd/batch_view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/bar.h"
#include "cmd/batch_table.h"
#include "core/platform.h"

void batch_view_open(struct batch_view *view, struct terminal *terminal) {
    *view = (struct batch_view){.terminal = terminal};
}

/* ---- what happened ---- */

static void begin_batch(struct batch_view *view, const struct experiments_plan *plan) {
    view->start = platform_seconds();
    view->jobs = plan->request->jobs;
    view->runs = calloc((size_t)plan->total, sizeof *view->runs);
    view->count = view->runs ? plan->total : 0;
    for (int i = 0; i < view->count; i++) {
        const struct config_values *values = &plan->entries[i].config.values;
        view->runs[i] = (struct batch_run){.config = i / plan->seed_count,
                                           .seed = values->seed,
                                           .epochs = values->training.epochs,
                                           .is_wanted = plan->entries[i].is_wanted,
                                           .clock = {.epoch_seconds = NAN},
                                           .last = {.loss = NAN, .accuracy = NAN},
                                           .val_accuracy = NAN,
                                           .test_accuracy = NAN};
        snprintf(view->runs[i].name, sizeof view->runs[i].name, "%s", values->name);
    }
}

static void take_result(struct batch_run *run, const struct run_result *result) {
    run->state = BATCH_DONE;
    if (!result) return;
    if (result->status == RUN_NOT_FINITE) run->state = BATCH_NOT_FINITE;
    run->epoch = result->epochs;
    run->last.loss = result->train_loss;
    run->last.accuracy = result->train_accuracy;
    run->val_accuracy = result->validation_accuracy;
    run->test_accuracy = result->test_accuracy;
    run->seconds = result->seconds;
    if (isnan(run->clock.epoch_seconds)) run->clock.epoch_seconds = result->seconds_per_epoch;
}

static void take_training(struct batch_run *run, const struct train_event *event) {
    training_clock_hear(&run->clock, event);
    if (event->kind == TRAIN_CHECKPOINT) return;
    run->seconds = platform_seconds() - run->start;
    run->last = *event;
    run->epoch = event->epoch;
    if (event->kind != TRAIN_EPOCH_END) return;
    run->val_accuracy = event->row->val_accuracy;
    run->last.loss = event->row->loss;
    run->last.accuracy = event->row->accuracy;
}

static void take(struct batch_view *view, const struct experiment_event *event) {
    struct batch_run *run = &view->runs[event->number - 1];
    switch (event->kind) {
    case EXPERIMENT_RUN_BEGIN:
        run->state = BATCH_RUNNING;
        run->start = platform_seconds();
        break;
    case EXPERIMENT_RUN_TRAINS:
        take_training(run, event->train);
        break;
    case EXPERIMENT_RUN_SKIPPED:
    case EXPERIMENT_RUN_END:
        take_result(run, event->result);
        break;
    case EXPERIMENT_RUN_FAILED:
        run->state = event->error->code == ERROR_INTERRUPTED ? BATCH_INTERRUPTED : BATCH_FAILED;
        break;
    case EXPERIMENT_BATCH_BEGIN:
    case EXPERIMENT_WAITING:
        break;
    }
}

/* ---- plain lines ---- */

static void add_outcome(const struct run_result *result, struct text *text) {
    if (!result)
        text_add(text, "no result");
    else if (result->status == RUN_NOT_FINITE)
        text_add(text, "the loss is not finite");
    else if (!isnan(result->test_accuracy))
        text_print(text, "test accuracy %.2f %%", 100 * result->test_accuracy);
    else
        text_print(text, "train accuracy %.2f %%, no test set", 100 * result->train_accuracy);
}

static void add_head(const struct batch_view *view, const struct experiment_event *event, struct text *text) {
    const bool has_color = view->terminal->has_color;
    text_print(text, "%s[%d/%d] %s, seed %d%s", has_color ? "\033[1m" : "", event->number, event->total, event->name,
               event->seed, has_color ? "\033[0m" : "");
}

static void add_lines(const struct batch_view *view, const struct experiment_event *event, struct text *text) {
    struct text label = {0};
    add_head(view, event, &label);
    const char *head = label.failed ? event->name : label.bytes;
    switch (event->kind) {
    case EXPERIMENT_RUN_BEGIN:
        text_print(text, "%s: %s\n", head, event->resumed ? "goes on" : "starts");
        break;
    case EXPERIMENT_RUN_TRAINS:
        training_lines(event->train, view->jobs > 1 ? head : NULL, view->terminal->session->verbose, text);
        break;
    case EXPERIMENT_RUN_SKIPPED:
    case EXPERIMENT_RUN_END:
        text_print(text, "%s: %s", head, event->kind == EXPERIMENT_RUN_SKIPPED ? "was finished before, " : "");
        add_outcome(event->result, text);
        text_add(text, "\n");
        break;
    case EXPERIMENT_RUN_FAILED:
        text_print(text, "%s: %s\n", head, event->error->code == ERROR_INTERRUPTED ? "interrupted" : "failed");
        break;
    case EXPERIMENT_BATCH_BEGIN:
    case EXPERIMENT_WAITING:
        break;
    }
    text_free(&label);
}

/* The table tells what plain lines would; whoever wants more gets both. Side by side, epochs are for those alone. */
static bool wants_lines(const struct batch_view *view, const struct experiment_event *event) {
    if (view->terminal->session->verbose) return true;
    if (view->terminal->live.is_on && view->runs) return false;
    return view->jobs == 1 || event->kind != EXPERIMENT_RUN_TRAINS;
}

/* ---- drawing ---- */

static void draw(struct batch_view *view) {
    struct terminal *terminal = view->terminal;
    struct text lines = {0};
    const struct batch_window window = {.columns = live_columns() - 1,
                                        .rows = live_rows() - 1,
                                        .has_color = terminal->has_color,
                                        .seconds = platform_seconds() - view->start,
                                        .jobs = view->jobs};
    batch_table_write(view->runs, view->count, &window, &lines);
    live_draw(&terminal->live, &lines);
    text_free(&lines);
}

/* The end of a run is drawn however soon it comes after something else. */
static bool wants_drawing(const struct batch_view *view, const struct experiment_event *event) {
    const struct live *live = &view->terminal->live;
    const bool has_ended = event->kind == EXPERIMENT_RUN_END || event->kind == EXPERIMENT_RUN_FAILED;
    const bool has_changed = event->kind != EXPERIMENT_RUN_TRAINS && event->kind != EXPERIMENT_WAITING;
    if (has_changed && live->lines == 0) return true;
    return has_ended ? live_may_draw(live) : live_is_due(live);
}

void batch_view_hear(void *listener, const struct experiment_event *event) {
    struct batch_view *view = listener;
    struct text text = {0};
    if (view->terminal->session->quiet) return;
    if (event->kind == EXPERIMENT_BATCH_BEGIN) begin_batch(view, event->plan);
    if (event->number > 0 && event->number <= view->count) take(view, event);
    if (wants_lines(view, event)) add_lines(view, event, &text);
    if (text.bytes && !text.failed) {
        live_clear(&view->terminal->live);
        fputs(text.bytes, stderr);
        fflush(stderr);
    }
    if (view->runs && wants_drawing(view, event)) draw(view);
    text_free(&text);
}

void batch_view_close(struct batch_view *view, bool finished) {
    struct live *live = &view->terminal->live;
    if (!finished && view->runs && live->is_on) {
        draw(view);
        live_keep(live);
    }
    live_clear(live);
    free(view->runs);
    *view = (struct batch_view){0};
}
