/* Trained models in other programs' formats: each format is one file with a struct exchange_format, and one line in
 * exchange.def. */
#ifndef CNNTRAIN_CORE_INTEROP_EXCHANGE_H
#define CNNTRAIN_CORE_INTEROP_EXCHANGE_H

#include <stdbool.h>

#include "core/interop/safetensors.h"
#include "core/model_save.h"

/* What a user may ask of a format; a set of them. */
enum exchange_option {
    EXCHANGE_TORCH = 1,         /* PyTorch's names and layouts instead of Keras' */
    EXCHANGE_LOGITS = 2,        /* without the softmax at the end */
    EXCHANGE_NCHW = 4,          /* the input is (n,c,h,w) */
    EXCHANGE_PREPROCESSING = 8, /* the input is pixels of 0 to 255: scale, mean and deviation are part of the model */
};

/* What is to be written, and how. */
struct exchange {
    const struct model *model; /* parameters NULL: planned only, from a config */
    const struct model_facts *facts;
    const struct registries *registries;
    unsigned options;     /* of enum exchange_option, each one that the format honours */
    const char *version;  /* of the program, for formats that name their writer */
    struct text *remarks; /* whole lines for the user, beside what is written; never NULL */
};

/* What a file of another program holds. Everything is owned by it: exchange_file_free. */
struct exchange_file {
    char *model; /* the layers, as the JSON of a Sequential model of Keras; NULL: weights alone */
    char *facts; /* what cnntrain wrote beside them: see model_facts_text, with "config"; NULL: nothing */
    struct safetensors weights; /* by the names of the other program */
    /* Gives the weights the names that the model's have here; those that it has no use for keep theirs. */
    int (*assign)(struct safetensors *weights, const struct model *model, struct error *error);
};

struct exchange_format {
    const char *name;              /* for --format: "safetensors" */
    const char *const *extensions; /* such as ".safetensors", ended by NULL; the longest that fits a path decides */
    const char *summary;           /* one line for help */
    unsigned honours;              /* of enum exchange_option */
    bool without_weights;          /* a model that is not trained can be written, too */
    bool is_opened;                /* a file of this ending is a trained model to read, not a config */
    /* Replaces the file at `path` in one move (file_replace), or leaves it as it was: ERROR_IO; ERROR_CONFIG
     * naming the layer where the format cannot hold the model; ERROR_RUN. */
    int (*write)(const struct exchange *exchange, const char *path, struct error *error);

    /* Optional, both or none: reading. Whether the first bytes of a file are those of this format; and the file, into
     * one that is empty: ERROR_IO, ERROR_DATA, ERROR_RUN. */
    bool (*recognizes)(const char *start, size_t length);
    int (*read)(const char *path, struct exchange_file *file, struct error *error);
};

void exchange_file_free(struct exchange_file *file);

/* The formats of exchange.def, ended by NULL. */
extern const struct exchange_format *const exchange_formats[];

/* The format called so; NULL where there is none. */
const struct exchange_format *exchange_named(const char *name);
/* The format of the path's extension, in any case; NULL where there is none. */
const struct exchange_format *exchange_for_path(const char *path);
/* Finds the format that reads the file, by its first bytes; NULL into *format where none does, as for safetensors.
 * ERROR_IO where they cannot be read, ERROR_DATA where the file's ending promises another format. */
int exchange_for_reading(const char *path, const struct exchange_format **format, struct error *error);

#endif
