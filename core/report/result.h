/* The result of one run: what metrics.json holds. */
#ifndef CNNTRAIN_CORE_REPORT_RESULT_H
#define CNNTRAIN_CORE_REPORT_RESULT_H

#include <cJSON.h>

#include "core/error.h"
#include "core/memory.h"

enum { RESULT_VERSIONS_MAX = 12 };

enum run_status {
    RUN_FINISHED,    /* all epochs, or stopped early by a callback */
    RUN_INTERRUPTED, /* by the user; can be resumed */
    RUN_NOT_FINITE,  /* the loss became NaN or infinite */
    RUN_FAILED,      /* any other error */
};

/* How one class fared on the test set. A ratio is NAN where it has nothing to divide by. */
struct class_result {
    const char *name;
    long long images; /* of this class in the test set */
    double precision, recall, f1;
};

/* A component and its version: {"cnntrain", "0.1.0"}, {"compiler", "gcc 12.2.0"}. */
struct result_version {
    const char *name, *version;
};

/* Numbers that were not measured (no validation, no test) are NAN, texts NULL, counts 0. Losses and accuracies are
 * means over images, accuracies 0 to 1. Strings and arrays belong to whoever filled the struct; what run_result_read
 * fills belongs to `memory`. Start from run_result_empty(). */
struct run_result {
    const char *name;        /* the config's name: "sep_max" */
    const char *config_path; /* the file it was read from */
    const char *data;        /* the data source: "svhn:data/svhn" */
    const char *kernel;      /* the instruction set of the kernels: "avx512" */
    enum run_status status;
    const char *message; /* why the run did not finish */

    long long seed;
    int threads, batch_size;
    int epochs;     /* run */
    int best_epoch; /* from 1; 0: not known */
    long long train_images, validation_images, test_images;
    long long parameters, trainable_parameters;
    double multiplications; /* of one image, forward */

    /* After the last epoch, or of the restored weights where a callback restored the best. */
    double train_loss, train_accuracy;
    double validation_loss, validation_accuracy;
    double test_loss, test_accuracy;
    double test_low, test_high; /* 95 % interval of the test accuracy */

    double seconds, seconds_per_epoch; /* training, wall clock */
    double images_per_second;          /* training */
    long long peak_memory_bytes;

    int class_count;
    const struct class_result *classes; /* (class_count); NULL: no test */
    int version_count;
    struct result_version versions[RESULT_VERSIONS_MAX];

    struct arena memory; /* what run_result_read allocated */
};

/* A result with nothing measured. */
struct run_result run_result_empty(void);
/* Frees what run_result_read allocated, nothing of the caller's. */
void run_result_free(struct run_result *result);

/* The document of metrics.json; absent values are null. The caller frees it with cJSON_Delete; NULL without memory. */
cJSON *run_result_json(const struct run_result *result);
/* Replaces the file `path` (metrics.json) in one move. Fails with ERROR_IO or ERROR_RUN. */
int run_result_write(const struct run_result *result, const char *path, struct error *error);
/* Reads such a file. Missing or null values stay absent and unknown keys are ignored; a value of the wrong type or out
 * of its range, or a document without name and status, is ERROR_DATA. Free the result with run_result_free. */
int run_result_read(const char *path, struct run_result *result, struct error *error);

/* "finished", "interrupted", "not finite", "failed". */
const char *run_status_name(enum run_status status);

#endif
