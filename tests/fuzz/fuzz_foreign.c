/* Trained models that other programs wrote, .keras and .h5: opened, and their weights loaded into another model. */
#include <hdf5.h>
#include <stdlib.h>

#include "core/model_file.h"
#include "core/text.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/fuzz_isolate.h"
#include "tests/support/registries.h"

/* Of the address sanitizer: less memory, for each input begins a process that takes over all of it. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "quarantine_size_mb=8:allocator_may_return_null=1";
}

static const struct config_request request = {.registries = &test_registries};

static void load_weights(const char *path) {
    static const char text[] =
        "{\"name\":\"x\",\"model\":[{\"type\":\"SeparableConv2D\",\"filters\":4,\"kernel_size\":3},"
        "{\"type\":\"BatchNormalization\"},{\"type\":\"Flatten\"},{\"type\":\"Dense\","
        "\"units\":5,\"name\":\"last\"}]}";
    struct error error = {0};
    struct config config;
    struct model model;
    struct text report = {0};
    if (config_parse(&config, text, "x.json", &request, &error) != 0 ||
        model_build(&model, &config, &(struct shape){3, {8, 8, 3}}, &error) != 0)
        fuzz_fail("the model cannot be built");
    fuzz_check(model_load_weights(&model, path, &report, &error), &error);
    text_free(&report);
    model_free(&model);
    config_free(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct saved_model saved;
    struct error error = {0};
    H5open(); /* the processes that read begin with the library ready */
    fuzz_isolate_once();
    const char *path = fuzz_write("input.keras", data, size);
    const int status = saved_model_open(&saved, path, false, &request, &error);
    fuzz_check(status, &error);
    if (status == 0) saved_model_free(&saved);
    load_weights(path);
    return 0;
}
