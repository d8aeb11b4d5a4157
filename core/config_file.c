#include "core/config_file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"
#include "core/text.h"

enum { EXTENDS_MAX = 16 };

/* "path", "path.json" or "path.jsonc" below a folder (NULL: the working folder), malloc'd; NULL where there is neither.
 */
static char *find_below(const char *folder, const char *path, struct error *error) {
    static const char *const endings[] = {"", ".json", ".jsonc"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct text name = {0};
        text_print(&name, "%s%s", path, endings[i]);
        char *candidate = name.failed ? NULL : file_join(folder, name.bytes, error);
        if (name.failed) error_set(error, ERROR_RUN, path, "not enough memory for the file's name");
        text_free(&name);
        if (!candidate) return NULL;
        int is_folder = file_is_folder(candidate, error);
        if (is_folder == 0 && file_exists(candidate)) return candidate;
        free(candidate);
        if (is_folder < 0) return NULL;
    }
    return NULL;
}

void config_search_add(struct config_search *search, const char *folder) {
    size_t count = 0;
    for (; search->folders[count]; count++)
        if (strcmp(search->folders[count], folder) == 0) return;
    if (count < CONFIG_SEARCH_MAX) search->folders[count] = folder;
}

static char *find_in_search(const char *path, const struct config_search *search, struct error *error) {
    for (size_t i = 0; *path != '/' && search && search->folders[i] && error->code == ERROR_NONE; i++) {
        char *found = find_below(search->folders[i], path, error);
        if (found) return found;
    }
    return NULL;
}

/* "configs, /usr/share/cnntrain/configs"; empty where nothing was searched. */
static void list_search(const char *path, const struct config_search *search, struct text *list) {
    for (size_t i = 0; *path != '/' && search && search->folders[i]; i++)
        text_print(list, i ? ", %s" : "%s", search->folders[i]);
}

/* ---- a name that was meant ---- */

enum { NEAREST_SIZE = 128, ADVICE_SIZE = 512 };

/* Bytes of a file's name before the ending of a config; 0 where it has none. */
static size_t stem_of(const char *name) {
    const char *ending = strstr(name, ".json");
    if (!ending || (strcmp(ending, ".json") != 0 && strcmp(ending, ".jsonc") != 0)) return 0;
    return (size_t)(ending - name);
}

/* The stem of a config in the folder that is nearer to `name` than *nearest is, into that. What cannot be looked at has
 * no names. */
static void find_nearest(const char *folder, const char *name, char nearest[NEAREST_SIZE]) {
    DIR *directory = opendir(folder);
    char word[NEAREST_SIZE];
    snprintf(word, sizeof word, "%.*s", (int)(stem_of(name) ? stem_of(name) : strlen(name)), name);
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        const size_t stem = stem_of(entry->d_name);
        char found[NEAREST_SIZE];
        if (stem == 0 || stem >= sizeof found || strcmp(entry->d_name, "schema.json") == 0) continue;
        snprintf(found, sizeof found, "%.*s", (int)stem, entry->d_name);
        /* The first in the alphabet of those equally near, in whatever order the folder has them. */
        const char *words[] = {found, nearest};
        if (*nearest && strcmp(nearest, found) < 0) {
            words[0] = nearest;
            words[1] = found;
        }
        if (text_nearest(word, words, *nearest ? 2 : 1) == found) memcpy(nearest, found, sizeof found);
    }
    if (directory) closedir(directory);
}

/* The same in the folder that a path with a slash names. */
static void find_nearest_beside(const char *folder, const char *path, char nearest[NEAREST_SIZE]) {
    struct error ignored = {0};
    char *joined = file_join(folder, path, &ignored);
    char *beside = joined ? file_folder_of(joined, &ignored) : NULL;
    if (beside) find_nearest(beside, file_name_of(path), nearest);
    free(beside);
    free(joined);
}

/* "did you mean ...?" or what else there is to say of a path, below `folder`, that is no config's. */
static const char *advise(const char *folder, const char *path, const struct config_search *search,
                          char advice[ADVICE_SIZE]) {
    const char *name = file_name_of(path);
    char nearest[NEAREST_SIZE] = "";
    find_nearest_beside(folder, path, nearest);
    for (size_t i = 0; name == path && search && search->folders[i]; i++)
        find_nearest(search->folders[i], path, nearest);
    if (!*nearest) return "check the name";
    snprintf(advice, ADVICE_SIZE, "did you mean \"%.*s%s%s\"?", (int)(name - path), path, nearest,
             stem_of(name) ? name + stem_of(name) : "");
    return advice;
}

