#include "core/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char optimizer_prefix[] = "optimizer/";

int checkpoint_save(const char *path, const struct checkpoint_tensor *tensors, size_t count,
                    const struct safetensors_pair *metadata, size_t metadata_count, struct error *error) {
    struct safetensors_source *sources = calloc(count + 1, sizeof *sources);
    if (!sources) return error_set(error, ERROR_RUN, path, "not enough memory for the file's header");
    for (size_t i = 0; i < count; i++)
        sources[i] = (struct safetensors_source){tensors[i].name, tensors[i].shape, tensors[i].data};
    int status = safetensors_write(path, sources, count, metadata, metadata_count, error);
    free(sources);
    return status;
}

static bool same_shape(const struct safetensors_tensor *stored, const struct shape *shape) {
    if (stored->rank != shape->rank) return false;
    for (int i = 0; i < shape->rank; i++)
        if (stored->shape[i] != (size_t)shape->size[i]) return false;
    return true;
}

/* Names, one after the other, and how many there are. */
struct names {
    struct text text;
    size_t count;
};

enum { NAMES_LISTED = 20 }; /* a file may hold a hundred thousand */

static void add_name(struct names *names, const char *name) {
    if (names->count == NAMES_LISTED) text_add(&names->text, ", ...");
    if (names->count < NAMES_LISTED) text_print(&names->text, names->count ? ", %s" : "%s", name);
    names->count++;
}

/* A tensor's two shapes, one such part after the other. */
static void add_difference(struct names *differing, const struct safetensors_tensor *stored,
                           const struct checkpoint_tensor *tensor) {
    char found[SAFETENSORS_SHAPE_TEXT], wanted[SHAPE_TEXT_SIZE];
    text_print(&differing->text, "%s%s: has shape %s in the file, %s in the model", differing->count++ ? "; " : "",
               tensor->name, safetensors_shape_text(stored, found, sizeof found),
               shape_text(&tensor->shape, wanted, sizeof wanted));
}

static bool is_slot(const char *name) {
    return strncmp(name, optimizer_prefix, strlen(optimizer_prefix)) == 0;
}

static bool is_wanted(const char *name, const struct checkpoint_tensor *tensors, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(tensors[i].name, name) == 0) return true;
    return false;
}

static void collect_unused(const struct safetensors *file, const struct checkpoint_tensor *tensors, size_t count,
                           struct names *unused) {
    bool wants_slots = false;
    for (size_t i = 0; i < count; i++) wants_slots |= is_slot(tensors[i].name);
    for (size_t i = 0; i < file->tensor_count; i++) {
        const char *name = file->tensors[i].name;
        if (is_wanted(name, tensors, count) || (is_slot(name) && !wants_slots)) continue;
        add_name(unused, name);
    }
}

static const char *listed(const struct names *names) {
    return names->text.bytes && !names->text.failed ? names->text.bytes : "";
}

static int refuse_missing(const struct safetensors *file, const struct checkpoint_tensor *tensors, size_t count,
                          const struct names *missing, struct error *error) {
    struct names unused = {0};
    collect_unused(file, tensors, count, &unused);
    error_set(error, ERROR_DATA, file->path,
              "lacks %zu of the model's %zu tensors: %s%s%s; is it a file of this very model?", missing->count, count,
              listed(missing), unused.count ? "; it has others: " : "", listed(&unused));
    text_free(&unused.text);
    return -1;
}

/* Looks everything up, collects what is missing and refuses what does not fit. */
static int match_all(const struct safetensors *file, const struct checkpoint_tensor *tensors, size_t count,
                     enum checkpoint_match match, struct names *missing, struct names *differing, struct error *error) {
    for (size_t i = 0; i < count; i++) {
        const struct safetensors_tensor *stored = safetensors_find(file, tensors[i].name);
        if (!stored) add_name(missing, tensors[i].name);
        if (stored && !same_shape(stored, &tensors[i].shape)) add_difference(differing, stored, &tensors[i]);
    }
    if (missing->text.failed || differing->text.failed)
        return error_set(error, ERROR_RUN, file->path, "not enough memory for the names of the tensors that differ");
    if (differing->count)
        return error_set(error, ERROR_DATA, file->path, "%s%s", listed(differing),
                         match == CHECKPOINT_STRICT ? "; is it a file of this very model?"
                                                    : "; give such layers other names, and they begin anew");
    if (missing->count && match == CHECKPOINT_STRICT) return refuse_missing(file, tensors, count, missing, error);
    if (count && missing->count == count)
        return error_set(error, ERROR_DATA, file->path,
                         "has none of the model's %zu tensors, such as %s; are these the weights of another model?",
                         count, tensors[0].name);
    return 0;
}

static void write_report(const struct safetensors *file, const struct checkpoint_tensor *tensors, size_t count,
                         const struct names *missing, struct text *report) {
    struct names unused = {0};
    collect_unused(file, tensors, count, &unused);
    if (missing->count) text_print(report, "%s: not found, left as they were: %s\n", file->path, listed(missing));
    if (unused.count) text_print(report, "%s: not used: %s\n", file->path, listed(&unused));
    text_free(&unused.text);
}

int checkpoint_check(const struct safetensors *file, const struct checkpoint_tensor *tensors, size_t count,
                     enum checkpoint_match match, struct error *error) {
    struct names missing = {0}, differing = {0};
    int status = match_all(file, tensors, count, match, &missing, &differing, error);
    text_free(&missing.text);
    text_free(&differing.text);
    return status;
}

int checkpoint_apply(const struct safetensors *file, const struct checkpoint_tensor *tensors, size_t count,
                     enum checkpoint_match match, struct text *report, struct error *error) {
    struct names missing = {0}, differing = {0};
    int status = match_all(file, tensors, count, match, &missing, &differing, error);
    for (size_t i = 0; i < count && status == 0; i++) {
        const struct safetensors_tensor *stored = safetensors_find(file, tensors[i].name);
        if (stored) safetensors_floats(stored, tensors[i].data);
    }
    if (status == 0 && report) write_report(file, tensors, count, &missing, report);
    text_free(&missing.text);
    text_free(&differing.text);
    return status;
}

int checkpoint_load_into(const char *path, const struct checkpoint_tensor *tensors, size_t count,
                         enum checkpoint_match match, struct text *report, struct error *error) {
    struct safetensors file;
    if (safetensors_read(path, &file, error) != 0) return -1;
    int status = checkpoint_apply(&file, tensors, count, match, report, error);
    safetensors_free(&file);
    return status;
}
