#include "core/interop/exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/file.h"

#define EXCHANGE(format) extern const struct exchange_format format;
#include "core/interop/exchange.def"
#undef EXCHANGE

const struct exchange_format *const exchange_formats[] = {
#define EXCHANGE(format) &(format),
#include "core/interop/exchange.def"
#undef EXCHANGE
    NULL,
};

const struct exchange_format *exchange_named(const char *name) {
    const struct exchange_format *const *format = exchange_formats;
    while (*format && strcasecmp((*format)->name, name) != 0) format++;
    return *format;
}

/* Bytes of the format's longest extension that the path ends with; 0: none. */
static size_t fitting(const struct exchange_format *format, const char *path) {
    const size_t length = strlen(path);
    size_t longest = 0;
    for (const char *const *extension = format->extensions; *extension; extension++) {
        const size_t size = strlen(*extension);
        if (size > longest && length > size && strcasecmp(path + length - size, *extension) == 0) longest = size;
    }
    return longest;
}

const struct exchange_format *exchange_for_path(const char *path) {
    const struct exchange_format *best = NULL;
    for (const struct exchange_format *const *format = exchange_formats; *format; format++)
        if (fitting(*format, path) > (best ? fitting(best, path) : 0)) best = *format;
    return best;
}

int exchange_for_reading(const char *path, const struct exchange_format **format, struct error *error) {
    char start[16];
    size_t length = 0, size = 0;
    *format = NULL;
    if (file_read_start(path, start, sizeof start, &length, &size, error) != 0) return -1;
    for (const struct exchange_format *const *known = exchange_formats; *known && !*format; known++)
        if ((*known)->recognizes && (*known)->recognizes(start, length)) *format = *known;
    const struct exchange_format *named = exchange_for_path(path);
    if (*format || !named || !named->read) return 0;
    return error_set(error, ERROR_DATA, path,
                     "is not what its ending says, a file of the format %s; save or copy it again", named->name);
}

void exchange_file_free(struct exchange_file *file) {
    free(file->model);
    free(file->facts);
    safetensors_free(&file->weights);
    *file = (struct exchange_file){0};
}
