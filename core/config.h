/* A run's config: the JSON file with what it extends and what the command line overrides, read into typed values. */
#ifndef CNNTRAIN_CORE_CONFIG_H
#define CNNTRAIN_CORE_CONFIG_H

#include "core/config_file.h"
#include "core/dataset.h"
#include "core/fields.h"
#include "core/shape.h"

struct training_config {
    int epochs, batch_size;
    bool shuffle;
    struct component optimizer;
    struct component schedule; /* kind NULL: constant */
    int loss;                  /* index of its choices; sparse_categorical_crossentropy is the only one */
    double label_smoothing;
    int on_nan; /* enum on_nan */
    struct component_list callbacks;
    struct string_list freeze; /* patterns of layer names */
    int checkpoint_steps;      /* a checkpoint after every so many steps, too; 0: at the end of an epoch only */
    int keep_checkpoints;      /* how many of the last ones are kept */
    bool tensorboard;          /* event files beside the history */
};

/* What a loss or gradient that is not finite leads to. */
enum on_nan {
    ON_NAN_STOP, /* the end of the training */
    ON_NAN_SKIP, /* the step is left out: weights and optimizer stay as they were */
};

/* What the JSON holds. */
struct config_values {
    const char *schema;
    const char *name; /* NULL: the file's name without its ending */
    int seed;
    struct int_list input_shape; /* count 0: from the data */
    struct component data;       /* kind NULL: none given */
    struct component_list model;
    struct training_config training;
};

struct config {
    struct config_values values;
    char *path;   /* the file as found */
    char *folder; /* of the file: relative data paths start here */
    cJSON *json;  /* merged, as read; values may point into it */
    struct arena arena;
};

/* One override: the value (JSON, or a plain string) for a dotted path; see json_set_path. */
struct config_override {
    const char *path, *value;
};

/* How a model written by another program becomes part of a config; cmd/ names the format. */
struct foreign_models {
    bool (*is_model)(const cJSON *json);
    /* {"input_shape": ..., "model": [...]}, which the caller deletes; NULL on failure */
    cJSON *(*read)(const cJSON *json, const struct place *place, const struct registries *registries,
                   struct error *error);
};

struct config_request {
    const char *path; /* as the user wrote it */
    const struct registries *registries;
    const struct config_search *search;
    const struct config_override *overrides;
    size_t override_count;
    const char *data_spec;                /* --data, or NULL: replaces the data section's source and path */
    const struct foreign_models *foreign; /* models that other programs wrote; NULL: none are read */
};

/* Reads the file with all it extends, applies the overrides, and checks every value. config_free it; on failure nothing
 * is held. */
int config_read(struct config *config, const struct config_request *request, struct error *error);
/* The same from JSON text (a checkpoint's config); `name` is what errors call it. */
int config_parse(struct config *config, const char *text, const char *name, const struct config_request *request,
                 struct error *error);
void config_free(struct config *config);

/* Whether a run may be called so, and the sentence that says what is asked. */
#define CONFIG_NAME_RULE                                                                                               \
    "must be a file name of 1 to 100 characters, without slashes, control characters or a leading dot"
bool config_is_name(const char *name);

/* The resolved config, every field spelled out; NULL without memory. The caller deletes it. */
cJSON *config_write(const struct config *config, const struct registries *registries);
/* The same as text, exact to the last digit; malloc'd, NULL and ERROR_RUN without memory. */
char *config_text(const struct config *config, const struct registries *registries, struct error *error);
/* The JSON schema of a config file; NULL without memory. */
cJSON *config_schema(const struct registries *registries);
/* The tables, for help. */
extern const struct field config_fields[], training_fields[];

/* Makes the data path absolute: relative paths are looked for below the config's folder, then below `fallback` (may be
 * NULL). A comma separates several paths. One that is nowhere is left for the source to complain about. `from_user`:
 * the path was typed on the command line, so it starts from the working folder. */
int config_locate_data(struct config *config, const char *fallback, bool from_user, struct error *error);

/* The shape of the images of the config's source after resize and colour, where it is known without loading them
 * (synth, CIFAR, Fashion-MNIST); else false. */
bool config_source_shape(const struct config *config, struct shape *shape);

/* The input shape of the model: what the config states, or `data` where it states none (rank 0: not
 * loaded; then what config_source_shape knows); an error
 * where both are known and differ, or none is. */
int config_input_shape(const struct config *config, const struct shape *data, struct shape *shape, struct error *error);

#endif
