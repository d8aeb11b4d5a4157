/* What stands as JSON in a .keras file, whose checksums are right: the model, or what cnntrain wrote beside it. The
 * first byte tells which of the two the rest is. */
#include <stdlib.h>
#include <string.h>

#include "core/interop/hdf5_write.h"
#include "core/interop/zip_file.h"
#include "core/model_file.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/fuzz_isolate.h"
#include "tests/support/registries.h"

static const char model_json[] =
    "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":[{\"class_name\":\"InputLayer\",\"config\":"
    "{\"batch_shape\":[null,4,4,1],\"dtype\":\"float32\",\"name\":\"i\"}},{\"class_name\":\"Flatten\",\"config\":"
    "{\"name\":\"flatten\"}},{\"class_name\":\"Dense\",\"config\":{\"name\":\"dense\",\"units\":2,\"activation\":"
    "\"softmax\",\"use_bias\":true}}]}}";

/* A Flatten and a Dense. */
static void fill(struct hdf5_writer *writer, const void *context) {
    static const float zeros[16 * 2];
    (void)context;
    hdf5_group(writer, "layers/dense/vars");
    hdf5_text(writer, "layers/dense/vars", "name", "dense");
    hdf5_tensor(writer, "layers/dense/vars/0", &(struct shape){2, {16, 2}}, zeros);
    hdf5_tensor(writer, "layers/dense/vars/1", &(struct shape){1, {2}}, zeros);
}

/* Made once, for the whole process. */
static struct zip_member weights = {.name = "model.weights.h5"};

static void make_weights(void) {
    struct error error = {0};
    if (hdf5_write("w.h5", fill, NULL, &weights.bytes, &weights.length, &error) != 0) fuzz_fail(error.message);
    fuzz_isolate_once(); /* they are the same in every archive */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    struct saved_model saved;
    static const struct config_request request = {.registries = &test_registries};
    static char model[] = "config.json", metadata[] = "metadata.json";
    char *archive = NULL;
    size_t length = 0;
    if (size == 0) return 0;
    if (!weights.bytes) make_weights();
    char *text = fuzz_text(data + 1, size - 1), *good = strdup(model_json);
    const bool is_facts = data[0] % 2;
    const struct zip_member members[] = {
        {model, 0, is_facts ? good : text, is_facts ? strlen(good) : size - 1},
        weights,
        {metadata, 0, text, size - 1},
    };
    if (!good || zip_write("a.keras", members, is_facts ? 3 : 2, &archive, &length, &error) != 0)
        fuzz_fail("no archive");
    const char *path = fuzz_write("a.keras", archive, length);
    const int status = saved_model_open(&saved, path, false, &request, &error);
    fuzz_check(status, &error);
    if (status == 0) saved_model_free(&saved);
    free(archive);
    free(text);
    free(good);
    return 0;
}
