/* A model written as C: compiled without warnings, and it computes what the engine does. */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/interop/exchange.h"
#include "core/text.h"
#include "layers/registry.h"
#include "tests/support/layer_case.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"
#include "tests/support/tree.h"

extern const struct exchange_format c_format;

typedef void predict_function(const float *in, float *out);

#define FLAGS "-Wall -Wextra -pedantic -Werror"

static const char *compiler(void) {
    const char *cc = getenv("CC");
    return cc && *cc ? cc : "cc";
}

/* Runs a line of sh in the folder; whether it succeeded. */
static bool runs(const char *folder, const char *command) {
    char line[512];
    snprintf(line, sizeof line, "cd '%s' && %s", folder, command);
    return system(line) == 0; // NOLINT(cert-env33-c): the compiler is a program
}

static bool has_tool(const char *folder, const char *tool) {
    char line[256];
    snprintf(line, sizeof line, "command -v %s >/dev/null", tool);
    return runs(folder, line);
}

static void skip_without_compiler(const char *folder) {
    if (!has_tool(folder, compiler())) skip();
}

/* All sources of the folder as one library; close it with dlclose. */
static void *compiled(const char *folder, const char *flags) {
    char line[256];
    snprintf(line, sizeof line, "%s -std=c99 " FLAGS " %s -shared -fPIC -o all.so *.c -lm", compiler(), flags);
    if (!runs(folder, line)) fail_msg("%s", line);
    char *path = expect_path(folder, "all.so");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail_msg("%s", dlerror());
    free(path);
    return library;
}

static predict_function *function_of(void *library, const char *name) {
    void *symbol = dlsym(library, name);
    predict_function *function = NULL;
    if (!symbol) fail_msg("%s", dlerror());
    memcpy(&function, &symbol, sizeof function);
    return function;
}

static void write_model(const struct model *model, const struct model_facts *facts, unsigned options,
                        const char *folder, const char *name) {
    struct error error = {0};
    struct text remarks = {0};
    const struct exchange exchange = {.model = model,
                                      .facts = facts,
                                      .registries = &test_registries,
                                      .options = options,
                                      .version = "1.2.3",
                                      .remarks = &remarks};
    char *path = expect_path(folder, name);
    c_format.write(&exchange, path, &error);
    expect_no_error(&error);
    assert_non_null(strstr(remarks.bytes, "_predict(in, out)"));
    text_free(&remarks);
    free(path);
}

/* ---- every example of every layer ---- */

/* A different number at every call, of both signs; a variance is not negative. */
static float next_number(unsigned *state) {
    *state = *state * 1664525U + 1013904223U;
    return (float)(*state >> 8) / (float)(1 << 23) - 1;
}

struct example {
    struct config config;
    struct model model;
    const char *layer;
    char name[32];
    float *values[8]; /* the input, then what each layer gives */
};

static size_t elements(const struct shape *shape) {
    size_t count = 0;
    assert_true(shape_elements(shape, &count));
    return count;
}

/* The layer as a model, with its output flattened. */
static void open_example(struct example *example, const struct layer_kind *kind, const struct layer_example *of) {
    struct error error = {0};
    struct text text = {0};
    text_print(&text,
               "{\"data\": {\"source\": \"synth\"}, \"model\": [{\"type\": \"%s\"%s%s, {\"type\": \"Flatten\"}]}",
               kind->component.name, strcmp(of->config, "{}") == 0 ? "" : ", ", of->config + 1);
    struct config_request request = {.registries = &test_registries};
    config_parse(&example->config, text.bytes, "test.json", &request, &error);
    expect_no_error(&error);
    model_build(&example->model, &example->config, &of->input, &error);
    expect_no_error(&error);
    example->layer = kind->component.name;
    text_free(&text);
}

static void fill_example(struct example *example, unsigned *state) {
    const struct model *model = &example->model;
    const size_t inputs = elements(&model->input);
    example->values[0] = calloc(inputs, sizeof(float));
    for (size_t i = 0; i < inputs; i++) example->values[0][i] = 2 * next_number(state);
    for (int l = 0; l < model->layer_count; l++)
        for (int k = 0; k < model->layers[l].parameter_count; k++) {
            const struct parameter *parameter = &model->layers[l].parameters[k];
            const bool positive = strstr(parameter->name, "variance") != NULL;
            float *numbers = model_parameter(model, &model->layers[l], k);
            for (size_t i = 0; i < parameter->size; i++) {
                const float number = next_number(state);
                numbers[i] = positive ? fabsf(number) + 0.5F : number;
            }
        }
}

