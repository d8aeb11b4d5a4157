#include "core/report/run_pictures.h"

#include <stdlib.h>
#include <string.h>

#include "core/report/maps.h"

enum { KERNELS_MAX = 256, RIGHT_SHOWN = 12 };

const char run_mistakes_note[] =
    "Wrong answers on test images, those given with the largest probability first: labels that are wrong, and what the "
    "model does not see.";

struct visual_classes run_classes(const struct run_report *report) {
    const struct data_splits *splits = report->splits;
    if (!splits) return (struct visual_classes){0};
    return (struct visual_classes){splits->classes, splits->class_names ? splits->classes : 0, splits->class_names};
}

/* Samples */

static const struct predictions *answers_of(const struct run_report *report) {
    bool same = report->predictions && report->splits && report->predictions->count == report->splits->test.count;
    return same ? report->predictions : NULL;
}

void run_find_mistakes(const struct run_report *report, struct run_samples *samples) {
    const struct predictions *answers = answers_of(report);
    samples->count = answers ? visual_find_mistakes(answers, RUN_SAMPLES_MAX, samples->images) : 0;
}

void run_find_right(const struct run_report *report, struct run_samples *samples) {
    const struct predictions *answers = answers_of(report);
    int64_t right = 0, seen = 0;
    samples->count = 0;
    for (int64_t i = 0; answers && i < answers->count; i++) right += answers->predicted[i] == answers->labels[i];
    int64_t wanted = right < RIGHT_SHOWN ? right : RIGHT_SHOWN;
    for (int64_t i = 0; answers && i < answers->count; i++) {
        if (answers->predicted[i] != answers->labels[i]) continue;
        if (samples->count < wanted && seen == samples->count * right / wanted) samples->images[samples->count++] = i;
        seen++;
    }
}

int run_image(const struct dataset *dataset, int64_t index, int side_max, struct picture *picture,
              struct error *error) {
    if (visual_image(dataset, index, picture, error) != 0) return -1;
    int longer = picture->height > picture->width ? picture->height : picture->width;
    return longer > side_max ? visual_resize(picture, side_max, error) : 0;
}

/* Kernels */

static const struct layer *first_with_kernels(const struct model *model, int *parameter) {
    for (int i = 0; model && model->parameters && i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++) {
            if (model->layers[i].parameters[k].shape.rank != 4) continue;
            *parameter = k;
            return &model->layers[i];
        }
    return NULL;
}

struct run_kernels run_find_kernels(const struct model *model) {
    int index = 0;
    const struct layer *layer = first_with_kernels(model, &index);
    if (!layer) return (struct run_kernels){0};
    const struct parameter *parameter = &layer->parameters[index];
    const int *size = parameter->shape.size;
    struct run_kernels kernels = {.layer = layer,
                                  .values = model_parameter(model, layer, index),
                                  .height = size[0],
                                  .width = size[1],
                                  .channels = size[2],
                                  .filters = size[3]};
    /* A depthwise layer's filters look at one channel each, and have no colour. */
    bool sees_all = layer->output.size[2] == size[3] && strcmp(parameter->name, "kernel") == 0;
    kernels.is_color = kernels.channels == 3 && sees_all;
    kernels.total = kernels.is_color ? kernels.filters : kernels.channels * kernels.filters;
    kernels.count = kernels.total < KERNELS_MAX ? kernels.total : KERNELS_MAX;
    return kernels;
}

int run_draw_kernels(const struct run_kernels *kernels, struct picture *picture, struct error *error) {
    enum { SHOWN_SIDE = 30, COLUMNS = 16 };
    int longest = kernels->height > kernels->width ? kernels->height : kernels->width;
    int columns = kernels->count < COLUMNS ? kernels->count : COLUMNS;
    const struct map_grid grid = {.values = kernels->values,
                                  .height = kernels->height,
                                  .width = kernels->width,
                                  .stride = (size_t)kernels->channels * (size_t)kernels->filters,
                                  .columns = columns,
                                  .count = kernels->count,
                                  .right = 1,
                                  .down = (size_t)columns,
                                  .colors = kernels->is_color ? (size_t)kernels->filters : 0,
                                  .around_zero = true,
                                  .scale = MAP_SCALE_ALL,
                                  .palette = PICTURE_DIVERGING,
                                  .enlarge = picture_enlargement(longest, SHOWN_SIDE),
                                  .framed = true};
    return maps_picture(&grid, picture, error);
}

/* mistakes.png */

static int draw_mistakes(const struct run_report *report, const struct run_samples *samples, struct text *text,
                         struct error *error) {
    struct visual_classes classes = run_classes(report);
    struct album album = {0};
    struct picture picture = {0};
    char *bytes = NULL;
    size_t length = 0;
    int status = visual_mistakes(&album, &report->splits->test, report->predictions, samples->images, samples->count,
                                 &classes, error);
    if (status == 0) status = album_bind(&album, &picture, error);
    if (status == 0) status = picture_encode(&picture, &bytes, &length, error);
    if (status == 0) text_add_bytes(text, bytes, length);
    album_free(&album);
    picture_free(&picture);
    free(bytes);
    return status;
}

void run_report_mistakes(const struct run_report *report, struct text *text) {
    struct run_samples samples;
    struct error error = {0};
    run_find_mistakes(report, &samples);
    if (samples.count > 0 && draw_mistakes(report, &samples, text, &error) != 0) text->failed = true;
}
