#include "core/experiments.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"

struct experiment_values {
    const char *schema, *name;
    struct string_list configs;
    struct int_list seeds;
    const cJSON *set;
};

const struct field experiment_fields[] = {
    {.key = "$schema",
     .type = FIELD_STRING,
     .nullable = true,
     .offset = offsetof(struct experiment_values, schema),
     .fallback = "null",
     .help = "the JSON schema, for editors"},
    {.key = "name",
     .type = FIELD_STRING,
     .nullable = true,
     .offset = offsetof(struct experiment_values, name),
     .fallback = "null",
     .help = "of the batch's folder; null: the file's name"},
    {.key = "configs",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct experiment_values, configs),
     .help = "config files, run in this order"},
    {.key = "seeds",
     .type = FIELD_INTS,
     .offset = offsetof(struct experiment_values, seeds),
     .fallback = "[1]",
     .minimum = 0,
     .maximum = INT_MAX,
     .help = "each config is run once for each of these"},
    {.key = "set",
     .type = FIELD_ANY,
     .offset = offsetof(struct experiment_values, set),
     .help = "dotted paths with the values they take in every config"},
    {0},
};

/* One run of the batch. */
struct entry {
    struct config config;
    char *folder;
    char *text;     /* the resolved config: a run that is there already must have the same */
    pid_t child;    /* while it runs in a process of its own */
    bool is_wanted; /* not left out by --only */
};

struct batch_state {
    const struct experiments_request *request;
    struct experiments_outcome *outcome;
    cJSON *json;
    struct arena arena;
    struct experiment_values values;
    int seed_count, config_count;
    int seeds[FIELD_LIST_MAX];
    const char **names;    /* (config_count), from the configs */
    struct entry *entries; /* (config_count, seed_count) */
    int total;
    struct data_splits splits; /* of the data that `data_key` describes */
    char *data_key;
    int lock;
};

/* ---- reading ---- */

static int read_file(struct batch_state *state, struct error *error) {
    const struct experiments_request *request = state->request;
    char *path = config_find(request->path, request->config->search, error);
    if (!path) return -1;
    state->json = json_read_file(path, error);
    char *name = state->json ? arena_string(&state->arena, path, error) : NULL;
    free(path);
    if (!name) return -1;
    struct place document = place_document(name), configs = place_key(&document, "configs"),
                 set = place_key(&document, "set");
    if (!cJSON_IsObject(state->json)) return place_error(&document, error, "must hold a JSON object, {...}");
    if (cJSON_HasObjectItem(state->json, "model"))
        return place_error(&document, error, "is the config of one model; train it with: cnntrain train --config %s",
                           request->path);
    struct field_reader reader = {request->config->registries, &state->arena, error};
    if (fields_read(&reader, experiment_fields, NULL, NULL, state->json, &document, &state->values) != 0) return -1;
    if (state->values.configs.count == 0)
        return place_error(&configs, error, "is empty; name at least one config file");
    if (state->values.set && !cJSON_IsObject(state->values.set)) return place_error(&set, error, "must be an object");
    if (!state->values.name) {
        char *dot = strrchr(name, '.');
        if (dot) *dot = '\0';
        state->values.name = file_name_of(name);
    }
    return 0;
}

static void choose_seeds(struct batch_state *state) {
    int count = state->request->seeds ? state->request->seeds : state->values.seeds.count;
    state->seed_count = count < FIELD_LIST_MAX ? count : FIELD_LIST_MAX;
    for (int i = 0; i < state->seed_count; i++)
        state->seeds[i] = state->request->seeds ? i + 1 : state->values.seeds.values[i];
}

/* Whether the name is one of those joined by commas. */
static bool is_listed(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == length && memcmp(at, name, length) == 0) return true;
    return false;
}

