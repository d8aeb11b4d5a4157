#include "data/source.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

enum { NAMES_FILE_MAX = 1 << 20 };

static int check_form(int64_t count, int height, int width, int channels, const char *path, struct error *error) {
    /* untaken: no reader counts below 0 */
    if (count < 0) return error_set(error, ERROR_DATA, path, "%lld images", (long long)count);
    /* untaken: readers see to sides that are too large, with sentences of their own; a new one may forget it */
    if (height < 1 || width < 1 || height > DATASET_SIDE_MAX || width > DATASET_SIDE_MAX)
        return error_set(error, ERROR_DATA, path, "holds images of %d x %d pixels; a side has 1 to %d: resize them",
                         height, width, DATASET_SIDE_MAX);
    /* untaken: likewise */
    if (channels < 1 || channels > 4)
        return error_set(error, ERROR_DATA, path, "holds images with %d channels; 1 to 4 can be used", channels);
    return 0;
}

int source_allocate(struct dataset *dataset, int64_t count, int height, int width, int channels, enum pixel_type type,
                    const char *path, struct error *error) {
    *dataset = (struct dataset){0};
    if (check_form(count, height, width, channels, path, error) != 0) return -1;
    struct dataset made = {.count = count, .height = height, .width = width, .channels = channels, .type = type};
    made.pixels = memory_allocate((size_t)count, dataset_image_bytes(&made), "the images", error);
    if (made.pixels) made.labels = memory_allocate((size_t)count, sizeof *made.labels, "the labels", error);
    if (!made.labels) {
        dataset_free(&made);
        return -1;
    }
    *dataset = made;
    return 0;
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
/* gcc's analyzer forgets what is stored at an index that it does not know, and calls it leaked. */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
int source_name_classes(struct data_splits *splits, const char *const *names, int count, const char *path,
                        struct error *error) {
    for (int i = 0; i < count; i++)
        if (!text_is_printable(names[i]))
            return error_set(error, ERROR_DATA, path,
                             "has a class \"%.*s\", which is not UTF-8 text without control characters; rename it",
                             (int)text_cut(names[i], 60), names[i]);
    splits->class_names = calloc((size_t)count + 1, sizeof *splits->class_names);
    if (!splits->class_names) return error_set(error, ERROR_RUN, NULL, "not enough memory for the class names");
    splits->classes = count;
    for (int i = 0; i < count; i++) {
        splits->class_names[i] = strdup(names[i]);
        if (!splits->class_names[i]) return error_set(error, ERROR_RUN, NULL, "not enough memory for the class names");
    }
    return 0;
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

/* Cuts text into its lines that are not empty; at most `limit` of them are kept, all are counted. */
static int cut_lines(char *text, const char **lines, int limit) {
    int count = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        if (count < limit) lines[count] = line;
        count++;
    }
    return count;
}

int source_read_class_names(struct data_splits *splits, const char *path, int count, struct error *error) {
    char *text = NULL;
    size_t length = 0;
    if (file_read(path, NAMES_FILE_MAX, &text, &length, error) != 0) return -1;
    const char **lines = calloc((size_t)count, sizeof *lines);
    int status = -1;
    if (!lines) {
        error_set(error, ERROR_RUN, path, "not enough memory for the class names");
    } else {
        static const char mark[] = "\xEF\xBB\xBF"; /* UTF-8's byte order mark */
        int found = cut_lines(strncmp(text, mark, 3) == 0 ? text + 3 : text, lines, count);
        if (found == count)
            status = source_name_classes(splits, lines, count, path, error);
        else
            error_set(error, ERROR_DATA, path, "holds %d name%s, %d classes need one each; correct or remove the file",
                      found, found == 1 ? "" : "s", count);
    }
    free(lines);
    free(text);
    return status;
}

void source_count_classes(struct data_splits *splits) {
    int32_t highest = -1;
    for (int64_t i = 0; i < splits->train.count; i++)
        if (splits->train.labels[i] > highest) highest = splits->train.labels[i];
    splits->classes = highest + 1;
}

char *source_find(const char *folder, const char *const *names, struct error *error) {
    for (; *names; names++) {
        char *path = file_join(folder, *names, error);
        const int is_there = path ? file_is_there(path, error) : -1;
        if (is_there > 0) return path;
        free(path);
        if (is_there < 0) return NULL;
    }
    return NULL;
}

int source_recognize(const char *path, const char *const *names, const char *ending, char **found,
                     struct error *error) {
    int is_folder = file_is_folder(path, error);
    if (is_folder < 0) return -1;
    const size_t length = strlen(path), size = ending ? strlen(ending) : 0;
    bool known = !is_folder && ending && length > size && strcasecmp(path + length - size, ending) == 0;
    if (is_folder) {
        char *file = source_find(path, names, error);
        known = file != NULL;
        free(file);
        if (error->code != ERROR_NONE) return -1;
    }
    if (!known) return 0;
    *found = file_join(NULL, path, error);
    return *found ? 1 : -1;
}

int source_read(FILE *file, const char *path, void *bytes, size_t length, const char *shorter, struct error *error) {
    if (fread(bytes, 1, length, file) == length) return 0;
    return feof(file) ? error_set(error, ERROR_DATA, path, "%s", shorter)
                      : error_set_errno(error, path, "read the file");
}

int source_go_on(const struct progress *progress, struct error *error) {
    return progress_is_stopped(progress)
               ? error_set(error, ERROR_INTERRUPTED, NULL, "interrupted while data were loaded")
               : 0;
}

int source_file_size(const char *path, size_t *size, struct error *error) {
    struct stat status;
    if (stat(path, &status) != 0) return error_set_errno(error, path, "open the file");
    if (S_ISDIR(status.st_mode)) return error_set(error, ERROR_DATA, path, "is a folder; a file is needed here");
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERROR_DATA, path, "is a pipe or a device; copy what it gives into a file");
    *size = (size_t)status.st_size;
    return 0;
}

bool source_may_unpack(size_t packed, uint64_t unpacked) {
    enum { ALWAYS = 256 << 20, TIMES = 100 };
    return unpacked <= ALWAYS || unpacked / TIMES <= packed;
}

const char *source_pair_comma(const char *path) {
    const char *ending = strstr(path, ".npy,");
    return ending ? ending + 4 : strchr(path, ',');
}
