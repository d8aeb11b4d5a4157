#include "core/experiments_plan.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_changes.h"
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

/* ---- the file ---- */

static int default_name(struct experiments_plan *plan, const char *path, struct error *error) {
    char *name = arena_string(&plan->arena, file_name_of(path), error);
    if (!name) return -1;
    char *dot = strrchr(name, '.');
    if (dot && dot != name) *dot = '\0';
    plan->name = name;
    return 0;
}

static int check_values(const struct experiment_values *values, const struct place *document, struct error *error) {
    struct place name = place_key(document, "name"), configs = place_key(document, "configs"),
                 set = place_key(document, "set");
    const char *given = values->name;
    if (given && !config_is_name(given)) return place_error(&name, error, CONFIG_NAME_RULE);
    if (values->configs.count < 1) return place_error(&configs, error, "is empty; name at least one config file");
    if (values->set && !cJSON_IsObject(values->set))
        return place_error(&set, error, "must be an object of dotted paths and their values");
    return 0;
}

static int choose_seeds(struct experiments_plan *plan, const struct experiment_values *values,
                        const struct place *document, struct error *error) {
    struct place place = place_key(document, "seeds");
    int asked = plan->request->seeds;
    if (asked < 0 || asked > FIELD_LIST_MAX)
        return error_set(error, ERROR_CONFIG, "--seeds", "must be 1 to %d, got %d", FIELD_LIST_MAX, asked);
    plan->seed_count = asked ? asked : values->seeds.count;
    if (plan->seed_count < 1) return place_error(&place, error, "is empty; give at least one seed");
    for (int i = 0; i < plan->seed_count; i++) {
        plan->seeds[i] = asked ? i + 1 : values->seeds.values[i];
        for (int other = 0; other < i; other++)
            if (plan->seeds[other] == plan->seeds[i])
                return place_error(&place, error, "has %d twice; each run needs a seed of its own", plan->seeds[i]);
    }
    return 0;
}

/* Fills the plan's document, name and seeds; the values point into the document. */
static int read_file(struct experiments_plan *plan, const char *path, struct experiment_values *values,
                     struct error *error) {
    struct place document = place_document(path);
    plan->json = json_read_commented_file(path, CONFIG_SIZE_MAX, error);
    if (!plan->json) return -1;
    if (!cJSON_IsObject(plan->json)) return place_error(&document, error, "must hold a JSON object, {...}");
    if (cJSON_HasObjectItem(plan->json, "model"))
        return place_error(&document, error, "is the config of one model; train it with: cnntrain train --config %s",
                           plan->request->path);
    struct field_reader reader = {plan->request->config->registries, &plan->arena, error};
    if (fields_read(&reader, experiment_fields, NULL, NULL, plan->json, &document, values) != 0) return -1;
    if (check_values(values, &document, error) != 0) return -1;
    plan->name = values->name;
    if (!plan->name && default_name(plan, path, error) != 0) return -1;
    return choose_seeds(plan, values, &document, error);
}

/* ---- configs ---- */

/* Overrides of one run, in rising weight: the experiment file's `set`, its seed, then the command line. */
struct overrides {
    struct config_override *items;
    char **values; /* JSON text of the first value_count, owned */
    size_t count, value_count;
};

static void free_overrides(struct overrides *overrides) {
    for (size_t i = 0; i < overrides->value_count; i++) free(overrides->values[i]);
    free(overrides->values);
    free(overrides->items);
}

/* Takes the text. */
static bool add_override(struct overrides *overrides, const char *path, struct text *value) {
    if (value->failed) {
        text_free(value);
        return false;
    }
    overrides->values[overrides->value_count++] = value->bytes;
    overrides->items[overrides->count++] = (struct config_override){path, value->bytes};
    return true;
}

static int make_overrides(const struct experiments_plan *plan, const cJSON *set, int seed, struct overrides *overrides,
                          struct error *error) {
    const struct config_request *common = plan->request->config;
    size_t room = (size_t)cJSON_GetArraySize(set) + common->override_count + 1;
    *overrides = (struct overrides){.items = calloc(room, sizeof *overrides->items),
                                    .values = calloc(room, sizeof *overrides->values)};
    bool whole = overrides->items && overrides->values;
    for (const cJSON *item = set ? set->child : NULL; item && whole; item = item->next) {
        struct text value = {0};
        json_write(item, &value);
        whole = add_override(overrides, item->string, &value);
    }
    struct text number = {0};
    text_print(&number, "%d", seed);
    whole = whole && add_override(overrides, "seed", &number);
    if (!whole) {
        free_overrides(overrides);
        return error_set(error, ERROR_RUN, NULL, "not enough memory for the configs");
    }
    for (size_t i = 0; i < common->override_count; i++) overrides->items[overrides->count++] = common->overrides[i];
    return 0;
}

static int resolve(const struct experiments_plan *plan, struct experiment_entry *entry, struct error *error) {
    const struct experiments_request *request = plan->request;
    return config_locate_data(&entry->config, request->workshop->data_folder, request->data_from_user, error);
}

