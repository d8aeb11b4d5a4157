#include "core/run_resume.h"

#include <stdlib.h>

#include "core/config_changes.h"
#include "core/file.h"
#include "core/interop/safetensors.h"
#include "core/run_folder.h"

static const char *config_of(const struct safetensors *file, struct error *error) {
    const char *text = safetensors_metadata(file, "config");
    if (!text)
        error_set(error, ERROR_DATA, file->path,
                  "holds weights but no config; start a new run from them with --weights");
    return text;
}

static int compare(const struct config *before, const struct config *after, const struct registries *registries,
                   struct text *changes, struct error *error) {
    cJSON *old = config_write(before, registries), *now = config_write(after, registries);
    bool whole = old && now;
    if (whole) config_changes(old, now, false, changes);
    cJSON_Delete(old);
    cJSON_Delete(now);
    return whole && !changes->failed ? 0 : error_set(error, ERROR_RUN, NULL, "not enough memory for the configs");
}

int run_changes(const struct config *config, const struct registries *registries, const char *path,
                struct text *changes, struct error *error) {
    struct safetensors file;
    struct config before;
    struct config_request parsing = {.registries = registries};
    if (safetensors_read(path, &file, error) != 0) return -1;
    const char *text = config_of(&file, error);
    int status = text ? config_parse(&before, text, path, &parsing, error) : -1;
    if (status == 0) {
        status = compare(&before, config, registries, changes, error);
        config_free(&before);
    }
    safetensors_free(&file);
    return status;
}

static int write_config_of(const char *checkpoint, const char *path, struct error *error) {
    struct safetensors file;
    if (safetensors_read(checkpoint, &file, error) != 0) return -1;
    const char *text = config_of(&file, error);
    int status = text ? file_replace_text(path, text, error) : -1;
    safetensors_free(&file);
    return status;
}

int run_restore_config(const char *folder, struct error *error) {
    char *path = run_file(folder, "config.json", error), *last = run_file(folder, "last.safetensors", error);
    int status = path && last ? 0 : -1;
    if (status == 0 && !file_exists(path) && file_exists(last)) status = write_config_of(last, path, error);
    free(path);
    free(last);
    return status;
}