static int check_only(const struct batch_state *state, struct error *error) {
    for (const char *at = state->request->only; at && *at; at += strcspn(at, ","), at += *at == ',') {
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, ","), at);
        bool known = false;
        for (int i = 0; i < state->config_count; i++) known = known || strcmp(state->names[i], name) == 0;
        if (known) continue;
        const char *nearest = text_nearest(name, state->names, (size_t)state->config_count);
        return error_set(error, ERROR_CONFIG, "--only",
                         nearest ? "no config of this batch is called \"%s\"; did you mean \"%s\"?"
                                 : "no config of this batch is called \"%s\"%s",
                         name, nearest ? nearest : "");
    }
    return 0;
}

/* Overrides of one run, in rising weight: the experiment file's `set`, its seed, then the command line. */
struct overrides {
    struct config_override *items;
    char **values; /* printed JSON, owned */
    size_t count, value_count;
};

static void free_overrides(struct overrides *overrides) {
    for (size_t i = 0; i < overrides->value_count; i++) cJSON_free(overrides->values[i]);
    free(overrides->values);
    free(overrides->items);
}

static int make_overrides(const struct batch_state *state, int seed, struct overrides *overrides, struct error *error) {
    const struct config_request *common = state->request->config;
    size_t set_count = (size_t)cJSON_GetArraySize(state->values.set), room = set_count + common->override_count + 1;
    *overrides =
        (struct overrides){calloc(room, sizeof *overrides->items), calloc(room, sizeof *overrides->values), 0, 0};
    bool whole = overrides->items && overrides->values;
    for (const cJSON *item = whole && state->values.set ? state->values.set->child : NULL; item && whole;
         item = item->next) {
        char *value = cJSON_PrintUnformatted(item);
        whole = value != NULL;
        overrides->values[overrides->value_count++] = value;
        overrides->items[overrides->count++] = (struct config_override){item->string, value};
    }
    char *number = whole ? cJSON_malloc(16) : NULL;
    if (!number) {
        free_overrides(overrides);
        return error_set(error, ERROR_RUN, NULL, "not enough memory for the configs");
    }
    snprintf(number, 16, "%d", seed);
    overrides->values[overrides->value_count++] = number;
    overrides->items[overrides->count++] = (struct config_override){"seed", number};
    for (size_t i = 0; i < common->override_count; i++) overrides->items[overrides->count++] = common->overrides[i];
    return 0;
}

static int resolve(const struct batch_state *state, struct entry *entry, struct error *error) {
    const struct workshop *workshop = state->request->workshop;
    if (config_locate_data(&entry->config, workshop->data_folder, state->request->data_from_user, error) != 0)
        return -1;
    cJSON *json = config_write(&entry->config, workshop->registries);
    entry->text = json ? json_print(json) : NULL;
    cJSON_Delete(json);
    return entry->text ? 0 : error_set(error, ERROR_RUN, NULL, "not enough memory for the configs");
}

/* A config is looked for beside the experiment file first, then as any other. */
static int read_entry(const struct batch_state *state, int config, int seed, struct entry *entry, struct error *error) {
    struct overrides overrides;
    if (make_overrides(state, seed, &overrides, error) != 0) return -1;
    struct config_request request = *state->request->config;
    struct config_search search = {{0}};
    char *found = config_find(state->request->path, request.search, error);
    char *folder = found ? file_folder_of(found, error) : NULL;
    search.folders[0] = folder;
    for (size_t i = 0; i < 4 && request.search && request.search->folders[i]; i++)
        search.folders[i + 1] = request.search->folders[i];
    request.search = &search;
    request.path = state->values.configs.values[config];
    request.overrides = overrides.items;
    request.override_count = overrides.count;
    char *beside = folder ? file_join(folder, request.path, error) : NULL;
    if (beside && file_exists(beside)) request.path = beside;
    int status = beside ? config_read(&entry->config, &request, error) : -1;
    free(beside);
    free(folder);
    free(found);
    free_overrides(&overrides);
    return status == 0 ? resolve(state, entry, error) : -1;
}

