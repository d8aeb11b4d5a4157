/* How a training shows: Keras' lines for good, a bar while it goes on. */
#include <math.h>
#include <stdio.h>

#include "cmd/bar.h"
#include "cmd/terminal.h"
#include "core/platform.h"

/* ---- time ---- */

void training_clock_hear(struct training_clock *clock, const struct train_event *event) {
    switch (event->kind) {
    case TRAIN_EPOCH_BEGIN:
        clock->first_step = event->step;
        clock->step_seconds = clock->phase_start = 0;
        break;
    case TRAIN_STEP:
        clock->step_seconds = event->seconds;
        clock->phase_start = 0;
        break;
    case TRAIN_VALIDATION:
    case TRAIN_TEST:
        if (clock->phase_start == 0) clock->phase_start = platform_seconds();
        break;
    case TRAIN_EPOCH_END:
        if (clock->first_step == 0) clock->epoch_seconds = event->row->seconds;
        clock->after_steps = event->row->seconds - clock->step_seconds;
        clock->phase_start = 0;
        break;
    default:
        break;
    }
}

/* Of a step: those of the epoch so far took as long as they did, and the rest will. */
static double step_seconds_left(const struct training_clock *clock, const struct train_event *event) {
    const int64_t steps = event->step - clock->first_step;
    return steps > 0 ? event->seconds / (double)steps * (double)(event->steps - event->step) : NAN;
}

double training_seconds_left(const struct training_clock *clock, const struct train_event *event) {
    double left = 0, epoch = clock->epoch_seconds;
    const int64_t steps = event->step - clock->first_step;
    if (event->kind == TRAIN_STEP) {
        left = step_seconds_left(clock, event) + clock->after_steps;
        if (isnan(epoch) && steps > 0) epoch = event->seconds / (double)steps * (double)event->steps;
    }
    if (event->kind == TRAIN_EPOCH_BEGIN) left = epoch;
    if (event->epoch >= event->epochs) return left;
    return left + epoch * (event->epochs - event->epoch);
}

void training_bar(const struct training_clock *clock, const struct train_event *event, const char *label, int columns,
                  struct text *line) {
    struct text head = {0};
    const bool is_step = event->kind == TRAIN_STEP;
    struct bar bar = {.label = label,
                      .done = event->step,
                      .total = event->steps,
                      .left = step_seconds_left(clock, event),
                      .run_left = NAN,
                      .loss = event->loss,
                      .accuracy = event->accuracy};
    if (is_step && event->epoch < event->epochs) bar.run_left = training_seconds_left(clock, event);
    if (!is_step) {
        const double taken = platform_seconds() - clock->phase_start;
        text_print(&head, "%s%s%s", label ? label : "", label ? " " : "",
                   event->kind == TRAIN_TEST ? "test" : "validation");
        bar.label = head.failed ? label : head.bytes;
        bar.loss = bar.accuracy = NAN;
        bar.left = taken / (double)event->step * (double)(event->steps - event->step);
    }
    bar_write(&bar, columns, line);
    text_free(&head);
}

/* ---- lines ---- */

static void add_epoch(const struct train_event *event, bool verbose, struct text *text) {
    const struct history_row *row = event->row;
    char duration[DURATION_SIZE];
    double step = row->seconds / (double)event->steps;
    text_print(text, "%lld/%lld - %s - %.0f%s/step - loss: %.4f - accuracy: %.4f", (long long)event->steps,
               (long long)event->steps, duration_text(row->seconds, duration), step >= 1e-3 ? step * 1e3 : step * 1e6,
               step >= 1e-3 ? "ms" : "us", row->loss, row->accuracy);
    if (!isnan(row->val_loss))
        text_print(text, " - val_loss: %.4f - val_accuracy: %.4f", row->val_loss, row->val_accuracy);
    if (verbose) text_print(text, " - learning_rate: %.4g - %.0f images/s", row->learning_rate, row->images_per_second);
    text_add(text, "\n");
}

static void add_checkpoint(const struct train_event *event, struct text *text) {
    text_add(text, "checkpoint: ");
    text_add_shown(text, event->path);
    text_print(text, ", written in %.3f s\n", event->saving_seconds);
}

void training_lines(const struct train_event *event, const char *label, bool verbose, struct text *text) {
    if (event->kind == TRAIN_STEP || event->kind == TRAIN_VALIDATION || event->kind == TRAIN_TEST) return;
    if (event->kind == TRAIN_CHECKPOINT && !verbose) return;
    if (label) text_print(text, "%s: ", label);
    switch (event->kind) {
    case TRAIN_EPOCH_BEGIN:
        text_print(text, "Epoch %d/%d\n", event->epoch, event->epochs);
        break;
    case TRAIN_STEP_SKIPPED:
        text_print(text, "Epoch %d: the loss or a gradient of step %lld is not finite; such steps are skipped\n",
                   event->epoch, (long long)event->step + 1);
        break;
    case TRAIN_EPOCH_END:
        add_epoch(event, verbose, text);
        break;
    case TRAIN_RATE_REDUCED:
        text_print(text, "Epoch %d: ReduceLROnPlateau: the learning rate is now %.4g\n", event->epoch,
                   event->learning_rate);
        break;
    case TRAIN_STOPPED_EARLY:
        text_print(text, "Epoch %d: EarlyStopping ends the training\n", event->epoch);
        break;
    case TRAIN_CHECKPOINT:
        add_checkpoint(event, text);
        break;
    case TRAIN_RESTORED:
        text_print(text, "The weights of the best epoch, %d, are restored\n", event->best_epoch);
        break;
    case TRAIN_STEP:
    case TRAIN_VALIDATION:
    case TRAIN_TEST:
        break;
    }
}

void terminal_train_event(void *listener, const struct train_event *event) {
    struct terminal *terminal = listener;
    struct text text = {0};
    training_clock_hear(&terminal->clock, event);
    if (terminal->session->quiet) return;
    training_lines(event, NULL, terminal->session->verbose, &text);
    if (text.bytes && !text.failed) {
        live_clear(&terminal->live);
        fputs(text.bytes, stderr);
        fflush(stderr);
    } else if (!text.bytes && live_is_due(&terminal->live) && event->kind != TRAIN_CHECKPOINT) {
        training_bar(&terminal->clock, event, NULL, live_columns() - 1, &text);
        live_draw(&terminal->live, &text);
    }
    text_free(&text);
}
