/* The part of a run's page that shows images: answers, kernels, the data set. */
#ifndef CNNTRAIN_CORE_REPORT_RUN_HTML_H
#define CNNTRAIN_CORE_REPORT_RUN_HTML_H

#include "core/report/html.h"
#include "core/report/run_pictures.h"

enum { RUN_IMAGES_PARTS = 4 };

/* Which of its sections a run has; returns how many. */
int run_images_parts(const struct run_report *report, struct html_part parts[RUN_IMAGES_PARTS]);
/* The sections. */
void run_images_html(const struct run_report *report, struct text *text);

#endif
