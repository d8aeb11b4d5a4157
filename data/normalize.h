/* Kinds of normalization: how pixels become the numbers a network sees. */
#ifndef CNNTRAIN_DATA_NORMALIZE_H
#define CNNTRAIN_DATA_NORMALIZE_H

#include "core/dataset.h"
#include "core/fields.h"

struct normalization_kind {
    struct component_kind component;
    bool unscaled; /* bytes stay 0..255 */
    /* Fills mean and std; `normalization` holds channels and scale, mean 0 and std 1. NULL: nothing to fill. */
    int (*measure)(const void *config, const struct dataset *train, struct normalization *normalization,
                   struct error *error);
};

/* The kind of {"mean": [...], "std": [...]}. */
extern const struct normalization_kind normalization_given;

/* The normalization that `component` asks for on images like those of `train`; see struct data_room. */
int normalization_measure(const struct component *component, const struct dataset *train,
                          struct normalization *normalization, struct error *error);

#endif
