/* Images in grids: the worst mistakes, and a contact sheet of a data set. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/report/visual.h"

enum { MISTAKE_SIDE = 160, SHEET_SIDE = 64, MISTAKE_COLUMNS = 6, LABEL_SIZE = 3 * VISUAL_NAME_SIZE };

/* Images of a grid with their labels. */
struct sheet {
    int count;
    struct picture *pictures;   /* (count) */
    struct picture_cell *cells; /* (count) */
    char (*labels)[LABEL_SIZE]; /* (count) */
};

static int open_sheet(struct sheet *sheet, int count, struct error *error) {
    const size_t size = (size_t)count;
    *sheet = (struct sheet){count, calloc(size, sizeof *sheet->pictures), calloc(size, sizeof *sheet->cells),
                            calloc(size, sizeof *sheet->labels)};
    if (sheet->pictures && sheet->cells && sheet->labels) return 0;
    return error_set(error, ERROR_RUN, NULL, "not enough memory for a sheet of %d images", count);
}

static void close_sheet(struct sheet *sheet) {
    for (int i = 0; sheet->pictures && i < sheet->count; i++) picture_free(&sheet->pictures[i]);
    free(sheet->pictures);
    free(sheet->cells);
    free(sheet->labels);
}

static int put_image(struct sheet *sheet, int at, const struct dataset *dataset, int64_t sample, int side,
                     struct error *error) {
    sheet->cells[at] = (struct picture_cell){&sheet->pictures[at], sheet->labels[at]};
    if (visual_image(dataset, sample, &sheet->pictures[at], error) != 0) return -1;
    return visual_resize(&sheet->pictures[at], side, error);
}

/* ---- mistakes ---- */

static bool is_worse(const struct predictions *predictions, int64_t a, int64_t b) {
    const float p = predictions->probabilities[a], q = predictions->probabilities[b];
    return p > q || (p == q && a < b);
}

int visual_find_mistakes(const struct predictions *predictions, int most, int64_t *samples) {
    int count = 0;
    for (int64_t i = 0; i < predictions->count; i++) {
        if (predictions->labels[i] == predictions->predicted[i] || isnan(predictions->probabilities[i])) continue;
        if (count == most && (most == 0 || !is_worse(predictions, i, samples[most - 1]))) continue;
        int at = count < most ? count++ : most - 1;
        for (; at > 0 && is_worse(predictions, i, samples[at - 1]); at--) samples[at] = samples[at - 1];
        samples[at] = i;
    }
    return count;
}

static int64_t count_mistakes(const struct predictions *predictions) {
    int64_t count = 0;
    for (int64_t i = 0; i < predictions->count; i++) count += predictions->labels[i] != predictions->predicted[i];
    return count;
}

static int draw_mistakes(struct album_page *page, struct sheet *sheet, const struct dataset *dataset,
                         const struct predictions *predictions, const int64_t *samples,
                         const struct visual_classes *classes, struct error *error) {
    for (int i = 0; i < sheet->count; i++) {
        char label[VISUAL_NAME_SIZE], predicted[VISUAL_NAME_SIZE];
        const int64_t sample = samples[i];
        if (put_image(sheet, i, dataset, sample, MISTAKE_SIDE, error) != 0) return -1;
        snprintf(sheet->labels[i], sizeof sheet->labels[i], "is %s\nsays %s\n%.1f %%   no. %lld",
                 visual_class_name(classes, predictions->labels[sample], label),
                 visual_class_name(classes, predictions->predicted[sample], predicted),
                 100 * (double)predictions->probabilities[sample], (long long)sample);
    }
    const struct picture_grid grid = {.cells = sheet->cells,
                                      .count = sheet->count,
                                      .columns = MISTAKE_COLUMNS,
                                      .enlarge = 1,
                                      .gap = 20,
                                      .label_width = 200};
    return picture_from_grid(&grid, &page->picture, error);
}

