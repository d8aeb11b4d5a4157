/* A trained model on disk: parameters with all that is needed to use them, in one safetensors file. */
#ifndef CNNTRAIN_CORE_MODEL_FILE_H
#define CNNTRAIN_CORE_MODEL_FILE_H

#include "core/checkpoint.h"
#include "core/config.h"
#include "core/dataset.h"
#include "core/model.h"

/* What a model needs beside its parameters. */
struct model_facts {
    const char *config_text; /* the resolved config, JSON */
    struct normalization normalization;
    int classes;
    char *const *class_names; /* (classes), or NULL */
};

/* Saves the model with further tensors and metadata (either count may be 0), replacing the file in one move. */
int model_file_save(const char *path, const struct model *model, const struct model_facts *facts,
                    const struct checkpoint_tensor *tensors, size_t tensor_count,
                    const struct safetensors_pair *metadata, size_t metadata_count, struct error *error);

/* The parameters as named tensors, pointing into the model; `names` holds the texts. Free both with free(). */
struct tensor_names {
    char text[PARAMETER_NAME_SIZE];
};
int model_tensors(const struct model *model, struct checkpoint_tensor **tensors, struct tensor_names **names,
                  size_t *count, struct error *error);

/* Loads parameters by name from any safetensors file (--weights): shapes must agree, at least one name must match;
 * `report` gets what was not found or not used. */
int model_load_weights(const struct model *model, const char *path, struct text *report, struct error *error);

/* A model opened from a file of model_file_save. */
struct saved_model {
    struct config config;
    struct model model;
    struct normalization normalization;
    int classes;
    char **class_names; /* (classes) or NULL */
};

/* `path` is such a file or a run's folder (its best.safetensors where `prefer_best`, else last.safetensors). Free it
 * with saved_model_free; on failure nothing is held. ERROR_IO, ERROR_DATA, ERROR_CONFIG. */
int saved_model_open(struct saved_model *saved, const char *path, bool prefer_best,
                     const struct config_request *request, struct error *error);
void saved_model_free(struct saved_model *saved);

#endif
