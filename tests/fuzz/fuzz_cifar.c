/* CIFAR's binary records; the first byte chooses CIFAR-10 or -100. */
#include "tests/fuzz/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const sources[] = {"{\"source\": \"cifar10\"}", "{\"source\": \"cifar100\"}",
                                          "{\"source\": \"cifar100\", \"labels\": \"coarse\"}"};
    if (size == 0) return 0;
    fuzz_load(sources[data[0] % 3], fuzz_write("data.bin", data + 1, size - 1));
    return 0;
}