int visual_mistakes(struct album *album, const struct dataset *dataset, const struct predictions *predictions,
                    const int64_t *samples, int count, const struct visual_classes *classes, struct error *error) {
    const int64_t mistakes = count_mistakes(predictions);
    struct sheet sheet;
    struct album_page *page = album_add(album, error);
    if (!page) return -1;
    snprintf(page->title, sizeof page->title, count ? "The most confident mistakes" : "No mistakes");
    album_note(page, "%lld of %lld images are taken for another class", (long long)mistakes,
               (long long)predictions->count);
    if (count < mistakes) album_note(page, "; these %d with the most certainty", count);
    if (count == 0) return 0;
    int status = open_sheet(&sheet, count, error);
    if (status == 0) status = draw_mistakes(page, &sheet, dataset, predictions, samples, classes, error);
    close_sheet(&sheet);
    return status;
}

/* ---- contact sheet ---- */

/* Number `wanted` of the class' images, -1 where there are fewer. */
struct class_images {
    int64_t *counts; /* (classes) */
    int64_t *chosen; /* (classes, per_class): samples, -1: none */
};

/* Of n images of a class those at the places (2 i + 1) n / (2 k): from all over, and no two alike. */
static int64_t wanted_place(int64_t count, int i, int per_class) {
    if (count <= per_class) return i;
    return (2 * (int64_t)i + 1) * count / (2 * (int64_t)per_class);
}

static void choose_images(const struct dataset *dataset, int classes, int per_class, struct class_images *images) {
    int64_t *seen = images->counts + classes;
    int *next = (int *)(void *)(seen + classes);
    for (int64_t i = 0; i < dataset->count; i++) images->counts[dataset->labels[i]]++;
    for (int64_t i = 0; i < (int64_t)classes * per_class; i++) images->chosen[i] = -1;
    for (int64_t i = 0; i < dataset->count; i++) {
        const int label = dataset->labels[i];
        if (next[label] < per_class && seen[label]++ == wanted_place(images->counts[label], next[label], per_class))
            images->chosen[(size_t)label * (size_t)per_class + (size_t)next[label]++] = i;
    }
}

static int draw_rows(struct album_page *page, const struct dataset *dataset, const struct visual_classes *classes,
                     int per_class, const struct class_images *images, struct sheet *sheet, struct error *error) {
    const char **rows = calloc((size_t)classes->count, sizeof *rows);
    if (!rows) return error_set(error, ERROR_RUN, NULL, "not enough memory for a sheet");
    int status = 0;
    for (int i = 0; i < sheet->count && status == 0; i++)
        if (images->chosen[i] >= 0) status = put_image(sheet, i, dataset, images->chosen[i], SHEET_SIDE, error);
    for (int k = 0; k < classes->count; k++) {
        /* A row's label is kept where its first image's would be: a sheet's images have none. */
        char name[VISUAL_NAME_SIZE], *row = sheet->labels[(size_t)k * (size_t)per_class];
        snprintf(row, LABEL_SIZE, "%s\n%lld", visual_class_name(classes, k, name), (long long)images->counts[k]);
        rows[k] = row;
    }
    for (int i = 0; i < sheet->count; i++) sheet->cells[i].label = NULL;
    const struct picture_grid grid = {
        .cells = sheet->cells, .count = sheet->count, .columns = per_class, .enlarge = 1, .gap = 6, .row_labels = rows};
    if (status == 0) status = picture_from_grid(&grid, &page->picture, error);
    free(rows);
    return status;
}

int visual_sheet(struct album *album, const struct dataset *dataset, const struct visual_classes *classes,
                 int per_class, struct error *error) {
    const size_t count = (size_t)classes->count;
    struct album_page *page = album_add(album, error);
    if (!page) return -1;
    struct class_images images = {memory_allocate(count, 2 * sizeof(int64_t) + sizeof(int), "a sheet", error),
                                  memory_allocate(count * (size_t)per_class, sizeof(int64_t), "a sheet", error)};
    struct sheet sheet = {0};
    int status = images.counts && images.chosen ? open_sheet(&sheet, classes->count * per_class, error) : -1;
    if (status == 0) {
        choose_images(dataset, classes->count, per_class, &images);
        status = draw_rows(page, dataset, classes, per_class, &images, &sheet, error);
    }
    close_sheet(&sheet);
    free(images.counts);
    free(images.chosen);
    return status;
}