char *config_find(const char *path, const struct config_search *search, struct error *error) {
    int is_folder = file_is_folder(path, error);
    if (is_folder < 0) return NULL;
    if (is_folder) {
        error_set(error, ERROR_IO, path, "is a folder; name a JSON file, such as the config.json of a run's folder");
        return NULL;
    }
    char *found = find_below(NULL, path, error);
    if (!found) found = find_in_search(path, search, error);
    if (found || error->code != ERROR_NONE) return found;
    struct text tried = {0};
    char advice[ADVICE_SIZE];
    list_search(path, search, &tried);
    error_set(error, ERROR_IO, path, tried.length ? "no such file, here or in %s; %s" : "no such file%s; %s",
              tried.length ? tried.bytes : "", advise(NULL, path, search, advice));
    text_free(&tried);
    return NULL;
}

/* A file and those that extend it, up to the one asked for. */
struct descent {
    const struct descent *child; /* extends this one; NULL: the file asked for */
    const char *path;
    int depth;
};

static bool is_same_file(const char *a, const char *b) {
    char *real_a = realpath(a, NULL), *real_b = realpath(b, NULL);
    bool same = real_a && real_b && strcmp(real_a, real_b) == 0;
    free(real_a);
    free(real_b);
    return same;
}

static int check_descent(const struct descent *descent, const char *base, struct error *error) {
    struct place document = place_document(descent->path), place = place_key(&document, "extends");
    for (const struct descent *at = descent; at; at = at->child)
        if (is_same_file(at->path, base))
            return place_error(&place, error, "%s extends this file in turn; break the circle", file_name_of(base));
    if (descent->depth < EXTENDS_MAX) return 0;
    return place_error(&place, error, "more than %d files extend each other; merge some", EXTENDS_MAX);
}

/* The file that `descent` names as its base: beside it, or else in the search folders. */
static char *find_base(const struct descent *descent, const char *name, const struct config_search *search,
                       struct error *error) {
    char *folder = file_folder_of(descent->path, error);
    char *found = folder ? find_below(folder, name, error) : NULL;
    if (!found && error->code == ERROR_NONE) found = find_in_search(name, search, error);
    if (!found && error->code == ERROR_NONE) {
        struct place document = place_document(descent->path), place = place_key(&document, "extends");
        char where[ERROR_PATH_SIZE], advice[ADVICE_SIZE];
        struct text tried = {0};
        list_search(name, search, &tried);
        error_set(error, ERROR_IO, place_text(&place, where, sizeof where), "there is no %s beside this file%s%s; %s",
                  name, tried.length ? " or in " : "", tried.length ? tried.bytes : "",
                  advise(folder, name, search, advice));
        text_free(&tried);
    }
    free(folder);
    if (!found || check_descent(descent, found, error) == 0) return found;
    free(found);
    return NULL;
}

static cJSON *read_extended(const struct descent *descent, const struct config_search *search, struct error *error);

/* What the file extends, with `json` merged over it. */
static cJSON *extend(const cJSON *json, const cJSON *name, const struct descent *descent,
                     const struct config_search *search, struct error *error) {
    struct place document = place_document(descent->path), place = place_key(&document, "extends");
    if (!cJSON_IsString(name)) {
        place_error(&place, error, "must be the name of a config file");
        return NULL;
    }
    char where[ERROR_PATH_SIZE], *found = find_base(descent, name->valuestring, search, error);
    if (!found) return NULL;
    struct descent next = {descent, found, descent->depth + 1};
    cJSON *base = read_extended(&next, search, error);
    free(found);
    struct error inner = {0};
    if (!base || json_merge(base, json, &inner) == 0) return base;
    cJSON_Delete(base);
    error_set(error, inner.code, place_text(&place, where, sizeof where), "%s", inner.message);
    return NULL;
}

static cJSON *read_extended(const struct descent *descent, const struct config_search *search, struct error *error) {
    cJSON *json = json_read_commented_file(descent->path, CONFIG_SIZE_MAX, error);
    if (!json) return NULL;
    if (!cJSON_IsObject(json)) {
        error_set(error, ERROR_CONFIG, descent->path, "must hold a JSON object, {...}");
        cJSON_Delete(json);
        return NULL;
    }
    cJSON *name = cJSON_DetachItemFromObjectCaseSensitive(json, "extends");
    if (!name) return json;
    cJSON *whole = extend(json, name, descent, search, error);
    cJSON_Delete(name);
    cJSON_Delete(json);
    return whole;
}

cJSON *config_read_file(const char *path, const struct config_search *search, struct error *error) {
    return read_extended(&(struct descent){.path = path, .depth = 1}, search, error);
}
