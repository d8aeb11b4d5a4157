/* What a run's documents show as pictures: charts of its history and confusion matrix, images of its test set, kernels.
 * Memory that runs out shows in `text`. */
#ifndef CNNTRAIN_CORE_REPORT_RUN_PICTURES_H
#define CNNTRAIN_CORE_REPORT_RUN_PICTURES_H

#include "core/report/run_report.h"
#include "core/report/visual.h"

/* Test images by number. */
enum { RUN_SAMPLES_MAX = 24 };
struct run_samples {
    int count;
    int64_t images[RUN_SAMPLES_MAX];
};

/* The wrong answers with the largest probabilities, falling; of equal ones the first. None without predictions and
 * images. */
void run_find_mistakes(const struct run_report *report, struct run_samples *samples);
/* Right answers, spread evenly over the test set. */
void run_find_right(const struct run_report *report, struct run_samples *samples);
extern const char run_mistakes_note[];

/* The classes of its data. */
struct visual_classes run_classes(const struct run_report *report);

/* One image of a data set, made smaller where a side is longer than `side_max`. ERROR_RUN. */
int run_image(const struct dataset *dataset, int64_t index, int side_max, struct picture *picture, struct error *error);

/* The kernels of the first layer that has any. */
struct run_kernels {
    const struct layer *layer; /* NULL: there is none */
    const float *values;       /* (height, width, channels, filters) */
    int height, width, channels, filters;
    bool is_color; /* a filter over red, green and blue is one picture; else every channel of a filter is */
    int total;     /* pictures there are */
    int count;     /* pictures that are shown */
};
struct run_kernels run_find_kernels(const struct model *model); /* NULL: none */
/* All that are shown, as a grid. ERROR_RUN. */
int run_draw_kernels(const struct run_kernels *kernels, struct picture *picture, struct error *error);

/* Loss, accuracy and learning rate: parts of a page. `best_epoch` 0: not marked. */
void run_curve_charts(const struct history *history, int best_epoch, struct text *text);

/* A larger matrix is not drawn. */
bool run_confusion_is_drawn(const struct confusion *confusion);
void run_confusion_chart(const struct run_result *result, const struct confusion *confusion, struct text *text);

#endif