static int read_entries(struct batch_state *state, struct error *error) {
    state->config_count = state->values.configs.count;
    state->total = state->config_count * state->seed_count;
    state->entries = calloc((size_t)state->total + 1, sizeof *state->entries);
    state->names = calloc((size_t)state->config_count, sizeof *state->names);
    if (!state->entries || !state->names) return error_set(error, ERROR_RUN, NULL, "not enough memory for the configs");
    for (int c = 0; c < state->config_count; c++) {
        for (int s = 0; s < state->seed_count; s++)
            if (read_entry(state, c, state->seeds[s], &state->entries[c * state->seed_count + s], error) != 0)
                return -1;
        state->names[c] = state->entries[c * state->seed_count].config.values.name;
        for (int s = 0; s < state->seed_count; s++)
            state->entries[c * state->seed_count + s].is_wanted =
                !state->request->only || is_listed(state->request->only, state->names[c]);
        for (int other = 0; other < c; other++)
            if (strcmp(state->names[other], state->names[c]) == 0)
                return error_set(error, ERROR_CONFIG, state->request->path,
                                 "two configs are called \"%s\"; give each a name of its own", state->names[c]);
    }
    return check_only(state, error);
}

/* ---- folders ---- */

static int name_folders(struct batch_state *state, struct error *error) {
    for (int c = 0; c < state->config_count; c++)
        for (int s = 0; s < state->seed_count; s++) {
            char name[160];
            struct entry *entry = &state->entries[c * state->seed_count + s];
            snprintf(name, sizeof name, "%s-seed%d", state->names[c], state->seeds[s]);
            free(entry->folder);
            entry->folder = file_join(state->outcome->folder, name, error);
            if (!entry->folder) return -1;
        }
    return 0;
}

/* 1: the folder's run has this entry's config, or there is no run; 0: another config; -1: an error. */
static int is_same_run(const struct entry *entry, struct error *error) {
    char *path = run_file(entry->folder, "config.json", error), *text = NULL;
    size_t length = 0;
    int same = path ? 1 : -1;
    if (path && file_exists(path)) {
        same = file_read(path, JSON_SIZE_MAX, &text, &length, error) == 0 ? 0 : -1;
        size_t own = strlen(entry->text);
        if (same == 0) same = length == own && memcmp(text, entry->text, own) == 0;
    }
    free(text);
    free(path);
    return same;
}

static int is_same_batch(const struct batch_state *state, const struct entry **differs, struct error *error) {
    for (int i = 0; i < state->total; i++) {
        int same = is_same_run(&state->entries[i], error);
        *differs = &state->entries[i];
        if (same != 1) return same;
    }
    return 1;
}

static int set_folder(struct batch_state *state, const char *path, int number, struct error *error) {
    struct text name = {0};
    text_print(&name, number == 1 ? "%s" : "%s-%d", path, number);
    free(state->outcome->folder);
    state->outcome->folder = name.failed ? NULL : strdup(name.bytes);
    text_free(&name);
    if (!state->outcome->folder) return error_set(error, ERROR_RUN, NULL, "not enough memory");
    return name_folders(state, error);
}

/* The folder asked for, or the first of runs/<name>, runs/<name>-2, ... whose runs have the same configs. */
static int choose_folder(struct batch_state *state, struct error *error) {
    const struct entry *differs = NULL;
    if (state->request->out) {
        if (set_folder(state, state->request->out, 1, error) != 0) return -1;
        int same = is_same_batch(state, &differs, error);
        if (same == 0)
            error_set(error, ERROR_CONFIG, differs->folder,
                      "holds a run with another config; choose another --out, or remove that folder to run it anew");
        return same == 1 ? 0 : -1;
    }
    char path[192];
    snprintf(path, sizeof path, "runs/%s", state->values.name);
    for (int number = 1; number < 100000; number++) {
        if (set_folder(state, path, number, error) != 0) return -1;
        int same = is_same_batch(state, &differs, error);
        if (same != 0) return same == 1 ? 0 : -1;
    }
    return error_set(error, ERROR_IO, path, "there are too many such folders; remove some");
}

