/* The comparison of several combinations (configs), each run with the same seeds: what `experiments` reports. */
#ifndef CNNTRAIN_CORE_REPORT_COMPARISON_H
#define CNNTRAIN_CORE_REPORT_COMPARISON_H

#include <stdbool.h>

#include "core/error.h"
#include "core/predictions.h"
#include "core/report/result.h"
#include "core/text.h"

/* One run of the batch. */
struct comparison_run {
    const struct run_result *result;       /* NULL: not run yet */
    const struct predictions *predictions; /* on the test set; NULL: none */
};

/* The batch; it owns nothing. Runs that are pending, interrupted or failed may be among them. */
struct comparison_input {
    const char *name;                  /* of the experiment */
    const char *command;               /* what repeats it; NULL: not printed */
    const char *const *names;          /* (combinations), in the order of the configs */
    const long long *seeds;            /* (seed_count) */
    int combinations, seed_count;      /* 0 is allowed */
    const struct comparison_run *runs; /* (combinations, seed_count): all seeds of a combination together */
};

enum interval_kind {
    INTERVAL_NONE,
    INTERVAL_STUDENT, /* over seeds: two or more runs */
    INTERVAL_WILSON,  /* over test images: one run */
};

/* A quantity over the finished runs of one combination. */
struct estimate {
    int count;        /* runs that have it */
    double mean;      /* NAN where count is 0 */
    double deviation; /* of the sample (n-1); NAN where count is below 2 */
    double low, high; /* 95 % interval, NAN without one; an accuracy's is kept within 0 to 1 */
    enum interval_kind interval;
};

struct comparison_row {
    const char *name;
    int finished;           /* runs */
    long long parameters;   /* of the first run there is; -1: none yet */
    double multiplications; /* an image; NAN: none yet */
    struct estimate train_accuracy, validation_accuracy, test_accuracy, test_loss;
    struct estimate seconds_per_epoch, images_per_second;
    double *class_accuracy; /* (class_count) mean share of a class's test images answered rightly; NAN: none */
};

/* Two combinations on the same test images: McNemar's test by seed, pooled over the seeds both have finished. */
struct comparison_pair {
    int a, b;               /* indices of rows, a < b */
    int seeds;              /* common ones; 0: not comparable (yet) */
    long long only_a_right; /* images, summed over the seeds: a right and b wrong */
    long long only_b_right;
    double p;      /* min(1, twice the median over seeds), or the p of a single seed; NAN where seeds is 0 */
    double p_holm; /* after Holm's correction over all pairs that have a p */
    int better;    /* a or b where the difference is significant at 5 %; -1: no difference shown */
};

struct comparison {
    const struct comparison_input *input; /* must outlive this */
    int finished, total;                  /* runs */
    struct comparison_row *rows;          /* (input->combinations) */
    int pair_count;
    struct comparison_pair *pairs;
    int class_count;
    const char *const *class_names; /* (class_count) */
    struct arena memory;            /* owns the arrays above */
};

/* Computes everything there is to say about `input`. Only finished runs count. Fails with ERROR_RUN without memory and
 * with ERROR_DATA where finished runs of the batch disagree about the number of classes. */
int comparison_make(const struct comparison_input *input, struct comparison *comparison, struct error *error);
void comparison_free(struct comparison *comparison);

/* Writes the comparison in every format of core/report/formats.def into the folder, each file in one move. */
int comparison_write(const struct comparison *comparison, const char *folder, struct error *error);

/* The formats' writers; each adds a whole document to `text`. */
void comparison_csv(const struct comparison *comparison, struct text *text);      /* a row a finished run, RFC 4180 */
void comparison_json(const struct comparison *comparison, struct text *text);     /* everything */
void comparison_markdown(const struct comparison *comparison, struct text *text); /* for readers */

/* The closing table for a terminal: aligned columns, a row a combination. */
void comparison_table(const struct comparison *comparison, struct text *text);

#endif
