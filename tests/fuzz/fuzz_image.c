/* Pictures: PNG, JPEG, BMP, and whatever else is no picture; converted as predict does. */
#include <stdlib.h>

#include "data/image.h"
#include "tests/fuzz/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    struct image image;
    int status = image_decode(data, size, "picture", &image, &error);
    fuzz_check(status, &error);
    if (status == 0) {
        static const int sizes[][2] = {{0, 0}, {5, 3}};
        bool is_small = image.height <= 64 && image.width <= 64;
        status = image_convert(&image, COLOR_RGB, sizes[is_small], "picture", &error);
        fuzz_check(status, &error);
        volatile unsigned sum = 0;
        size_t bytes = (size_t)image.height * (size_t)image.width * (size_t)image.channels;
        for (size_t i = 0; i < bytes; i++) sum += image.pixels[i];
        (void)sum;
    }
    image_free(&image);
    return 0;
}
