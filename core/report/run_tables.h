/* What the documents about one run have in common: tables, and the sentences that explain them. Each function fills an
 * empty table, which its writer frees. */
#ifndef CNNTRAIN_CORE_REPORT_RUN_TABLES_H
#define CNNTRAIN_CORE_REPORT_RUN_TABLES_H

#include "core/report/run_report.h"
#include "core/report/table.h"

void run_facts_table(const struct run_result *result, struct table *table);
void run_splits_table(const struct run_result *result, struct table *table);
void run_history_table(const struct history *history, struct table *table);
void run_classes_table(const struct run_result *result, struct table *table);
/* The most frequent mistakes, at most `most` of them; the classes' names are the result's. */
enum { RUN_CONFUSIONS_MAX = 20 };
void run_confusions_table(const struct run_result *result, const struct confusion *confusion, int most,
                          struct table *table);

extern const char run_splits_note[], run_classes_note[], run_interval_note[];

/* Whether the matrix belongs to the result's classes. */
bool run_has_confusion(const struct run_report *report);
int64_t run_confusion_at(const struct confusion *confusion, int label, int prediction);

#endif
