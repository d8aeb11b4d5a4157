/* Safetensors files: parsed, every value converted. */
#include <stdlib.h>
#include <string.h>

#include "core/interop/safetensors.h"
#include "tests/fuzz/support/fuzz.h"

static void convert(const struct safetensors *file, const struct safetensors_tensor *tensor) {
    struct error error = {0};
    char shape[SAFETENSORS_SHAPE_TEXT];
    float *floats = malloc((tensor->elements + 1) * sizeof *floats);
    int64_t *integers = malloc((tensor->elements + 1) * sizeof *integers);
    if (!floats || !integers) fuzz_fail("no memory");
    safetensors_floats(tensor, floats);
    fuzz_check(safetensors_integers(file, tensor, integers, &error), &error);
    if (safetensors_find(file, tensor->name) == NULL) fuzz_fail("a tensor that is not found");
    if (strlen(safetensors_shape_text(tensor, shape, sizeof shape)) < 2) fuzz_fail("a shape without text");
    free(floats);
    free(integers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    struct safetensors file;
    int status = safetensors_parse("input.safetensors", fuzz_text(data, size), size, &file, &error);
    fuzz_check(status, &error);
    if (status != 0) return 0;
    for (size_t i = 0; i < file.tensor_count; i++) convert(&file, &file.tensors[i]);
    safetensors_free(&file);
    return 0;
}
