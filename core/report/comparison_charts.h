/* The charts of a comparison, in its page and as files of their own: accuracy.svg and curves.svg. */
#ifndef CNNTRAIN_CORE_REPORT_COMPARISON_CHARTS_H
#define CNNTRAIN_CORE_REPORT_COMPARISON_CHARTS_H

#include "core/report/comparison.h"

/* Whether there is a test accuracy, and whether a run has a history. */
bool comparison_has_accuracy(const struct comparison *comparison);
bool comparison_has_curves(const struct comparison *comparison);

/* Figures of a page. Memory that runs out shows in `text`. */
void comparison_accuracy_charts(const struct comparison *comparison, struct text *text);
void comparison_curve_charts(const struct comparison *comparison, struct text *text);
/* A heat map of the classes' accuracies. */
void comparison_classes_chart(const struct comparison *comparison, struct text *text);

#endif
