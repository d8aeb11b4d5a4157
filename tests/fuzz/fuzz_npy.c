/* NumPy arrays: the first byte tells whether the rest are the images or the labels of a good pair. */
#include <string.h>

#include "core/text.h"
#include "tests/fuzz/support/fuzz.h"

static const char *write_good(const char *name, const char *header, size_t values) {
    struct text text = {0};
    text_add_bytes(&text, "\x93NUMPY\1\0\x46\0", 10);
    text_print(&text, "%-69s\n", header);
    for (size_t i = 0; i < values; i++) text_add_bytes(&text, "\1", 1);
    const char *path = fuzz_write(name, text.bytes, text.length);
    text_free(&text);
    return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text both = {0};
    if (size == 0) return 0;
    bool is_labels = data[0] % 2;
    const char *images = is_labels
                             ? write_good("x.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 2, 2), }", 12)
                             : fuzz_write("x.npy", data + 1, size - 1);
    const char *labels = is_labels
                             ? fuzz_write("y.npy", data + 1, size - 1)
                             : write_good("y.npy", "{'descr': '|i1', 'fortran_order': False, 'shape': (3,), }", 3);
    text_print(&both, "%s,%s", images, labels);
    fuzz_load("{\"source\": \"npy\"}", both.bytes);
    text_free(&both);
    return 0;
}
