/* Weights of other programs given to a model: a list of tensors as PyTorch or Keras name them. The first byte chooses
 * which, and the model; then each line is a tensor, "name F32 4 3 3 3", or one of the texts beside them, "@key=text".
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/interop/keras_weights.h"
#include "core/json.h"
#include "core/model_file.h"
#include "core/text.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/support/registries.h"

enum { MODELS = 3, DATA_MAX = 1 << 16 };

/* ---- the models ---- */

static const char *const layers[MODELS] = {
    "{'type':'Conv2D','filters':4,'kernel_size':3},{'type':'Activation','activation':'relu'},"
    "{'type':'MaxPooling2D'},{'type':'Conv2D','filters':6,'kernel_size':3,'groups':2,'use_bias':false},"
    "{'type':'BatchNormalization'},{'type':'GlobalAveragePooling2D'},{'type':'Dense','units':3}",
    "{'type':'SeparableConv2D','filters':4,'kernel_size':3},{'type':'BatchNormalization','scale':false},"
    "{'type':'Flatten'},{'type':'Dense','units':3,'name':'last'}",
    "{'type':'DepthwiseConv2D','kernel_size':3,'depth_multiplier':2},"
    "{'type':'Conv2DTranspose','filters':2,'kernel_size':2},{'type':'Flatten'},"
    "{'type':'Dense','units':3}",
};

static void build(struct model *model, struct config *config, int number) {
    struct error error = {0};
    struct text text = {0};
    const struct config_request request = {.registries = &test_registries};
    text_print(&text, "{\"name\":\"x\",\"model\":[%s]}", layers[number]);
    for (char *at = text.bytes; *at; at++)
        if (*at == '\'') *at = '"';
    if (config_parse(config, text.bytes, "x.json", &request, &error) != 0 ||
        model_build(model, config, &(struct shape){3, {8, 8, 2}}, &error) != 0)
        fuzz_fail(error.message);
    text_free(&text);
}

/* ---- the file ---- */

/* How many bytes the tensor of these sizes has; more than fit the data where it is too large. */
static size_t bytes_of(const char *type, const char *sizes) {
    size_t bytes = strchr(type, '8') || strcmp(type, "BOOL") == 0 ? 1
                   : strstr(type, "16")                           ? 2
                   : strstr(type, "64")                           ? 8
                                                                  : 4;
    for (char *end; bytes <= DATA_MAX; sizes = end) {
        const unsigned long size = strtoul(sizes, &end, 10);
        if (end == sizes) break;
        bytes = size > DATA_MAX ? DATA_MAX + 1 : bytes * size;
    }
    return bytes;
}

static void add_sizes(struct text *header, const char *sizes) {
    const char *joint = "";
    for (; *sizes; sizes++) {
        if (!isdigit((unsigned char)*sizes)) continue;
        const size_t digits = strspn(sizes, "0123456789");
        text_print(header, "%s%.*s", joint, (int)digits, sizes);
        sizes += digits - 1;
        joint = ",";
    }
}

/* "name type sizes" */
static void add_tensor(struct text *header, char *line, size_t *at) {
    char *type = strchr(line, ' '), *sizes = type ? strchr(type + 1, ' ') : NULL;
    if (type) *type++ = '\0';
    if (sizes) *sizes++ = '\0';
    const size_t bytes = bytes_of(type ? type : "", sizes ? sizes : "");
    text_add(header, ",");
    json_write_string(line, header);
    text_add(header, ":{\"dtype\":");
    json_write_string(type ? type : "F32", header);
    text_add(header, ",\"shape\":[");
    add_sizes(header, sizes ? sizes : "");
    text_print(header, "],\"data_offsets\":[%zu,%zu]}", *at, *at + bytes);
    *at += bytes;
}

static void add_text(struct text *texts, char *line) {
    char *value = strchr(line, '=');
    if (value) *value++ = '\0';
    if (texts->length) text_add(texts, ",");
    json_write_string(line, texts);
    text_add(texts, ":");
    json_write_string(value ? value : "", texts);
}

/* The file's bytes, of zeros where the tensors' numbers are. */
static void make_file(struct text *file, char *lines) {
    struct text header = {0}, texts = {0};
    size_t at = 0;
    for (char *line = lines, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        if (*line == '@' || strchr(line, '='))
            add_text(&texts, line);
        else if (*line)
            add_tensor(&header, line, &at);
    }
    const uint64_t length = strlen("{\"__metadata__\":{}}") + texts.length + header.length;
    text_add_bytes(file, (const char *)&length, sizeof length);
    text_print(file, "{\"__metadata__\":{%s}%s}", texts.bytes ? texts.bytes : "", header.bytes ? header.bytes : "");
    static const char zeros[DATA_MAX];
    text_add_bytes(file, zeros, at < DATA_MAX ? at : DATA_MAX);
    text_free(&header);
    text_free(&texts);
}

/* ---- what is asked ---- */

static void load_torch(const struct model *model, const struct text *file) {
    struct error error = {0};
    struct text report = {0};
    const char *path = fuzz_write("state.safetensors", file->bytes, file->length);
    fuzz_check(model_load_weights(model, path, &report, &error), &error);
    text_free(&report);
}

static void load_keras(const struct model *model, const struct text *file) {
    struct error error = {0};
    struct safetensors tree;
    struct checkpoint_tensor *tensors = NULL;
    struct tensor_names *names = NULL;
    size_t count = 0;
    char *bytes = fuzz_text((const uint8_t *)file->bytes, file->length);
    int status = safetensors_parse("x.h5", bytes, file->length, &tree, &error);
    fuzz_check(status, &error);
    if (status != 0) return;
    status = keras_weights_assign(&tree, model, &error);
    fuzz_check(status, &error);
    if (status == 0 && model_tensors(model, &tensors, &names, &count, &error) == 0)
        fuzz_check(checkpoint_apply(&tree, tensors, count, CHECKPOINT_LENIENT, NULL, &error), &error);
    free(tensors);
    free(names);
    safetensors_free(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config config;
    struct model model;
    struct text file = {0};
    if (size == 0) return 0;
    build(&model, &config, data[0] / 2 % MODELS);
    char *lines = fuzz_text(data + 1, size - 1);
    make_file(&file, lines);
    if (data[0] % 2)
        load_keras(&model, &file);
    else
        load_torch(&model, &file);
    free(lines);
    text_free(&file);
    model_free(&model);
    config_free(&config);
    return 0;
}