/* Layer by layer, by the reference kernels. */
static void run_example(struct example *example) {
    const struct model *model = &example->model;
    struct error error = {0};
    assert_true(model->layer_count + 1 < (int)(sizeof example->values / sizeof example->values[0]));
    for (int l = 0; l < model->layer_count; l++) {
        const struct layer *layer = &model->layers[l];
        const size_t input = elements(&layer->input), output = elements(&layer->output);
        example->values[l + 1] = calloc(output, sizeof(float));
        if (layer->kind->is_view) {
            memcpy(example->values[l + 1], example->values[l], output * sizeof(float));
            continue;
        }
        struct layer_run run;
        layer_run_open(&run, layer, kernels_reference(), 1, &error);
        expect_no_error(&error);
        memcpy(run.x, example->values[l], input * sizeof(float));
        if (layer->second.rank) memcpy(run.seconds, example->values[layer->second_tensor], run.second * sizeof(float));
        for (int k = 0; k < layer->parameter_count; k++)
            memcpy(run.parameters[k], model_parameter(model, layer, k), run.sizes[k] * sizeof(float));
        layer_run_forward(&run, false);
        memcpy(example->values[l + 1], run.y, output * sizeof(float));
        layer_run_close(&run);
    }
}

static void close_example(struct example *example) {
    for (int i = 0; i <= example->model.layer_count; i++) free(example->values[i]);
    model_free(&example->model);
    config_free(&example->config);
}

static void compare(const struct example *example, void *library) {
    const size_t count = elements(&example->model.output);
    const float *expected = example->values[example->model.layer_count];
    char name[64];
    snprintf(name, sizeof name, "%s_predict", example->name);
    float *found = calloc(count, sizeof *found);
    assert_non_null(found);
    function_of(library, name)(example->values[0], found);
    double largest = 1; /* sums of large numbers round more */
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)expected[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)found[i] - (double)expected[i]) <= 1e-5 * largest))
            fail_msg("%s (%s): number %zu is %.9g, expected %.9g", example->layer, example->name, i, (double)found[i],
                     (double)expected[i]);
    free(found);
}

static void every_layer(void **state) {
    (void)state;
    enum { EXAMPLES_MAX = 512 };
    struct example *examples = calloc(EXAMPLES_MAX, sizeof *examples);
    assert_non_null(examples);
    char *folder = expect_folder();
    skip_without_compiler(folder);
    int count = 0;
    unsigned number = 7;
    for (const struct component_kind *const *kind = layer_registry.kinds; *kind; kind++) {
        const struct layer_kind *layer = (const struct layer_kind *)(const void *)*kind;
        for (const struct layer_example *of = layer->examples; of->config && count < EXAMPLES_MAX; of++) {
            struct example *example = &examples[count];
            open_example(example, layer, of);
            fill_example(example, &number);
            run_example(example);
            snprintf(example->name, sizeof example->name, "example_%d", count++);
            char file[64];
            snprintf(file, sizeof file, "%s.c", example->name);
            const struct model_facts facts = {.classes = 1};
            write_model(&example->model, &facts, EXCHANGE_LOGITS, folder, file);
        }
    }
    assert_true(count > 0);
    void *library = compiled(folder, "-O0");
    for (int i = 0; i < count; i++) compare(&examples[i], library);
    for (int i = 0; i < count; i++) close_example(&examples[i]);
    dlclose(library);
    tree_gone(folder);
    free(examples);
}

/* ---- a whole network ---- */

static char *class_names[] = {"a \"b\"\\", "what?\?!", "d\xC3\xA9j\xC3\xA0"};

static void predicted(struct tiny *tiny, float *probabilities) {
    const struct batch batch = {.feed = &tiny->train, .samples = tiny_samples(), .count = 4};
    engine_evaluate(tiny->engine, &batch, probabilities, NULL);
}

