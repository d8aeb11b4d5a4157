/* The report of one run, in every format of core/report/formats.def. */
#ifndef CNNTRAIN_CORE_REPORT_RUN_REPORT_H
#define CNNTRAIN_CORE_REPORT_RUN_REPORT_H

#include "core/error.h"
#include "core/history.h"
#include "core/metrics.h"
#include "core/model.h"
#include "core/predictions.h"
#include "core/report/result.h"
#include "core/report/summary.h"
#include "core/text.h"

/* What a report is made of; it owns nothing. Whatever is NULL is left out. */
struct run_report {
    const struct run_result *result; /* never NULL */
    const struct summary *summary;
    const struct history *history;
    const struct confusion *confusion; /* of the test set, classes as in result; NULL: no test */
    const char *command;               /* what repeats the run: "cnntrain train --config runs/sep_max/config.json" */
    const char *config;                /* the resolved config, as JSON */
    const struct model *model;         /* with its weights */
    const struct data_splits *splits;
    const struct predictions *predictions; /* on splits->test, whose count it has */
};

/* Writes the report in every format into the run's folder, each file in one move; the file of a format that has nothing
 * to show is removed. The first error ends it. */
int run_report_write(const struct run_report *report, const char *folder, struct error *error);

/* The formats' writers, declared from the list: each adds a whole document to `text`, or nothing. */
#define RUN_FORMAT(file, writer) void writer(const struct run_report *report, struct text *text);
#define COMPARISON_FORMAT(file, writer)
#include "core/report/formats.def"
#undef RUN_FORMAT
#undef COMPARISON_FORMAT

#endif
