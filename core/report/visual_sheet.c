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
    const struct feed *augmented; /* NULL: images are shown as they are */
    struct picture *pictures;     /* (count) */
    struct picture_cell *cells;   /* (count) */
    char (*labels)[LABEL_SIZE];   /* (count) */
};

static int open_sheet(struct sheet *sheet, int count, struct error *error) {
    const size_t size = (size_t)count;
    *sheet = (struct sheet){.count = count,
                            .pictures = calloc(size, sizeof *sheet->pictures),
                            .cells = calloc(size, sizeof *sheet->cells),
                            .labels = calloc(size, sizeof *sheet->labels)};
    if (sheet->pictures && sheet->cells && sheet->labels) return 0;
    return error_set(error, ERROR_RUN, NULL, "not enough memory for a sheet of %d images", count);
}

static void close_sheet(struct sheet *sheet) {
    for (int i = 0; sheet->pictures && i < sheet->count; i++) picture_free(&sheet->pictures[i]);
    free(sheet->pictures);
    free(sheet->cells);
    free(sheet->labels);
}

static int draw_augmented(const struct feed *feed, int64_t sample, struct picture *picture, struct error *error) {
    const struct dataset *dataset = feed->dataset;
    const size_t channels = (size_t)dataset->channels;
    const size_t size = (size_t)dataset->height * (size_t)dataset->width * channels;
    float *x = memory_allocate(size, sizeof *x, "an image", error);
    void *scratch = memory_allocate(feed->scratch_bytes, 1, "an image", error);
    int status = x && scratch ? 0 : -1;
    if (status == 0) {
        const struct picture_map map = {x, dataset->height, dataset->width, channels};
        feed->fill(feed, &sample, 1, 0, true, x, scratch);
        const struct picture_range range =
            dataset->type == PIXEL_UINT8 ? (struct picture_range){0, 1} : picture_range_of(x, size, 1);
        status = channels >= 3 ? picture_from_rgb_map(&map, 1, range, picture, error)
                               : picture_from_map(&map, PICTURE_GRAY, range, picture, error);
    }
    free(x);
    free(scratch);
    return status;
}