static int open_folder(struct batch_state *state, struct error *error) {
    if (choose_folder(state, error) != 0) return -1;
    if (run_make_folder(state->outcome->folder, error) != 0) return -1;
    state->lock = run_lock_folder(state->outcome->folder, error);
    return state->lock < 0 ? -1 : 0;
}

/* ---- data ---- */

static char *data_key_of(const struct batch_state *state, const struct config *config) {
    const struct registries *registries = state->request->workshop->registries;
    cJSON *json = component_write(registries, registries_find(registries, "source"), &config->values.data);
    char *key = json ? cJSON_PrintUnformatted(json) : NULL;
    cJSON_Delete(json);
    return key;
}

/* Loads the data of this config, unless they are those of the run before. */
static int provide_data(struct batch_state *state, const struct config *config, struct error *error) {
    char *key = data_key_of(state, config);
    if (!key) return error_set(error, ERROR_RUN, NULL, "not enough memory for the configs");
    if (state->data_key && strcmp(state->data_key, key) == 0) {
        cJSON_free(key);
        return 0;
    }
    cJSON_free(state->data_key);
    data_splits_free(&state->splits);
    state->data_key = NULL;
    if (run_load_data(state->request->workshop, config, &state->splits, error) != 0) {
        cJSON_free(key);
        return -1;
    }
    state->data_key = key;
    return 0;
}

/* Builds every model that goes with the first config's data, so that a mistake in the last config shows now. */
static int check_models(struct batch_state *state, struct error *error) {
    if (state->total == 0) return 0;
    if (provide_data(state, &state->entries[0].config, error) != 0) return -1;
    for (int c = 0; c < state->config_count; c++) {
        const struct config *config = &state->entries[c * state->seed_count].config;
        char *key = data_key_of(state, config);
        bool same = key && strcmp(key, state->data_key) == 0;
        cJSON_free(key);
        if (!same) continue;
        struct shape images = run_image_shape(&state->splits.train), input;
        struct model model;
        if (config_input_shape(config, &images, &input, error) != 0) return -1;
        if (run_build_model(config, &input, state->splits.classes, &model, error) != 0) return -1;
        model_free(&model);
    }
    return 0;
}

/* ---- reports ---- */

struct evidence {
    struct run_result *results;
    struct predictions *predictions;
    struct comparison_run *runs;
    int count;
};

static void free_evidence(struct evidence *evidence) {
    for (int i = 0; i < evidence->count; i++) {
        if (evidence->runs && evidence->runs[i].result) run_result_free(&evidence->results[i]);
        if (evidence->runs && evidence->runs[i].predictions) predictions_free(&evidence->predictions[i]);
    }
    free(evidence->results);
    free(evidence->predictions);
    free(evidence->runs);
}

static int read_run(const struct entry *entry, struct run_result *result, struct predictions *predictions,
                    struct comparison_run *run, struct error *error) {
    char *metrics = run_file(entry->folder, "metrics.json", error);
    char *answers = run_file(entry->folder, "predictions.csv", error);
    int status = metrics && answers ? 0 : -1;
    if (status == 0 && file_exists(metrics)) {
        status = run_result_read(metrics, result, error);
        if (status == 0) run->result = result;
    }
    if (status == 0 && run->result && file_exists(answers)) {
        status = predictions_read(answers, predictions, error);
        if (status == 0) run->predictions = predictions;
    }
    free(metrics);
    free(answers);
    return status;
}

static int gather(const struct batch_state *state, struct evidence *evidence, struct error *error) {
    size_t count = (size_t)state->total + 1;
    *evidence =
        (struct evidence){calloc(count, sizeof *evidence->results), calloc(count, sizeof *evidence->predictions),
                          calloc(count, sizeof *evidence->runs), state->total};
    if (!evidence->results || !evidence->predictions || !evidence->runs)
        return error_set(error, ERROR_RUN, NULL, "not enough memory for the comparison");
    for (int i = 0; i < state->total; i++)
        if (read_run(&state->entries[i], &evidence->results[i], &evidence->predictions[i], &evidence->runs[i], error) !=
            0)
            return -1;
    return 0;
}

