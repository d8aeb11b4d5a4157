/* A trained model written to disk: parameters with all that is needed to use them, in one safetensors file. */
#ifndef CNNTRAIN_CORE_MODEL_SAVE_H
#define CNNTRAIN_CORE_MODEL_SAVE_H

#include "core/checkpoint.h"
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

/* The facts, without the config, as JSON text for the metadata of a file; malloc'd, NULL and ERROR_RUN. */
char *model_facts_text(const struct model *model, const struct model_facts *facts, struct error *error);

#endif