/* Pixels go in, probabilities come out; as optimized C and as C++. */
static void whole_network(void **state) {
    (void)state;
    enum { IMAGE = TINY_SIDE * TINY_SIDE * TINY_CHANNELS, IMAGES = 4 };
    struct tiny tiny;
    const struct tiny_setup setup = {.data = "'normalize': 'standardize'", .train = 9, .inference = true};
    tiny_open(&tiny, &setup);
    const struct model_facts facts = {NULL, tiny.normalization, TINY_CLASSES, class_names};
    char *folder = expect_folder();
    skip_without_compiler(folder);
    write_model(&tiny.model, &facts, EXCHANGE_PREPROCESSING, folder, "5 small-net.c");
    char *text = tree_read(folder, "5 small-net.h", &(size_t){0});
    assert_non_null(strstr(text, "#define N5_SMALL_NET_INPUTS 128\n"));
    assert_non_null(strstr(text, "#define N5_SMALL_NET_CLASSES 3\n"));
    free(text);
    void *library = compiled(folder, "-O2");
    float expected[IMAGES * TINY_CLASSES], found[TINY_CLASSES], pixels[IMAGE];
    predicted(&tiny, expected);
    predict_function *predict = function_of(library, "n5_small_net_predict");
    for (int n = 0; n < IMAGES; n++) {
        for (int i = 0; i < IMAGE; i++) pixels[i] = (float)((const uint8_t *)tiny.splits.train.pixels)[n * IMAGE + i];
        predict(pixels, found);
        assert_numbers(found, expected + n * TINY_CLASSES, TINY_CLASSES, 1e-5);
    }
    const char *const *names = dlsym(library, "n5_small_net_class_names");
    for (int i = 0; i < TINY_CLASSES; i++) assert_string_equal(names[i], class_names[i]);
    if (has_tool(folder, "c++")) assert_true(runs(folder, "c++ -x c++ " FLAGS " -fsyntax-only *.c"));
    dlclose(library);
    tree_gone(folder);
    tiny_close(&tiny);
}

/* ---- what cannot be written ---- */

static void refuse(const struct tiny *tiny, const char *path, enum error_code code, const char *message) {
    struct error error = {0};
    struct text remarks = {0};
    const struct model_facts facts = {NULL, tiny->normalization, TINY_CLASSES, NULL};
    const struct exchange exchange = {.model = &tiny->model, .facts = &facts, .version = "1", .remarks = &remarks};
    assert_int_equal(c_format.write(&exchange, path, &error), -1);
    expect_error(&error, code, message);
    text_free(&remarks);
}

static void refusals(void **state) {
    (void)state;
    struct tiny tiny;
    tiny_open(&tiny, &(struct tiny_setup){.train = 3, .inference = true});
    refuse(&tiny, "no/folder/net.h", ERROR_CONFIG,
           "no/folder/net.h: is the header's name; name the source, which ends in .c");
    refuse(&tiny, "no/a\"b.c", ERROR_CONFIG,
           "no/a\"b.c: has a name that C cannot include; name it with letters and digits");
    float *kernel = model_parameter(&tiny.model, &tiny.model.layers[0], 0);
    kernel[3] = INFINITY;
    refuse(&tiny, "no/net.c", ERROR_DATA,
           "conv2d/kernel: holds numbers that are infinite or NaN, which no C source can have; train the model again");
    kernel[3] = 0;
    struct layer_kind silent = *tiny.model.layers[0].kind;
    silent.describe = NULL;
    tiny.model.layers[0].kind = &silent;
    refuse(&tiny, "no/net.c", ERROR_DATA, "conv2d: Conv2D layers cannot be exported to this format");
    tiny_close(&tiny);
}

/* A header of somebody else's stays; one of ours is replaced. */
static void headers(void **state) {
    (void)state;
    struct tiny tiny;
    tiny_open(&tiny, &(struct tiny_setup){.train = 3, .inference = true});
    const struct model_facts facts = {NULL, tiny.normalization, TINY_CLASSES, NULL};
    char *folder = expect_folder(), *path = expect_path(folder, "net.c");
    char message[512];
    tree_write(folder, "net.h", "#define MINE 1\n");
    snprintf(
        message, sizeof message,
        "%s: would have its header in %s/net.h, which is there and was not written by cnntrain; choose another name",
        path, folder);
    refuse(&tiny, path, ERROR_CONFIG, message);
    assert_false(tree_has(folder, "net.c"));
    tree_write(folder, "net.h", "/* net.h: a trained network, written by cnntrain 0.0.1. */\n");
    write_model(&tiny.model, &facts, 0, folder, "net.c");
    write_model(&tiny.model, &facts, EXCHANGE_LOGITS, folder, "net.c");
    char *text = tree_read(folder, "net.h", &(size_t){0});
    assert_non_null(strstr(text, "out: the logits of the classes"));
    free(text);
    free(path);
    tree_gone(folder);
    tiny_close(&tiny);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_layer), cmocka_unit_test(whole_network),
                                       cmocka_unit_test(refusals), cmocka_unit_test(headers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