static int compare(struct batch_state *state, const struct evidence *evidence, struct error *error) {
    long long seeds[FIELD_LIST_MAX];
    for (int s = 0; s < state->seed_count; s++) seeds[s] = state->seeds[s];
    struct comparison_input input = {.name = state->values.name,
                                     .command = state->request->command,
                                     .names = state->names,
                                     .seeds = seeds,
                                     .combinations = state->config_count,
                                     .seed_count = state->seed_count,
                                     .runs = evidence->runs};
    struct comparison comparison;
    if (comparison_make(&input, &comparison, error) != 0) return -1;
    text_free(&state->outcome->table);
    comparison_table(&comparison, &state->outcome->table);
    state->outcome->finished = comparison.finished;
    state->outcome->total = comparison.total;
    int status = comparison_write(&comparison, state->outcome->folder, error);
    comparison_free(&comparison);
    return status;
}

static int report(struct batch_state *state, struct error *error) {
    struct evidence evidence;
    int status = gather(state, &evidence, error);
    if (status == 0) status = compare(state, &evidence, error);
    free_evidence(&evidence);
    return status;
}

/* ---- running ---- */

static void tell(const struct batch_state *state, enum experiment_event_kind kind, int index, bool resumed) {
    const struct experiments_request *request = state->request;
    if (!request->listen) return;
    const struct entry *entry = &state->entries[index];
    struct run_result result;
    struct error ignored = {0};
    char *path = run_file(entry->folder, "metrics.json", &ignored);
    bool read =
        kind != EXPERIMENT_RUN_BEGIN && path && file_exists(path) && run_result_read(path, &result, &ignored) == 0;
    struct experiment_event event = {
        kind,    entry->config.values.name, entry->config.values.seed, index + 1, state->total,
        resumed, read ? &result : NULL};
    request->listen(request->listener, &event);
    if (read) run_result_free(&result);
    free(path);
}

static bool has_checkpoint(const struct entry *entry) {
    struct error ignored = {0};
    char *path = run_file(entry->folder, "last.safetensors", &ignored);
    bool found = path && file_exists(path);
    free(path);
    return found;
}

static int run_entry(struct batch_state *state, int index, struct error *error) {
    struct entry *entry = &state->entries[index];
    if (run_make_folder(entry->folder, error) != 0) return -1;
    struct run_request request = {.workshop = state->request->workshop,
                                  .config = &entry->config,
                                  .splits = &state->splits,
                                  .folder = entry->folder,
                                  .resume = true};
    return run_execute(&request, error);
}

static bool is_stopped(const struct batch_state *state) {
    const struct workshop *workshop = state->request->workshop;
    return workshop->stop && *workshop->stop;
}

static int interrupted(const struct batch_state *state, struct error *error) {
    return error_set(error, ERROR_INTERRUPTED, state->outcome->folder,
                     "interrupted; the same command goes on from here");
}

/* One run after the other, in this process. */
static int run_in_turn(struct batch_state *state, struct error *error) {
    for (int i = 0; i < state->total; i++) {
        if (!state->entries[i].is_wanted) continue;
        if (run_is_finished(state->entries[i].folder)) {
            tell(state, EXPERIMENT_RUN_SKIPPED, i, false);
            continue;
        }
        if (is_stopped(state)) return interrupted(state, error);
        if (provide_data(state, &state->entries[i].config, error) != 0) return -1;
        tell(state, EXPERIMENT_RUN_BEGIN, i, has_checkpoint(&state->entries[i]));
        struct error failure = {0};
        int status = run_entry(state, i, &failure);
        if (status != 0 && failure.code != ERROR_NOT_FINITE) {
            *error = failure;
            return -1;
        }
        tell(state, EXPERIMENT_RUN_END, i, false);
        if (report(state, error) != 0) return -1;
    }
    return 0;
}

