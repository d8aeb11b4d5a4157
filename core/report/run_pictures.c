#include "core/report/run_pictures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KERNELS_MAX = 256, PICTURE_SIDE = 96, RIGHT_SHOWN = 12 };

const char run_mistakes_note[] =
    "Wrong answers on test images, those given with the largest probability first: labels that are wrong, and what the "
    "model does not see.";

const char *run_class_name(const struct run_report *report, int class_index, char buffer[RUN_CLASS_SIZE]) {
    const struct run_result *result = report->result;
    const struct data_splits *splits = report->splits;
    if (result->classes && class_index < result->class_count) return result->classes[class_index].name;
    if (splits && splits->class_names && class_index < splits->classes) return splits->class_names[class_index];
    snprintf(buffer, RUN_CLASS_SIZE, "%d", class_index);
    return buffer;
}

/* Samples */

static const struct predictions *answers_of(const struct run_report *report) {
    bool same = report->predictions && report->splits && report->predictions->count == report->splits->test.count;
    return same ? report->predictions : NULL;
}

void run_find_mistakes(const struct run_report *report, struct run_samples *samples) {
    const struct predictions *answers = answers_of(report);
    samples->count = 0;
    for (int64_t i = 0; answers && i < answers->count; i++) {
        float probability = answers->probabilities[i];
        bool full = samples->count == RUN_SAMPLES_MAX;
        if (answers->predicted[i] == answers->labels[i]) continue;
        if (full && answers->probabilities[samples->images[RUN_SAMPLES_MAX - 1]] >= probability) continue;
        int at = full ? RUN_SAMPLES_MAX - 1 : samples->count++;
        for (; at > 0 && answers->probabilities[samples->images[at - 1]] < probability; at--)
            samples->images[at] = samples->images[at - 1];
        samples->images[at] = i;
    }
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

/* Images */

/* The sides of an image within `side_max`, their ratio kept. */
static void fit_sides(const struct dataset *dataset, int side_max, int *height, int *width) {
    int longest = dataset->height > dataset->width ? dataset->height : dataset->width;
    *height = dataset->height;
    *width = dataset->width;
    if (longest <= side_max) return;
    *height = (int)((long long)dataset->height * side_max / longest);
    *width = (int)((long long)dataset->width * side_max / longest);
    if (*height < 1) *height = 1;
    if (*width < 1) *width = 1;
}

/* A value of a data set's image, as a float. */
static float value_at(const struct dataset *dataset, const void *image, size_t at) {
    return dataset->type == PIXEL_UINT8 ? (float)((const uint8_t *)image)[at] : ((const float *)image)[at];
}

/* The mean of channel `c` over the part of the image that becomes cell (y, x) of (height, width). */
static float mean_of_part(const struct dataset *dataset, const void *image, int y, int x, int height, int width,
                          int c) {
    int top = (int)((long long)y * dataset->height / height), left = (int)((long long)x * dataset->width / width);
    int bottom = (int)((long long)(y + 1) * dataset->height / height);
    int right = (int)((long long)(x + 1) * dataset->width / width);
    double sum = 0;
    for (int row = top; row < bottom; row++)
        for (int column = left; column < right; column++)
            sum += (double)value_at(
                dataset, image,
                ((size_t)row * (size_t)dataset->width + (size_t)column) * (size_t)dataset->channels + (size_t)c);
    return (float)(sum / ((double)(bottom - top) * (right - left)));
}

int run_image(const struct dataset *dataset, int64_t index, int side_max, struct picture *picture,
              struct error *error) {
    const char *image = (const char *)dataset->pixels + (size_t)index * dataset_image_bytes(dataset);
    int height, width, channels = dataset->channels;
    fit_sides(dataset, side_max, &height, &width);
    size_t cells = (size_t)height * (size_t)width, at = 0;
    float *values = memory_allocate(cells * (size_t)channels, sizeof *values, "a picture", error);
    if (!values) return -1;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++) values[at++] = mean_of_part(dataset, image, y, x, height, width, c);
    struct picture_range range = {0, 255};
    if (dataset->type == PIXEL_FLOAT32) range = picture_range_of(values, at, 1);
    const struct picture_map map = {values, height, width, (size_t)channels};
    int status = channels >= 3 ? picture_from_rgb_map(&map, 1, range, picture, error)
                               : picture_from_map(&map, PICTURE_GRAY, range, picture, error);
    free(values);
    return status;
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

static int draw_each(const struct run_kernels *kernels, struct picture *pictures, struct error *error) {
    size_t stride = (size_t)kernels->channels * (size_t)kernels->filters;
    size_t cells = (size_t)kernels->height * (size_t)kernels->width;
    struct picture_range range = picture_range_around_zero(picture_range_of(kernels->values, cells * stride, 1));
    for (int i = 0; i < kernels->count; i++) {
        const struct picture_map map = {kernels->values + i, kernels->height, kernels->width, stride};
        int status = kernels->is_color
                         ? picture_from_rgb_map(&map, (size_t)kernels->filters, range, &pictures[i], error)
                         : picture_from_map(&map, PICTURE_DIVERGING, range, &pictures[i], error);
        if (status != 0) return -1;
    }
    return 0;
}

int run_draw_kernels(const struct run_kernels *kernels, struct picture *picture, struct error *error) {
    enum { SHOWN_SIDE = 30, COLUMNS = 16 };
    struct picture pictures[KERNELS_MAX] = {0};
    struct picture_cell cells[KERNELS_MAX] = {0};
    int longest = kernels->height > kernels->width ? kernels->height : kernels->width;
    int status = draw_each(kernels, pictures, error);
    for (int i = 0; i < kernels->count; i++) cells[i].picture = &pictures[i];
    const struct picture_grid grid = {.cells = cells,
                                      .count = kernels->count,
                                      .columns = kernels->count < COLUMNS ? kernels->count : COLUMNS,
                                      .enlarge = picture_enlargement(longest, SHOWN_SIDE)};
    if (status == 0) status = picture_from_grid(&grid, picture, error);
    for (int i = 0; i < kernels->count; i++) picture_free(&pictures[i]);
    return status;
}

/* mistakes.png */

static void label_cell(const struct run_report *report, int64_t image, char label[PICTURE_LABEL_SIZE]) {
    const struct predictions *answers = report->predictions;
    char predicted[RUN_CLASS_SIZE], real[RUN_CLASS_SIZE];
    snprintf(label, PICTURE_LABEL_SIZE, "%.40s %.1f %%\nis %.40s",
             run_class_name(report, answers->predicted[image], predicted), 100 * (double)answers->probabilities[image],
             run_class_name(report, answers->labels[image], real));
}

static int draw_mistakes(const struct run_report *report, const struct run_samples *samples, struct text *text,
                         struct error *error) {
    struct picture pictures[RUN_SAMPLES_MAX] = {0}, all = {0};
    struct picture_cell cells[RUN_SAMPLES_MAX] = {0};
    char labels[RUN_SAMPLES_MAX][PICTURE_LABEL_SIZE], *bytes = NULL;
    size_t length = 0;
    int status = 0;
    for (int i = 0; i < samples->count && status == 0; i++) {
        status = run_image(&report->splits->test, samples->images[i], PICTURE_SIDE, &pictures[i], error);
        label_cell(report, samples->images[i], labels[i]);
        cells[i] = (struct picture_cell){&pictures[i], labels[i]};
    }
    const struct picture_grid grid = {.cells = cells, .count = samples->count, .columns = 6};
    struct picture sheet = {0};
    if (status == 0) status = picture_from_grid(&grid, &all, error);
    const struct picture_part part = {"Most confident mistakes", "what it was taken for, with its probability", &all};
    if (status == 0) status = picture_stack(&part, 1, &sheet, error);
    if (status == 0) status = picture_encode(&sheet, &bytes, &length, error);
    if (status == 0) text_add_bytes(text, bytes, length);
    for (int i = 0; i < samples->count; i++) picture_free(&pictures[i]);
    picture_free(&all);
    picture_free(&sheet);
    free(bytes);
    return status;
}

void run_report_mistakes(const struct run_report *report, struct text *text) {
    struct run_samples samples;
    struct error error = {0};
    run_find_mistakes(report, &samples);
    if (samples.count > 0 && draw_mistakes(report, &samples, text, &error) != 0) text->failed = true;
}
