/* The report of one run, in every format of core/report/formats.def. */
#ifndef CNNTRAIN_CORE_REPORT_RUN_REPORT_H
#define CNNTRAIN_CORE_REPORT_RUN_REPORT_H

#include "core/error.h"
#include "core/history.h"
#include "core/metrics.h"
#include "core/report/result.h"
#include "core/report/summary.h"
#include "core/text.h"

/* What a report is made of; it owns nothing. */
struct run_report {
    const struct run_result *result;
    const struct summary *summary;     /* NULL: none */
    const struct history *history;     /* NULL: none */
    const struct confusion *confusion; /* of the test set, classes as in result; NULL: no test */
    const char *command;               /* what repeats the run: "cnntrain train --config runs/sep_max/config.json" */
};

/* Writes the report in every format into the run's folder, each file in one move. The first error ends it. */
int run_report_write(const struct run_report *report, const char *folder, struct error *error);

/* The formats' writers, declared from the list: each adds a whole document to `text`. */
#define RUN_FORMAT(file, writer) void writer(const struct run_report *report, struct text *text);
#define COMPARISON_FORMAT(file, writer)
#include "core/report/formats.def"
#undef RUN_FORMAT
#undef COMPARISON_FORMAT

#endif