/* Where an experiment file's configs are looked for: beside it first, then as any other. */
struct surroundings {
    char *path, *folder; /* of the experiment file */
    struct config_search search;
};

static int find_surroundings(const struct experiments_request *request, struct surroundings *around,
                             struct error *error) {
    const struct config_search *search = request->config->search;
    size_t room = sizeof around->search.folders / sizeof *around->search.folders - 1; /* it ends with NULL */
    *around = (struct surroundings){.path = config_find(request->path, search, error)};
    around->folder = around->path ? file_folder_of(around->path, error) : NULL;
    if (!around->folder) return -1;
    around->search.folders[0] = around->folder;
    for (size_t i = 0; i + 1 < room && search && search->folders[i]; i++)
        around->search.folders[i + 1] = search->folders[i];
    return 0;
}

static void forget_surroundings(struct surroundings *around) {
    free(around->path);
    free(around->folder);
}

static int read_entry(const struct experiments_plan *plan, const struct surroundings *around, const char *name,
                      const struct overrides *overrides, struct experiment_entry *entry, struct error *error) {
    struct config_request request = *plan->request->config;
    char *beside = file_join(around->folder, name, error);
    if (!beside) return -1;
    request.search = &around->search;
    request.path = file_exists(beside) ? beside : name;
    request.overrides = overrides->items;
    request.override_count = overrides->count;
    int status = config_read(&entry->config, &request, error);
    free(beside);
    return status == 0 ? resolve(plan, entry, error) : -1;
}

static struct experiment_entry *entry_at(const struct experiments_plan *plan, int config, int seed) {
    return &plan->entries[(ptrdiff_t)config * plan->seed_count + seed];
}

static int read_config(const struct experiments_plan *plan, const struct surroundings *around,
                       const struct experiment_values *values, int config, struct error *error) {
    for (int seed = 0; seed < plan->seed_count; seed++) {
        struct overrides overrides;
        if (make_overrides(plan, values->set, plan->seeds[seed], &overrides, error) != 0) return -1;
        int status =
            read_entry(plan, around, values->configs.values[config], &overrides, entry_at(plan, config, seed), error);
        free_overrides(&overrides);
        if (status != 0) return -1;
        if (entry_at(plan, config, seed)->config.values.seed != plan->seeds[seed])
            return error_set(error, ERROR_CONFIG, "seed", "cannot be set for a whole batch; choose with --seeds");
    }
    return 0;
}

/* Whether the name is one of those joined by commas. */
static bool is_listed(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == length && memcmp(at, name, length) == 0) return true;
    return false;
}

static int name_config(const struct experiments_plan *plan, int config, struct error *error) {
    const char *name = entry_at(plan, config, 0)->config.values.name;
    plan->names[config] = name;
    for (int seed = 0; seed < plan->seed_count; seed++)
        entry_at(plan, config, seed)->is_wanted = !plan->request->only || is_listed(plan->request->only, name);
    for (int other = 0; other < config; other++)
        if (strcmp(plan->names[other], name) == 0)
            return error_set(error, ERROR_CONFIG, plan->request->path,
                             "two configs are called \"%s\"; give each a name of its own", name);
    return 0;
}

static int read_configs(struct experiments_plan *plan, const struct surroundings *around,
                        const struct experiment_values *values, struct error *error) {
    plan->config_count = values->configs.count;
    plan->total = plan->config_count * plan->seed_count;
    plan->entries = calloc((size_t)plan->total, sizeof *plan->entries);
    plan->names = calloc((size_t)plan->config_count, sizeof *plan->names);
    if (!plan->entries || !plan->names) return error_set(error, ERROR_RUN, NULL, "not enough memory for the configs");
    for (int config = 0; config < plan->config_count; config++)
        if (read_config(plan, around, values, config, error) != 0 || name_config(plan, config, error) != 0) return -1;
    return 0;
}

static int check_only_name(const struct experiments_plan *plan, const char *name, struct error *error) {
    for (int i = 0; i < plan->config_count; i++)
        if (strcmp(plan->names[i], name) == 0) return 0;
    const char *nearest = text_nearest(name, plan->names, (size_t)plan->config_count);
    if (nearest)
        return error_set(error, ERROR_CONFIG, "--only",
                         "no config of this batch is called \"%s\"; did you mean \"%s\"?", name, nearest);
    struct text known = {0};
    for (int i = 0; i < plan->config_count; i++) text_print(&known, i ? ", %s" : "%s", plan->names[i]);
    error_set(error, ERROR_CONFIG, "--only", "no config of this batch is called \"%s\"; there are: %s", name,
              known.failed ? "" : known.bytes);
    text_free(&known);
    return -1;
}

static int check_only(const struct experiments_plan *plan, struct error *error) {
    const char *only = plan->request->only;
    if (only && !*only)
        return error_set(error, ERROR_CONFIG, "--only", "names no config of this batch; leave it out to run all");
    for (const char *at = only; at && *at; at += strcspn(at, ","), at += *at == ',') {
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, ","), at);
        if (check_only_name(plan, name, error) != 0) return -1;
    }
    return 0;
}