/* In the child: the exit code is the error's, and the message goes to the run's log. */
static void run_child(struct batch_state *state, int index) {
    struct error failure = {0};
    int status = run_entry(state, index, &failure);
    _exit(status == 0 || failure.code == ERROR_NOT_FINITE ? 0 : (int)failure.code);
}

static int start_child(struct batch_state *state, int index, struct error *error) {
    struct entry *entry = &state->entries[index];
    if (provide_data(state, &entry->config, error) != 0) return -1;
    tell(state, EXPERIMENT_RUN_BEGIN, index, has_checkpoint(entry));
    entry->child = fork();
    if (entry->child == 0) run_child(state, index);
    return entry->child < 0 ? error_set(error, ERROR_RUN, NULL, "cannot start a process: %s", strerror(errno)) : 0;
}

/* Waits for one child and reports; the first failure is kept in `error`. */
static int await_child(struct batch_state *state, struct error *error) {
    int status = 0;
    pid_t child = -1;
    while ((child = waitpid(-1, &status, 0)) < 0 && errno == EINTR) continue;
    for (int i = 0; i < state->total; i++) {
        if (child < 0 || state->entries[i].child != child) continue;
        state->entries[i].child = 0;
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : ERROR_RUN;
        if (code == ERROR_INTERRUPTED) return interrupted(state, error);
        if (code != 0)
            return error_set(error, (enum error_code)code, state->entries[i].folder,
                             "the run failed; run it alone to see why: cnntrain experiments --only %s --jobs 1",
                             state->entries[i].config.values.name);
        tell(state, EXPERIMENT_RUN_END, i, false);
        return report(state, error);
    }
    return error_set(error, ERROR_RUN, NULL, "lost a process that ran a part of the batch");
}

static int next_entry(struct batch_state *state, int from) {
    for (; from < state->total; from++) {
        if (!state->entries[from].is_wanted) continue;
        if (!run_is_finished(state->entries[from].folder)) return from;
        tell(state, EXPERIMENT_RUN_SKIPPED, from, false);
    }
    return from;
}

static int run_side_by_side(struct batch_state *state, struct error *error) {
    int running = 0, status = 0;
    int next = next_entry(state, 0);
    while (running > 0 || (next < state->total && status == 0 && !is_stopped(state))) {
        if (next < state->total && running < state->request->jobs && status == 0 && !is_stopped(state)) {
            status = start_child(state, next, error);
            running += status == 0;
            next = next_entry(state, next + 1);
        } else {
            if (await_child(state, error) != 0) status = -1;
            running--;
        }
    }
    return status == 0 && next < state->total ? interrupted(state, error) : status;
}

static void close_state(struct batch_state *state) {
    for (int i = 0; state->entries && i < state->total; i++) {
        config_free(&state->entries[i].config);
        free(state->entries[i].folder);
        free(state->entries[i].text);
    }
    if (state->lock >= 0) close(state->lock);
    free(state->entries);
    free(state->names);
    cJSON_free(state->data_key);
    data_splits_free(&state->splits);
    cJSON_Delete(state->json);
    arena_free(&state->arena);
}

static int run_batch(struct batch_state *state, struct error *error) {
    if (read_file(state, error) != 0) return -1;
    choose_seeds(state);
    if (read_entries(state, error) != 0) return -1;
    if (check_models(state, error) != 0 || open_folder(state, error) != 0) return -1;
    if (report(state, error) != 0) return -1;
    return state->request->jobs > 1 ? run_side_by_side(state, error) : run_in_turn(state, error);
}

int experiments_run(const struct experiments_request *request, struct experiments_outcome *outcome,
                    struct error *error) {
    *outcome = (struct experiments_outcome){0};
    struct batch_state state = {.request = request, .outcome = outcome, .lock = -1};
    int status = run_batch(&state, error);
    close_state(&state);
    return status;
}

void experiments_free(struct experiments_outcome *outcome) {
    free(outcome->folder);
    text_free(&outcome->table);
    *outcome = (struct experiments_outcome){0};
}
