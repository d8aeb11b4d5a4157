/* What the documents about a comparison have in common: tables, and the sentences about them. Each of the tables'
 * functions fills an empty table, which its writer frees; sentences are plain text. */
#ifndef CNNTRAIN_CORE_REPORT_COMPARISON_TABLES_H
#define CNNTRAIN_CORE_REPORT_COMPARISON_TABLES_H

#include "core/report/comparison.h"
#include "core/report/table.h"

/* "18 of 18 runs done: 6 combinations, each with 3 seeds (1, 2, 3)." */
void comparison_progress(const struct comparison *comparison, struct text *text);

/* The row with the highest mean test accuracy; -1: none has any. */
int comparison_best_row(const struct comparison *comparison);
/* Which combination is best, and than which others significantly, as the document writes names. */
struct comparison_words {
    void (*escape)(const char *string, struct text *text);
    const char *strong, *strong_end;
};
void comparison_verdict(const struct comparison *comparison, const struct comparison_words *words, struct text *text);

void comparison_results_table(const struct comparison *comparison, struct table *table);
/* Not where no run was tested, nor where there are more combinations than a table has columns. */
bool comparison_has_classes_table(const struct comparison *comparison);
void comparison_classes_table(const struct comparison *comparison, struct table *table);
/* The pairs that a test was made of; where there is none, comparison_untested says why. */
int comparison_tested_pairs(const struct comparison *comparison);
void comparison_pairs_table(const struct comparison *comparison, struct table *table);
const char *comparison_untested(const struct comparison *comparison);
/* Every run, with a link to the document `report` in its folder. */
void comparison_runs_table(const struct comparison *comparison, const char *report, struct table *table);

extern const char comparison_results_note[], comparison_classes_note[], comparison_pairs_note[];

/* How intervals and tests were made. */
bool comparison_has_method(const struct comparison *comparison);
void comparison_method(const struct comparison *comparison, struct text *text);

#endif
