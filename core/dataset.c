#include "core/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

void dataset_free(struct dataset *dataset) {
    free(dataset->pixels);
    free(dataset->labels);
    *dataset = (struct dataset){0};
}

void data_splits_free(struct data_splits *splits) {
    dataset_free(&splits->train);
    dataset_free(&splits->validation);
    dataset_free(&splits->test);
    for (int i = 0; splits->class_names && i < splits->classes; i++) free(splits->class_names[i]);
    free(splits->class_names);
    *splits = (struct data_splits){0};
}

size_t dataset_image_bytes(const struct dataset *dataset) {
    size_t pixel = dataset->type == PIXEL_FLOAT32 ? sizeof(float) : 1;
    return (size_t)dataset->height * (size_t)dataset->width * (size_t)dataset->channels * pixel;
}

int dataset_checksum(const struct dataset *first, const struct dataset *second, char digits[CHECKSUM_DIGITS + 1],
                     struct error *error) {
    enum { FACTS = 5, PIECES = 3 };
    const struct dataset *const sets[] = {first, second};
    int64_t facts[2][FACTS] = {{0}};
    struct file_piece pieces[2 * PIECES] = {{0}};
    size_t count = 0;
    for (int i = 0; i < 2 && sets[i]; i++) {
        const struct dataset *set = sets[i];
        const int64_t values[FACTS] = {set->count, set->height, set->width, set->channels, set->type};
        memcpy(facts[i], values, sizeof values);
        pieces[count++] = (struct file_piece){facts[i], sizeof facts[i]};
        pieces[count++] = (struct file_piece){set->pixels, (size_t)set->count * dataset_image_bytes(set)};
        pieces[count++] = (struct file_piece){set->labels, (size_t)set->count * sizeof *set->labels};
    }
    return checksum_pieces(pieces, count, digits, error);
}

static const char *const color_names[] = {
    [COLOR_AS_IS] = "as_is", [COLOR_RGB] = "rgb", [COLOR_GRAYSCALE] = "grayscale", NULL};

const struct field data_common_fields[] = {
    {.key = "path",
     .type = FIELD_STRING,
     .offset = offsetof(struct data_common, path),
     .fallback = "null",
     .nullable = true,
     .help = "folder or file, relative to the config file, then to the folder CNNTRAIN_DATA names"},
    {.key = "validation_split",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct data_common, validation_split),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1,
     .below = true,
     .help = "share of the training images, from their end, kept for validation; unused where the data has a "
             "validation part"},
    {.key = "resize",
     .type = FIELD_PAIR,
     .offset = offsetof(struct data_common, resize),
     .fallback = "null",
     .nullable = true,
     .minimum = 1,
     .maximum = DATASET_SIDE_MAX,
     .help = "[height, width] to which every image is resized (bilinear, smoothed where it shrinks)"},
    {.key = "color",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct data_common, color),
     .fallback = "\"as_is\"",
     .choices = color_names,
     .help = "channels of every image: as stored, 3 (rgb) or 1 (grayscale)"},
    {.key = "normalize",
     .type = FIELD_COMPONENT,
     .offset = offsetof(struct data_common, normalize),
     .fallback = "\"scale\"",
     .of = "normalization",
     .help = "how pixels become numbers: scale, standardize, none, or {\"mean\": [...], \"std\": [...]}"},
    {.key = "augment",
     .type = FIELD_COMPONENTS,
     .offset = offsetof(struct data_common, augment),
     .fallback = "[]",
     .of = "augmentation",
     .help = "random changes to training images, in this order"},
    {0}};
