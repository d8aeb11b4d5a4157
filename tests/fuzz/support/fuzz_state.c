#include "tests/fuzz/support/fuzz_state.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/support/fuzz.h"
#include "tests/support/tiny.h"

enum { IMAGES = 16, TENSORS_MAX = 64, METADATA_MAX = 16 };

/* Opened once, for the whole process. */
static struct {
    bool open;
    struct tiny tiny;
    struct safetensors good;
} world;

static void open_world(void) {
    struct error error = {0};
    struct training_state state;
    const struct tiny_setup setup = {
        .training = "{'optimizer': 'Adam', 'batch_size': 8, 'callbacks': [{'type': 'EarlyStopping', "
                    "'restore_best_weights': true}, {'type': 'ReduceLROnPlateau'}]}",
        .train = IMAGES,
        .validation = 4,
    };
    if (world.open) return;
    tiny_open(&world.tiny, &setup);
    world.open = true;
    char *text = tiny_config_text(&setup);
    const struct model_facts facts = {text, world.tiny.normalization, TINY_CLASSES, NULL};
    fuzz_open_state(&state);
    const char *path = fuzz_path("good.safetensors");
    if (training_state_save(&state, path, &facts, &error) != 0 || safetensors_read(path, &world.good, &error) != 0)
        fuzz_fail(error.message);
    training_state_close(&state);
    free(text);
}

void fuzz_open_state(struct training_state *state) {
    struct error error = {0};
    open_world();
    if (training_state_open(state, &world.tiny.model, &world.tiny.config, IMAGES, true, &error) != 0)
        fuzz_fail(error.message);
}

static size_t list_tensors(struct safetensors_source sources[TENSORS_MAX]) {
    const struct safetensors *good = &world.good;
    if (good->tensor_count > TENSORS_MAX) fuzz_fail("too many tensors");
    for (size_t i = 0; i < good->tensor_count; i++) {
        const struct safetensors_tensor *tensor = &good->tensors[i];
        sources[i] = (struct safetensors_source){tensor->name, {.rank = tensor->rank}, tensor->data};
        for (int k = 0; k < tensor->rank; k++) sources[i].shape.size[k] = (int)tensor->shape[k];
    }
    return good->tensor_count;
}

const char *fuzz_checkpoint(const char *key, const uint8_t *data, size_t size) {
    struct error error = {0};
    struct safetensors_source sources[TENSORS_MAX];
    struct safetensors_pair metadata[METADATA_MAX];
    open_world();
    size_t count = list_tensors(sources);
    char *text = fuzz_text(data, size);
    if (world.good.metadata_count > METADATA_MAX) fuzz_fail("too many metadata");
    for (size_t i = 0; i < world.good.metadata_count; i++) {
        metadata[i] = world.good.metadata[i];
        if (strcmp(metadata[i].key, key) == 0) metadata[i].value = text;
    }
    const char *path = fuzz_path("changed.safetensors");
    int status = safetensors_write(path, sources, count, metadata, world.good.metadata_count, &error);
    free(text);
    return status == 0 ? path : NULL;
}
