#include "core/config_file.h"

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

char *config_find(const char *path, const struct config_search *search, struct error *error) {
    int is_folder = file_is_folder(path, error);
    if (is_folder < 0) return NULL;
    if (is_folder) {
        error_set(error, ERROR_IO, path, "is a folder; a JSON file is needed");
        return NULL;
    }
    char *found = find_below(NULL, path, error);
    if (!found) found = find_in_search(path, search, error);
    if (found || error->code != ERROR_NONE) return found;
    struct text tried = {0};
    list_search(path, search, &tried);
    error_set(error, ERROR_IO, path,
              tried.length ? "no such file, here or in %s; check the name" : "no such file%s; check the name",
              tried.length ? tried.bytes : "");
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
    free(folder);
    if (!found && error->code == ERROR_NONE) {
        struct place document = place_document(descent->path), place = place_key(&document, "extends");
        char where[ERROR_PATH_SIZE];
        struct text tried = {0};
        list_search(name, search, &tried);
        error_set(error, ERROR_IO, place_text(&place, where, sizeof where),
                  "there is no %s beside this file%s%s; check the name", name, tried.length ? " or in " : "",
                  tried.length ? tried.bytes : "");
        text_free(&tried);
    }
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
