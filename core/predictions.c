#include "core/predictions.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/csv.h"
#include "core/file.h"
#include "core/memory.h"

static const char header[] = "index,label,prediction,probability";

enum { FILE_SIZE_MAX = INT_MAX, COLUMNS = 4 };

int predictions_create(struct predictions *predictions, int64_t count, struct error *error) {
    *predictions = (struct predictions){.count = count};
    size_t images = (size_t)count;
    predictions->labels = memory_allocate(images, sizeof *predictions->labels, "the labels", error);
    predictions->predicted = memory_allocate(images, sizeof *predictions->predicted, "the predictions", error);
    predictions->probabilities = memory_allocate(images, sizeof *predictions->probabilities, "the predictions", error);
    if (predictions->labels && predictions->predicted && predictions->probabilities) return 0;
    predictions_free(predictions);
    return -1;
}

void predictions_free(struct predictions *predictions) {
    free(predictions->labels);
    free(predictions->predicted);
    free(predictions->probabilities);
    *predictions = (struct predictions){0};
}

/* Writes the text and frees it. */
static int write_text(const char *path, struct text *text, struct error *error) {
    int status = text->failed ? error_set(error, ERROR_RUN, path, "not enough memory to write the file")
                              : file_replace_text(path, text->bytes, error);
    text_free(text);
    return status;
}

int predictions_write(const char *path, const struct predictions *predictions, struct error *error) {
    struct text text = {0};
    text_print(&text, "%s\n", header);
    for (int64_t i = 0; i < predictions->count; i++)
        text_print(&text, "%lld,%d,%d,%.9g\n", (long long)i, (int)predictions->labels[i],
                   (int)predictions->predicted[i], (double)predictions->probabilities[i]);
    return write_text(path, &text, error);
}

static int line_error(const struct csv_row *cells, const char *path, const char *needed, struct error *error) {
    return error_set(error, ERROR_DATA, path, "line %d: %s; remove the run's folder to run it anew", cells->line,
                     needed);
}

static int read_row(const struct csv_row *cells, const char *path, struct predictions *predictions, int64_t at,
                    struct error *error) {
    long long index = 0, label = 0, predicted = 0;
    double probability = 0;
    if (cells->count != COLUMNS) return line_error(cells, path, "must have 4 cells", error);
    if (!csv_integer(cells->cells[0], at, at, &index))
        return line_error(cells, path, "indices must count from 0 without a gap", error);
    if (!csv_integer(cells->cells[1], 0, INT_MAX, &label) || !csv_integer(cells->cells[2], 0, INT_MAX, &predicted))
        return line_error(cells, path, "label and prediction must be class numbers", error);
    if (!csv_number(cells->cells[3], &probability) || !(probability >= 0 && probability <= 1))
        return line_error(cells, path, "the probability must be a number in [0, 1]", error);
    predictions->labels[at] = (int32_t)label;
    predictions->predicted[at] = (int32_t)predicted;
    predictions->probabilities[at] = (float)probability;
    return 0;
}

/* Bytes that may end a row: at least as many as there are rows. */
static int64_t count_ends(const char *bytes) {
    int64_t ends = 0;
    for (; *bytes; bytes++) ends += *bytes == '\n' || *bytes == '\r';
    return ends;
}

static int read_rows(char *bytes, const char *path, struct predictions *predictions, struct error *error) {
    struct csv_reader reader = csv_open(path, bytes);
    struct csv_row cells;
    size_t length = strlen(bytes), first = strcspn(bytes, "\r\n");
    if (first != strlen(header) || strncmp(bytes, header, first) != 0)
        return error_set(error, ERROR_DATA, path,
                         "line 1: is not the header \"%s\"; remove the run's folder to run it anew", header);
    if (bytes[length - 1] != '\n')
        return error_set(error, ERROR_DATA, path, "ends within a line; remove the run's folder to run it anew");
    if (predictions_create(predictions, count_ends(bytes), error) != 0) return -1;
    int64_t at = 0;
    int more = csv_next(&reader, &cells, error);
    for (; more > 0 && (more = csv_next(&reader, &cells, error)) > 0; at++)
        if (read_row(&cells, path, predictions, at, error) != 0) return -1;
    predictions->count = at; /* empty lines are no rows */
    return more;
}

int predictions_read(const char *path, struct predictions *predictions, struct error *error) {
    char *bytes = NULL;
    size_t length = 0;
    *predictions = (struct predictions){0};
    if (file_read(path, FILE_SIZE_MAX, &bytes, &length, error) != 0) return -1;
    int status = strlen(bytes) == length
                     ? read_rows(bytes, path, predictions, error)
                     : error_set(error, ERROR_DATA, path,
                                 "holds zero bytes; it is no CSV file: remove the run's folder to run it anew");
    free(bytes);
    if (status != 0) predictions_free(predictions);
    return status;
}

int predictions_compare(const struct predictions *first, const struct predictions *second, int64_t *only_first,
                        int64_t *only_second, struct error *error) {
    *only_first = *only_second = 0;
    if (first->count != second->count)
        return error_set(error, ERROR_DATA, NULL,
                         "predictions of %lld and of %lld images cannot be compared; both need the same test images",
                         (long long)first->count, (long long)second->count);
    for (int64_t i = 0; i < first->count; i++) {
        if (first->labels[i] != second->labels[i])
            return error_set(error, ERROR_DATA, NULL,
                             "predictions cannot be compared: image %lld has label %d in one and %d in the other; both "
                             "need the same test images",
                             (long long)i, (int)first->labels[i], (int)second->labels[i]);
        bool first_right = first->predicted[i] == first->labels[i];
        bool second_right = second->predicted[i] == second->labels[i];
        *only_first += first_right && !second_right;
        *only_second += second_right && !first_right;
    }
    return 0;
}

static void add_class(struct text *text, char *const *class_names, int class_index) {
    if (class_names)
        csv_add_cell(text, class_names[class_index]);
    else
        text_print(text, "%d", class_index);
}

int confusion_write(const char *path, const struct confusion *confusion, char *const *class_names,
                    struct error *error) {
    struct text text = {0};
    size_t classes = (size_t)confusion->classes;
    text_add(&text, "label");
    for (int k = 0; k < confusion->classes; k++) {
        text_add(&text, ",");
        add_class(&text, class_names, k);
    }
    text_add(&text, "\n");
    for (int label = 0; label < confusion->classes; label++) {
        add_class(&text, class_names, label);
        for (size_t k = 0; k < classes; k++)
            text_print(&text, ",%lld", (long long)confusion->counts[(size_t)label * classes + k]);
        text_add(&text, "\n");
    }
    return write_text(path, &text, error);
}
