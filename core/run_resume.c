#include "core/run_resume.h"

#include <stdlib.h>
#include <string.h>

#include "core/config_changes.h"
#include "core/file.h"
#include "core/interop/safetensors.h"
#include "core/memory.h"
#include "core/model_save.h"
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

/* The file's weights, read into `values`, saved with another config. */
static int save_with_config(struct safetensors *file, const struct model *model, const char *config_text, float *values,
                            struct error *error) {
    struct checkpoint_tensor *tensors = NULL;
    struct tensor_names *names = NULL;
    size_t count = 0;
    if (model_tensors(model, &tensors, &names, &count, error) != 0) return -1;
    for (size_t i = 0; i < count; i++) tensors[i].data = values + (tensors[i].data - model->parameters);
    for (size_t i = 0; i < file->metadata_count; i++)
        if (strcmp(file->metadata[i].key, "config") == 0) file->metadata[i].value = config_text;
    int status = checkpoint_apply(file, tensors, count, CHECKPOINT_STRICT, NULL, error);
    if (status == 0) status = checkpoint_save(file->path, tensors, count, file->metadata, file->metadata_count, error);
    free(tensors);
    free(names);
    return status;
}

int run_update_config(const char *path, const struct model *model, const char *config_text, struct error *error) {
    struct safetensors file;
    if (!file_exists(path)) return 0;
    if (safetensors_read(path, &file, error) != 0) return -1;
    float *values = memory_allocate(model->parameter_floats, sizeof *values, "the best weights", error);
    int status = values ? save_with_config(&file, model, config_text, values, error) : -1;
    free(values);
    safetensors_free(&file);
    return status;
}
