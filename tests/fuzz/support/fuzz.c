#include "tests/fuzz/support/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/room.h"
#include "tests/support/registries.h"

enum { NAMES_MAX = 16, PATH_SIZE = 128 };

static char folder[64];
static char paths[NAMES_MAX][PATH_SIZE];
static int path_count;

void fuzz_fail(const char *sentence) {
    fprintf(stderr, "fuzz: %s\n", sentence);
    abort();
}

static void remove_folder(void) {
    for (int i = 0; i < path_count; i++) unlink(paths[i]);
    rmdir(folder);
}

/* Memory is the fastest place for files that live for a millisecond. */
static void make_folder(void) {
    snprintf(folder, sizeof folder, "%s/cnntrain-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder)) fuzz_fail("no temporary folder");
    atexit(remove_folder);
}

const char *fuzz_path(const char *name) {
    if (!*folder) make_folder();
    for (int i = 0; i < path_count; i++)
        if (strcmp(strrchr(paths[i], '/') + 1, name) == 0) return paths[i];
    if (path_count == NAMES_MAX) fuzz_fail("too many names");
    snprintf(paths[path_count], PATH_SIZE, "%s/%s", folder, name);
    return paths[path_count++];
}

const char *fuzz_write(const char *name, const void *bytes, size_t size) {
    const char *path = fuzz_path(name);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) fuzz_fail("cannot open a temporary file");
    for (size_t at = 0; at < size;) {
        ssize_t put = write(descriptor, (const char *)bytes + at, size - at);
        if (put <= 0) fuzz_fail("cannot write a temporary file");
        at += (size_t)put;
    }
    close(descriptor);
    return path;
}

void fuzz_remove(const char *name) {
    unlink(fuzz_path(name));
}

char *fuzz_text(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    if (!text) fuzz_fail("no memory");
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

static bool is_whole(const char *message) {
    size_t length = strlen(message);
    return length > 0 && message[length - 1] != ':' && message[length - 1] != ' ';
}

void fuzz_check(int status, const struct error *error) {
    if (status == 0 && error->code == ERROR_NONE) return;
    if (status == 0) fuzz_fail("success with an error set");
    bool blames = error->code == ERROR_CONFIG || error->code == ERROR_DATA || error->code == ERROR_IO;
    if (blames && *error->path && is_whole(error->message)) return;
    fprintf(stderr, "code %d, path \"%s\", message \"%s\"\n", (int)error->code, error->path, error->message);
    fuzz_fail("a failure without a proper error");
}

static unsigned check_dataset(const struct dataset *dataset, int classes) {
    unsigned sum = 0;
    if (dataset->count == 0) return 0;
    const uint8_t *pixels = dataset->pixels;
    size_t bytes = (size_t)dataset->count * dataset_image_bytes(dataset);
    for (size_t i = 0; i < bytes; i += 97) sum += pixels[i];
    for (int64_t i = 0; i < dataset->count; i++)
        if (dataset->labels[i] < 0 || dataset->labels[i] >= classes) fuzz_fail("a label that is no class");
    return sum + pixels[bytes - 1];
}

void fuzz_load(const char *json, const char *path) {
    struct error error = {0};
    struct arena arena = {0};
    struct component source = {0};
    struct data_splits splits;
    const struct field_reader reader = {&test_registries, &arena, &error};
    struct place place = place_document("data");
    cJSON *value = cJSON_Parse(json);
    if (!value || component_read(&reader, &source_registry, value, &place, &source) != 0)
        fuzz_fail("the harness's own config");
    ((struct data_common *)source.config)->path = path;
    int status = data_room.load(&source, NULL, NULL, 1, NULL, &splits, &error);
    fuzz_check(status, &error);
    volatile unsigned sum = 0;
    if (status == 0) {
        sum = check_dataset(&splits.train, splits.classes) + check_dataset(&splits.validation, splits.classes) +
              check_dataset(&splits.test, splits.classes);
        data_splits_free(&splits);
    }
    (void)sum;
    arena_free(&arena);
    cJSON_Delete(value);
}
