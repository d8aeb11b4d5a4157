/* The comparison of several combinations (configs), each run with the same seeds: what `experiments` reports. */
#ifndef CNNTRAIN_CORE_REPORT_COMPARISON_H
#define CNNTRAIN_CORE_REPORT_COMPARISON_H

#include <stdbool.h>

#include "core/error.h"
#include "core/history.h"
#include "core/predictions.h"
#include "core/report/result.h"
#include "core/text.h"

/* One run of the batch. */
struct comparison_run {
    const struct run_result *result;       /* NULL: not run yet */
    const struct predictions *predictions; /* on the test set; NULL: none */
    const struct history *history;         /* NULL: none */
    const char *folder;                    /* with its report, within the folder of the comparison; NULL: no link */
};

enum { COMPARISON_COMBINATIONS_MAX = 1000, COMPARISON_SEEDS_MAX = 1000 };

/* The batch; it owns nothing. Runs that are pending, interrupted or failed may be among them. */
struct comparison_input {
    const char *name;                  /* of the experiment */
    const char *command;               /* what repeats it; NULL: not printed */
    const char *const *names;          /* (combinations), in the order of the configs */
    const long long *seeds;            /* (seed_count) */
    int combinations, seed_count;      /* 0 is allowed */
    const struct comparison_run *runs; /* (combinations, seed_count): all seeds of a combination together */
};

/* The run of a combination with a seed, both by index. */
const struct comparison_run *comparison_run_at(const struct comparison_input *input, int combination, int seed);

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
    int finished, failed, total;          /* runs; the rest is pending */
    struct comparison_row *rows;          /* (input->combinations) */
    int pair_count;
    struct comparison_pair *pairs;
    int class_count;                    /* 0: no run was tested, or the runs do not have the same classes */
    const struct class_result *classes; /* (class_count): their names, from a finished run */
    struct arena memory;                /* owns the arrays above */
};

/* Computes everything there is to say about `input`. Only finished runs count. Fails with ERROR_RUN without memory
 * and with ERROR_CONFIG for more combinations or seeds than the limits above. */
int comparison_make(const struct comparison_input *input, struct comparison *comparison, struct error *error);
void comparison_free(struct comparison *comparison);

/* Writes the comparison in every format of core/report/formats.def into the folder, each file in one move. */
int comparison_write(const struct comparison *comparison, const char *folder, struct error *error);

/* The formats' writers, declared from the list: each adds a whole document to `text`. results.csv has a row for every
 * finished run and every run that failed, the latter with empty cells; results.json has everything. */
#define RUN_FORMAT(file, writer)
#define COMPARISON_FORMAT(file, writer) void writer(const struct comparison *comparison, struct text *text);
#include "core/report/formats.def"
#undef RUN_FORMAT
#undef COMPARISON_FORMAT

/* The closing table for a terminal: aligned columns, a row a combination. */
void comparison_table(const struct comparison *comparison, struct text *text);

#endif
