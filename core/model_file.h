/* Trained models opened, and weights loaded, from files of cnntrain and of other programs. */
#ifndef CNNTRAIN_CORE_MODEL_FILE_H
#define CNNTRAIN_CORE_MODEL_FILE_H

#include "core/config.h"
#include "core/model_save.h"

/* Loads parameters by name from a file of weights (--weights), in safetensors or any form that exchange.def reads:
 * shapes must agree, at least one name must match; `report` gets what was not found or not used. */
int model_load_weights(const struct model *model, const char *path, struct text *report, struct error *error);

/* A trained model opened from a file. */
struct saved_model {
    struct config config;
    struct model model;
    struct normalization normalization;
    int classes;
    char **class_names;         /* (classes) or NULL */
    bool normalization_guessed; /* another program wrote the file, which does not say how images are prepared */
};

/* `path` is a file of model_file_save, a whole model in any form that exchange.def reads, or a run's folder (its
 * best.safetensors where `prefer_best`, else last.safetensors). Free it with saved_model_free; on failure nothing is
 * held. ERROR_IO, ERROR_DATA, ERROR_CONFIG. */
int saved_model_open(struct saved_model *saved, const char *path, bool prefer_best,
                     const struct config_request *request, struct error *error);
void saved_model_free(struct saved_model *saved);

#endif