int experiments_plan_read(struct experiments_plan *plan, const struct experiments_request *request,
                          struct error *error) {
    struct experiment_values values = {0};
    struct surroundings around;
    *plan = (struct experiments_plan){.request = request};
    int status = find_surroundings(request, &around, error);
    if (status == 0) status = read_file(plan, around.path, &values, error);
    if (status == 0) status = read_configs(plan, &around, &values, error);
    forget_surroundings(&around);
    return status == 0 ? check_only(plan, error) : -1;
}

void experiments_plan_free(struct experiments_plan *plan) {
    for (int i = 0; plan->entries && i < plan->total; i++) {
        config_free(&plan->entries[i].config);
        free(plan->entries[i].folder);
    }
    free(plan->entries);
    free(plan->names);
    free(plan->folder);
    cJSON_Delete(plan->json);
    arena_free(&plan->arena);
    *plan = (struct experiments_plan){0};
}

/* ---- folders ---- */

/* 1: the folder's run has this entry's config, or there is no run; 0: another config, and `changes` says in what; -1:
 * an error. */
static int is_same_run(const struct experiments_plan *plan, const struct experiment_entry *entry, struct text *changes,
                       struct error *error) {
    char *path = run_file(entry->folder, "config.json", error);
    if (!path) return -1;
    int same = 1;
    if (file_exists(path)) {
        cJSON *before = json_read_file(path, JSON_SIZE_MAX, error);
        cJSON *now = before ? config_write(&entry->config, plan->request->workshop->registries) : NULL;
        if (before && !now) error_set(error, ERROR_RUN, NULL, "not enough memory for the configs");
        same = !now ? -1 : config_changes(before, now, true, changes) == 0;
        cJSON_Delete(before);
        cJSON_Delete(now);
    }
    free(path);
    return same;
}

/* Of all runs; `differs` is the first with another config. */
static int is_same_batch(const struct experiments_plan *plan, const struct experiment_entry **differs,
                         struct text *changes, struct error *error) {
    for (int i = 0; i < plan->total; i++) {
        int same = is_same_run(plan, &plan->entries[i], changes, error);
        *differs = &plan->entries[i];
        if (same != 1) return same;
    }
    return 1;
}

static int name_folder(const struct experiments_plan *plan, int config, int seed, struct error *error) {
    struct experiment_entry *entry = entry_at(plan, config, seed);
    char name[160];
    snprintf(name, sizeof name, "%s-seed%d", plan->names[config], plan->seeds[seed]);
    free(entry->folder);
    entry->folder = file_join(plan->folder, name, error);
    return entry->folder ? 0 : -1;
}

static int set_folder(struct experiments_plan *plan, const char *path, int number, struct error *error) {
    struct text name = {0};
    text_print(&name, number == 1 ? "%s" : "%s-%d", path, number);
    free(plan->folder);
    plan->folder = name.failed ? NULL : strdup(name.bytes);
    text_free(&name);
    if (!plan->folder) return error_set(error, ERROR_RUN, NULL, "not enough memory for the folder's name");
    for (int config = 0; config < plan->config_count; config++)
        for (int seed = 0; seed < plan->seed_count; seed++)
            if (name_folder(plan, config, seed, error) != 0) return -1;
    return 0;
}

int experiments_plan_check(const struct experiments_plan *plan, struct error *error) {
    const struct experiment_entry *differs = NULL;
    struct text changes = {0};
    int same = is_same_batch(plan, &differs, &changes, error);
    if (same == 0)
        error_set(error, ERROR_CONFIG, differs->folder,
                  "holds a run with another config: %s; choose another --out, or remove that folder to run it anew",
                  changes.failed ? "" : changes.bytes);
    text_free(&changes);
    return same == 1 ? 0 : -1;
}

static int use_folder(struct experiments_plan *plan, const char *path, struct error *error) {
    return set_folder(plan, path, 1, error) == 0 ? experiments_plan_check(plan, error) : -1;
}

/* As is_same_batch, for a folder that is only looked at. */
static int fits(const struct experiments_plan *plan, struct error *error) {
    const struct experiment_entry *differs = NULL;
    struct text changes = {0};
    int same = is_same_batch(plan, &differs, &changes, error);
    text_free(&changes);
    return same;
}

int experiments_plan_folders(struct experiments_plan *plan, struct error *error) {
    if (plan->request->out) return use_folder(plan, plan->request->out, error);
    char path[192];
    snprintf(path, sizeof path, "runs/%s", plan->name);
    for (int number = 1; number < 100000; number++) {
        if (set_folder(plan, path, number, error) != 0) return -1;
        int same = fits(plan, error);
        if (same != 0) return same == 1 ? 0 : -1;
    }
    return error_set(error, ERROR_IO, path, "there are too many such folders; remove some");
}