static int put_image(struct sheet *sheet, int at, const struct dataset *dataset, int64_t sample, int side,
                     struct error *error) {
    sheet->cells[at] = (struct picture_cell){&sheet->pictures[at], sheet->labels[at]};
    const int status = sheet->augmented ? draw_augmented(sheet->augmented, sample, &sheet->pictures[at], error)
                                        : visual_image(dataset, sample, &sheet->pictures[at], error);
    if (status != 0) return -1;
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

enum { ROWS_MAX = 200, BLOCKS_MAX = 16, SHEET_GAP = 6, BLOCK_GAP = 32 };

/* Which images of a data set stand on its sheet. */
struct choice {
    int rows, per_class; /* classes that are shown */
    int64_t *counts;     /* (classes): images of each */
    int64_t *seen;       /* (classes): of these, while they are chosen */
    int *next;           /* (rows): images that are chosen already */
    int64_t *chosen;     /* (rows, per_class): samples, -1: none */
};

static int open_choice(struct choice *choice, int classes, int per_class, struct error *error) {
    const size_t count = (size_t)classes;
    *choice = (struct choice){.rows = classes < ROWS_MAX ? classes : ROWS_MAX, .per_class = per_class};
    choice->counts = memory_allocate(count, sizeof *choice->counts, "a sheet", error);
    choice->seen = memory_allocate(count, sizeof *choice->seen, "a sheet", error);
    choice->next = memory_allocate(count, sizeof *choice->next, "a sheet", error);
    choice->chosen =
        memory_allocate((size_t)choice->rows * (size_t)per_class, sizeof *choice->chosen, "a sheet", error);
    return choice->counts && choice->seen && choice->next && choice->chosen ? 0 : -1;
}

static void close_choice(struct choice *choice) {
    free(choice->counts);
    free(choice->seen);
    free(choice->next);
    free(choice->chosen);
}

/* Of `count` images of a class number i of those on the sheet: from all over, and no two alike. */
static int64_t wanted_place(int64_t count, int i, int per_class) {
    if (count <= per_class) return i;
    return (2 * (int64_t)i + 1) * count / (2 * (int64_t)per_class);
}

static void choose_images(const struct dataset *dataset, struct choice *choice) {
    for (int64_t i = 0; i < dataset->count; i++) choice->counts[dataset->labels[i]]++;
    for (int64_t i = 0; i < (int64_t)choice->rows * choice->per_class; i++) choice->chosen[i] = -1;
    for (int64_t i = 0; i < dataset->count; i++) {
        const int label = dataset->labels[i];
        if (label >= choice->rows || choice->next[label] == choice->per_class) continue;
        const int64_t wanted = wanted_place(choice->counts[label], choice->next[label], choice->per_class);
        if (choice->seen[label]++ == wanted)
            choice->chosen[(size_t)label * (size_t)choice->per_class + (size_t)choice->next[label]++] = i;
    }
}

/* Many rows stand in blocks side by side, so that the sheet is about as wide as high. */
static int count_blocks(const struct choice *choice) {
    const double row = SHEET_SIDE + SHEET_GAP, width = choice->per_class * row + 2 * SHEET_SIDE;
    const int blocks = (int)(sqrt(choice->rows * row / width) + 0.5);
    return blocks < 1 ? 1 : blocks > BLOCKS_MAX ? BLOCKS_MAX : blocks;
}

static int draw_blocks(const struct choice *choice, const struct sheet *sheet, const char *const *rows,
                       struct picture *picture, struct error *error) {
    struct picture blocks[BLOCKS_MAX] = {{0}};
    const int count = count_blocks(choice), height = (choice->rows + count - 1) / count;
    int status = 0, right = 0;
    for (int block = 0; block < count && status == 0; block++) {
        const int first = block * height, left = choice->rows - first;
        const struct picture_grid grid = {.cells = sheet->cells + (size_t)first * (size_t)choice->per_class,
                                          .count = (left < height ? left : height) * choice->per_class,
                                          .columns = choice->per_class,
                                          .enlarge = 1,
                                          .gap = SHEET_GAP,
                                          .row_labels = rows + first};
        if (left > 0) status = picture_from_grid(&grid, &blocks[block], error);
        right += blocks[block].width + BLOCK_GAP;
    }
    if (status == 0) status = picture_open(picture, blocks[0].height, right - BLOCK_GAP, PICTURE_WHITE, error);
    right = 0;
    for (int block = 0; block < count; block++) {
        if (status == 0) picture_put(picture, right, 0, &blocks[block], 1);
        right += blocks[block].width + BLOCK_GAP;
        picture_free(&blocks[block]);
    }
    return status;
}

static int draw_rows(struct album_page *page, const struct dataset *dataset, const struct visual_classes *classes,
                     const struct choice *choice, struct sheet *sheet, const char **rows, struct error *error) {
    for (int i = 0; i < sheet->count; i++) {
        if (choice->chosen[i] >= 0 && put_image(sheet, i, dataset, choice->chosen[i], SHEET_SIDE, error) != 0)
            return -1;
        sheet->cells[i].label = NULL;
    }
    for (int k = 0; k < choice->rows; k++) {
        char name[VISUAL_NAME_SIZE], *row = sheet->labels[k];
        snprintf(row, LABEL_SIZE, "%s\n%lld", visual_class_name(classes, k, name), (long long)choice->counts[k]);
        rows[k] = row;
    }
    return draw_blocks(choice, sheet, rows, &page->picture, error);
}

static int add_rows(struct album_page *page, const struct dataset *dataset, const struct feed *augmented,
                    const struct visual_classes *classes, struct choice *choice, struct error *error) {
    struct sheet sheet;
    const char **rows = calloc((size_t)choice->rows, sizeof *rows);
    int status = rows ? open_sheet(&sheet, choice->rows * choice->per_class, error)
                      : error_set(error, ERROR_RUN, NULL, "not enough memory for a sheet");
    if (!rows) return status;
    choose_images(dataset, choice);
    sheet.augmented = augmented;
    if (status == 0) status = draw_rows(page, dataset, classes, choice, &sheet, rows, error);
    close_sheet(&sheet);
    free(rows);
    return status;
}

int visual_sheet(struct album *album, const char *title, const struct dataset *dataset, const struct feed *augmented,
                 const struct visual_classes *classes, int per_class, struct error *error) {
    struct choice choice;
    struct album_page *page = album_add(album, error);
    if (!page) return -1;
    snprintf(page->title, sizeof page->title, "%s", title);
    album_note(page, "%lld images of %d classes, %d x %d pixels", (long long)dataset->count, classes->count,
               dataset->width, dataset->height);
    int status = open_choice(&choice, classes->count, per_class, error);
    if (choice.rows < classes->count) album_note(page, "; the first %d classes are shown", choice.rows);
    if (status == 0) status = add_rows(page, dataset, augmented, classes, &choice, error);
    close_choice(&choice);
    return status;
}
