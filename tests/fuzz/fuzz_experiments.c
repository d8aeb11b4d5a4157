/* An experiment file with a config beside it. */
#include <string.h>

#include "core/experiments_plan.h"
#include "data/room.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/support/registries.h"

static const char config[] = "{\"data\": {\"source\": \"synth\"}, \"model\": [{\"type\": \"Flatten\"}, {\"type\": "
                             "\"Dense\", \"units\": 10, \"activation\": \"softmax\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    struct experiments_plan plan;
    const struct config_request request = {.registries = &test_registries};
    const struct workshop workshop = {.registries = &test_registries, .data_room = &data_room, .threads = 1};
    fuzz_write("a.json", config, strlen(config));
    fuzz_write("b.json", config, strlen(config));
    const struct experiments_request experiments = {
        .workshop = &workshop,
        .config = &request,
        .path = fuzz_write("plan.json", data, size),
        .out = fuzz_path("out"),
        .jobs = 1,
    };
    int status = experiments_plan_read(&plan, &experiments, &error);
    if (status == 0) status = experiments_plan_folders(&plan, &error);
    fuzz_check(status, &error);
    experiments_plan_free(&plan);
    return 0;
}
