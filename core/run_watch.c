#include "core/run_watch.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/callback.h"
#include "core/file.h"
#include "core/json.h"
#include "core/report/result.h"
#include "core/run_folder.h"
#include "core/text.h"

/* 1, 0, or -1 with an error. */
static int has_file(const char *folder, const char *name, struct error *error) {
    char *path = run_file(folder, name, error);
    int found = path ? file_is_there(path, error) : -1;
    free(path);
    return found;
}

int watched_is_batch(const char *folder, struct error *error) {
    return has_file(folder, "results.json", error);
}

/* A batch's folder has a log.txt too, for its lock. */
int watched_is_run(const char *folder, struct error *error) {
    static const char *const names[] = {"config.json", "history.csv", "metrics.json", "log.txt"};
    int is_batch = watched_is_batch(folder, error), found = 0;
    if (is_batch != 0) return is_batch < 0 ? -1 : 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && found == 0; i++) found = has_file(folder, names[i], error);
    return found;
}

/* Seconds since 1970; 0: there is no such file. */
static double changed_at(const char *folder, const char *name) {
    struct error ignored = {0};
    struct stat status;
    char *path = run_file(folder, name, &ignored);
    bool found = path && stat(path, &status) == 0;
    free(path);
    return found ? (double)status.st_mtim.tv_sec + 1e-9 * (double)status.st_mtim.tv_nsec : 0;
}

/* As much of it as there is room for. */
static void take_name(char buffer[128], const char *name) {
    snprintf(buffer, 128, "%.*s", (int)text_cut(name, 127), name);
}

/* "runs/a/" is called a, "." by its whole path. */
static void name_by_folder(const char *folder, struct watched_run *run) {
    char *whole = realpath(folder, NULL);
    take_name(run->folder, file_name_of(whole ? whole : folder));
    take_name(run->name, run->folder);
    free(whole);
}

/* ---- the config ---- */

