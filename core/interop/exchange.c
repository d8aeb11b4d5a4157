#include "core/interop/exchange.h"

#include <string.h>
#include <strings.h>

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
