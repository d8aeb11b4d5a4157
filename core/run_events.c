#include "core/run_events.h"

#include <stdlib.h>

#include "core/file.h"
#include "core/run_folder.h"

/* Keras counts epochs from 0. */
static int add_row(struct run_events *events, const struct history_row *row, struct error *error) {
    const struct tensorboard_scalar train[] = {
        {"epoch_loss", row->loss}, {"epoch_accuracy", row->accuracy}, {"epoch_learning_rate", row->learning_rate}};
    const struct tensorboard_scalar validation[] = {{"epoch_loss", row->val_loss},
                                                    {"epoch_accuracy", row->val_accuracy}};
    if (tensorboard_add(&events->train, row->epoch - 1, train, sizeof train / sizeof *train, error) != 0) return -1;
    if (!events->validation.path) return 0;
    return tensorboard_add(&events->validation, row->epoch - 1, validation, sizeof validation / sizeof *validation,
                           error);
}

static int open_part(struct tensorboard *file, const char *folder, const char *name, int epochs, struct error *error) {
    char *path = file_join(folder, name, error);
    int status = path ? tensorboard_open(file, path, epochs, error) : -1;
    free(path);
    return status;
}

static int open_parts(struct run_events *events, const char *folder, bool validates, const struct history *history,
                      struct error *error) {
    int epochs = history->count ? history->rows[history->count - 1].epoch : 0;
    const bool is_new = !file_exists(folder);
    if (open_part(&events->train, folder, "train", is_new ? -1 : epochs, error) != 0) return -1;
    if (validates && open_part(&events->validation, folder, "validation", is_new ? -1 : epochs, error) != 0) return -1;
    for (int i = 0; is_new && i < history->count; i++)
        if (add_row(events, &history->rows[i], error) != 0) return -1;
    return 0;
}

int run_events_open(struct run_events *events, const char *folder, bool validates, const struct history *history,
                    struct error *error) {
    *events = (struct run_events){0};
    char *path = run_file(folder, "tensorboard", error);
    int status = path ? open_parts(events, path, validates, history, error) : -1;
    free(path);
    return status;
}

void run_events_hear(struct run_events *events, const struct train_event *event) {
    if (event->kind != TRAIN_EPOCH_END || !events->train.path || events->failure.code != ERROR_NONE) return;
    add_row(events, event->row, &events->failure);
}

int run_events_close(struct run_events *events, struct error *error) {
    if (events->train.path) tensorboard_close(&events->train);
    if (events->validation.path) tensorboard_close(&events->validation);
    const struct error *failure = &events->failure;
    return failure->code == ERROR_NONE ? 0 : error_set(error, failure->code, failure->path, "%s", failure->message);
}