static const cJSON *member(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static enum callback_monitor monitor_of(const cJSON *training) {
    for (const cJSON *item = member(training, "callbacks") ? member(training, "callbacks")->child : NULL; item;
         item = item->next) {
        const char *type = cJSON_GetStringValue(member(item, "type"));
        const char *name = cJSON_GetStringValue(member(item, "monitor"));
        if (!type || !name || strcmp(type, "ModelCheckpoint") != 0) continue;
        for (enum callback_monitor monitor = MONITOR_VAL_LOSS; monitor <= MONITOR_ACCURACY; monitor++)
            if (strcmp(callback_monitor_name(monitor), name) == 0) return monitor;
    }
    return MONITOR_VAL_LOSS;
}

static int read_config(const char *folder, struct watched_run *run, enum callback_monitor *monitor,
                       struct error *error) {
    int found = has_file(folder, "config.json", error);
    if (found <= 0) return found;
    char *path = run_file(folder, "config.json", error);
    cJSON *json = path ? json_read_file(path, JSON_SIZE_MAX, error) : NULL;
    free(path);
    if (!json) return -1;
    const cJSON *training = member(json, "training");
    const char *name = cJSON_GetStringValue(member(json, "name"));
    double epochs = cJSON_GetNumberValue(member(training, "epochs"));
    if (name) take_name(run->name, name);
    if (epochs >= 1 && epochs <= 1e9) run->epochs = (int)epochs;
    *monitor = monitor_of(training);
    cJSON_Delete(json);
    return 0;
}

/* ---- the history ---- */

static double value_of(const struct history_row *row, enum callback_monitor monitor) {
    switch (monitor) {
    case MONITOR_VAL_LOSS:
        return row->val_loss;
    case MONITOR_VAL_ACCURACY:
        return -row->val_accuracy;
    case MONITOR_LOSS:
        break;
    case MONITOR_ACCURACY:
        return -row->accuracy;
    }
    return row->loss;
}

/* Without validation its metric is that of the training. */
static void find_best(struct watched_run *run, enum callback_monitor monitor) {
    const struct history *history = &run->history;
    bool validates = history->count > 0 && !isnan(history->rows[history->count - 1].val_loss);
    if (!validates && monitor == MONITOR_VAL_LOSS) monitor = MONITOR_LOSS;
    if (!validates && monitor == MONITOR_VAL_ACCURACY) monitor = MONITOR_ACCURACY;
    run->monitor = callback_monitor_name(monitor);
    double best = INFINITY;
    for (int i = 0; i < history->count; i++) {
        double value = value_of(&history->rows[i], monitor);
        if (!(value < best)) continue;
        best = value;
        run->best_epoch = history->rows[i].epoch;
    }
}

/* The last epochs tell how long the next ones take; of the one that goes on, what has passed since the last change is
 * gone, on the clock of this machine. */
static double time_left(const struct watched_run *run) {
    enum { LAST = 5 };
    const struct history *history = &run->history;
    double sum = 0;
    int count = 0;
    if (history->count == 0 || run->epochs == 0) return NAN;
    for (int i = history->count - 1; i >= 0 && count < LAST; i--, count++) sum += history->rows[i].seconds;
    double mean = sum / count, passed = (double)time(NULL) - run->changed;
    int epochs = run->epochs - history->rows[history->count - 1].epoch;
    passed = passed < 0 ? 0 : passed > mean ? mean : passed;
    return epochs > 0 ? mean * epochs - passed : 0;
}

static int read_result(const char *folder, struct watched_run *run, struct error *error) {
    struct run_result result;
    int found = has_file(folder, "metrics.json", error);
    if (found <= 0) return found;
    char *path = run_file(folder, "metrics.json", error);
    int status = path ? run_result_read(path, &result, error) : -1;
    free(path);
    if (status != 0) return -1;
    run->test_accuracy = result.test_accuracy;
    if (result.status == RUN_FINISHED) run->state = WATCHED_FINISHED;
    if (result.status == RUN_NOT_FINITE) run->state = WATCHED_NOT_FINITE;
    run_result_free(&result);
    return 0;
}

/* Whether the log's last line says that the run ended before its time. */
static bool log_says_ended(const char *folder) {
    enum { LOG_MOST = 64 << 20 };
    struct error ignored = {0};
    char *path = run_file(folder, "log.txt", &ignored), *bytes = NULL;
    size_t length = 0;
    bool ended = false;
    if (path && file_exists(path) && file_read(path, LOG_MOST, &bytes, &length, &ignored) == 0) {
        while (length > 0 && bytes[length - 1] == '\n') bytes[--length] = '\0';
        const char *line = strrchr(bytes, '\n');
        line = line ? line + 1 : bytes;
        ended = strncmp(line, RUN_LOG_ENDED, sizeof RUN_LOG_ENDED - 1) == 0;
    }
    free(bytes);
    free(path);
    return ended;
}

/* Without a lock to be seen, a process of another machine may be at work: then a file changes every epoch. */
static enum watched_state judge(const char *folder, const struct watched_run *run, bool has_checkpoint) {
    const double patience = 60; /* seconds, and a few epochs */
    const struct history *history = &run->history;
    const double epoch = history->count ? history->rows[history->count - 1].seconds : 0;
    const double silent = (double)time(NULL) - run->changed;
    if (run->is_at_work) return has_checkpoint ? WATCHED_TRAINING : WATCHED_STARTING;
    if (log_says_ended(folder)) return WATCHED_ENDED;
    if (silent > patience + 3 * epoch) return WATCHED_IDLE;
    return history->count ? WATCHED_TRAINING : WATCHED_STARTING;
}

static int read_files(const char *folder, struct watched_run *run, struct error *error) {
    enum callback_monitor monitor = MONITOR_VAL_LOSS;
    if (read_config(folder, run, &monitor, error) != 0) return -1;
    int found = has_file(folder, "history.csv", error), has_checkpoint = has_file(folder, "last.safetensors", error);
    if (found < 0 || has_checkpoint < 0) return -1;
    char *path = run_file(folder, "history.csv", error);
    int status = path ? 0 : -1;
    if (path && found) status = history_read(path, &run->history, error);
    free(path);
    if (status != 0) return -1;
    run->is_at_work = run_is_at_work(folder); /* before the result: who is seen at work may have ended since */
    run->state = judge(folder, run, has_checkpoint);
    find_best(run, monitor);
    return read_result(folder, run, error);
}

int watched_read(const char *folder, struct watched_run *run, struct error *error) {
    *run = (struct watched_run){.test_accuracy = NAN, .monitor = "val_loss"};
    name_by_folder(folder, run);
    run->changed = fmax(changed_at(folder, "history.csv"), changed_at(folder, "log.txt"));
    if (read_files(folder, run, error) != 0) {
        watched_free(run);
        return -1;
    }
    bool is_over = run->state == WATCHED_FINISHED || run->state == WATCHED_NOT_FINITE;
    run->seconds_left = is_over ? 0 : time_left(run);
    return 0;
}

void watched_free(struct watched_run *run) {
    history_free(&run->history);
}

bool watched_has_ended(const struct watched_run *run) {
    return run->state == WATCHED_ENDED || run->state == WATCHED_FINISHED || run->state == WATCHED_NOT_FINITE;
}

const char *watched_state_name(enum watched_state state) {
    static const char *const names[] = {
        [WATCHED_STARTING] = "starting", [WATCHED_TRAINING] = "training", [WATCHED_IDLE] = "not at work",
        [WATCHED_ENDED] = "interrupted", [WATCHED_FINISHED] = "finished", [WATCHED_NOT_FINITE] = "not finite"};
    return names[state];
}

/* ---- folders of runs ---- */

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void watched_free_list(char **folders) {
    for (char **folder = folders; folder && *folder; folder++) free(*folder);
    free(folders);
}

static int no_memory(const char *folder, struct error *error) {
    return error_set(error, ERROR_RUN, folder, "not enough memory for the list of runs");
}

/* Takes the path. `list` has room for it and the end. */
static int add_run(char ***list, size_t *count, char *path, const char *folder, struct error *error) {
    char **longer = realloc(*list, (*count + 2) * sizeof *longer);
    if (!longer) {
        free(path);
        return no_memory(folder, error);
    }
    *list = longer;
    longer[(*count)++] = path;
    longer[*count] = NULL;
    return 0;
}

static int add_runs(DIR *directory, char ***list, size_t *count, const char *folder, struct error *error) {
    int status = 0;
    for (struct dirent *entry; status == 0 && (errno = 0, entry = readdir(directory));) {
        if (entry->d_name[0] == '.') continue;
        char *path = file_join(folder, entry->d_name, error);
        int is_run = path ? watched_is_run(path, error) : -1;
        if (is_run > 0)
            status = add_run(list, count, path, folder, error);
        else
            free(path);
        if (is_run < 0) status = -1;
    }
    if (status == 0 && errno != 0) status = error_set_errno(error, folder, "read the folder");
    return status;
}

char **watched_list(const char *folder, struct error *error) {
    size_t count = 0;
    DIR *directory = opendir(folder);
    if (!directory) {
        error_set_errno(error, folder, "open the folder");
        return NULL;
    }
    char **list = calloc(1, sizeof *list);
    const int status = list ? add_runs(directory, &list, &count, folder, error) : no_memory(folder, error);
    closedir(directory);
    if (status == 0) {
        qsort(list, count, sizeof *list, compare_names);
        return list;
    }
    watched_free_list(list);
    return NULL;
}
