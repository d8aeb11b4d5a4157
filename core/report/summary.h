/* The summary of a model: Keras' tables, what the model costs, and the same as JSON. */
#ifndef CNNTRAIN_CORE_REPORT_SUMMARY_H
#define CNNTRAIN_CORE_REPORT_SUMMARY_H

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/shape.h"
#include "core/text.h"

/* What stands before the name of a layer inside of blocks: a bar for each, at most 16. printf's "%.*s" takes both. */
#define SUMMARY_BARS(depth) ((depth) < 16 ? 2 * (depth) : 32), "| | | | | | | | | | | | | | | | "

/* One layer. */
struct summary_row {
    const char *name;        /* "max_pooling2d_1" */
    const char *class_name;  /* "MaxPooling2D" */
    struct shape output;     /* of one image */
    long long parameters;    /* trainable or not */
    double multiplications;  /* of one image, forward */
    size_t activation_bytes; /* the output of one image */
    int receptive_field[2];  /* input cells one output looks at, height and width; -1: the whole input */
    const char *note; /* what to warn about, such as "drops the last row and column of 15x15"; NULL or "": none */
    int depth;        /* how many blocks (Residual) it is inside of; their rows come behind it, the innermost first */
};

struct summary {
    const char *model_name; /* "sequential" */
    struct shape input;     /* of one image */
    const struct summary_row *rows;
    int count;
    long long trainable, non_trainable; /* parameters */
};

/* The table of Keras 2 (TensorFlow 2.7 to 2.12), 65 columns wide; every line ends with a newline. */
void summary_keras2(const struct summary *summary, struct text *text);

/* The table of Keras 3 for a terminal of that many columns (80 where there is none); fewer than 20 count as 20.
 * Parameters count 4 bytes each in its sizes. */
void summary_keras3(const struct summary *summary, int terminal_width, struct text *text);

/* A plain table of what each layer costs an image (multiplications, receptive field, bytes of activations) with
 * totals, then the warnings. */
void summary_cost(const struct summary *summary, struct text *text);

/* The same table, to be written; `with_types` adds the layers' classes. */
struct table;
void summary_cost_table(const struct summary *summary, bool with_types, struct table *table);

/* The warnings alone, a line each ("Warning: max_pooling2d drops the last row ..."); nothing where there are none. */
void summary_warnings(const struct summary *summary, struct text *text);

/* {"name", "input_shape", "layers": [{"name", "class_name", "output_shape", "parameters", "multiplications",
 * "activation_bytes", "receptive_field", "note"}], "parameters", "trainable_parameters", ...}. A receptive field of
 * the whole input is null. A layer inside of a block has its "depth", too. The caller frees it with cJSON_Delete; NULL
 * without memory. */
cJSON *summary_json(const struct summary *summary);

#endif
