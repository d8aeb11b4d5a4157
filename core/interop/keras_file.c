#include "core/interop/keras_file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/interop/hdf5_read.h"
#include "core/interop/keras_paths.h"
#include "core/interop/keras_weights.h"
#include "core/interop/keras_write.h"
#include "core/interop/zip_file.h"

/* Weights hardly deflate: a member that becomes larger by more is no model. */
enum { DEFLATE_MAX = 8 };
/* Bytes of a file: models of images are far smaller, and files with holes may be of any size. */
static const size_t file_most = (size_t)2 << 30;

static int no_memory(const char *path, struct error *error) {
    return error_set(error, ERROR_RUN, path, "not enough memory for the model");
}

/* ---- HDF5 ---- */

bool keras_hdf5_recognizes(const char *start, size_t length) {
    return hdf5_is_file(start, length);
}

static int read_tree(const char *path, const char *bytes, size_t length, struct exchange_file *file,
                     struct error *error) {
    file->assign = keras_weights_assign;
    return hdf5_read(path, bytes, length, &file->weights, error);
}

/* A copy of the file's attribute into *text, where it has one. */
static int take_attribute(const struct safetensors *tree, const char *key, char **text, struct error *error) {
    const char *value = safetensors_metadata(tree, key);
    if (value && !(*text = strdup(value))) return no_memory(tree->path, error);
    return 0;
}

int keras_hdf5_read(const char *path, struct exchange_file *file, struct error *error) {
    char *bytes = NULL;
    size_t length = 0;
    if (file_read(path, file_most, &bytes, &length, error) != 0) return -1;
    int status = read_tree(path, bytes, length, file, error);
    free(bytes);
    if (status == 0) status = take_attribute(&file->weights, "@" KERAS_CONFIG_ATTRIBUTE, &file->model, error);
    if (status == 0) status = take_attribute(&file->weights, "@" KERAS_FACTS_KEY, &file->facts, error);
    return status;
}

/* ---- the archive ---- */

bool keras_archive_recognizes(const char *start, size_t length) {
    return zip_is_file(start, length);
}

/* The facts among the metadata; what else stands there is no matter. */
static int take_facts(const char *path, const struct zip_member *metadata, struct exchange_file *file,
                      struct error *error) {
    cJSON *json = metadata->bytes ? json_parse(metadata->bytes, metadata->length, path, error) : NULL;
    if (metadata->bytes && !json) {
        if (error->code == ERROR_CONFIG) error->code = ERROR_DATA; /* what is no JSON is no mistake in a config */
        return -1;
    }
    const cJSON *facts = cJSON_GetObjectItemCaseSensitive(json, KERAS_FACTS_KEY);
    if (facts && !(file->facts = cJSON_PrintUnformatted(facts)))
        error_fill(error, ERROR_RUN, path, "not enough memory");
    cJSON_Delete(json);
    return facts && !file->facts ? -1 : 0;
}

static int take_members(const char *path, struct zip_member members[3], struct exchange_file *file,
                        struct error *error) {
    for (int i = 0; i < 2; i++) {
        struct zip_member *needed = &members[i];
        if (!needed->bytes)
            return error_set(error, ERROR_DATA, path,
                             "is a zip archive without %s, so no model of Keras; name a .keras file", needed->name);
    }
    file->model = members[0].bytes;
    members[0].bytes = NULL;
    if (take_facts(path, &members[2], file, error) != 0) return -1;
    return read_tree(path, members[1].bytes, members[1].length, file, error);
}

int keras_archive_read(const char *path, struct exchange_file *file, struct error *error) {
    char *bytes = NULL;
    size_t length = 0;
    if (file_read(path, file_most, &bytes, &length, error) != 0) return -1;
    struct zip_member members[3] = {{.name = KERAS_CONFIG_MEMBER, .most = JSON_SIZE_MAX},
                                    {.name = KERAS_WEIGHTS_MEMBER, .most = DEFLATE_MAX * length},
                                    {.name = KERAS_METADATA_MEMBER, .most = JSON_SIZE_MAX}};
    int status = zip_read(path, bytes, length, members, 3, error);
    free(bytes);
    if (status == 0) status = take_members(path, members, file, error);
    for (int i = 0; i < 3; i++) free(members[i].bytes);
    return status;
}

/* ---- what is written ---- */

cJSON *keras_facts(const struct exchange *exchange, struct error *error) {
    char *text = model_facts_text(exchange->model, exchange->facts, error);
    cJSON *json = text ? cJSON_Parse(text) : NULL;
    if (json && !json_add(json, "config", cJSON_Parse(exchange->facts->config_text))) {
        cJSON_Delete(json);
        json = NULL;
    }
    free(text);
    if (!json) no_memory(NULL, error);
    return json;
}

char *keras_model_text(const struct exchange *exchange, struct error *error) {
    struct text text = {0};
    cJSON *json = keras_write_model(exchange->model, exchange->registries, true, error);
    if (!json) return NULL;
    json_write(json, &text);
    cJSON_Delete(json);
    if (!text.failed) return text.bytes;
    text_free(&text);
    no_memory(NULL, error);
    return NULL;
}
