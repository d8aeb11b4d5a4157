/* Benchmarks through the program: short ones, for what is printed rather than for what is measured. */
#include <math.h>
#include <string.h>

#include "tests/support/command.h"

static double number_of(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItem(object, key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static const char *string_of(const cJSON *object, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, key));
    assert_non_null(text);
    return text;
}

static void json_has_all_keys(void **state) {
    struct command_world *world = *state;
    cJSON *json = command_json(world, "cnntrain bench sep_max --seconds 0.1 --batch 24 --threads 2 --json");
    static const char *const positive[] = {"images_per_second", "steps",     "step_ms",  "step_ms_fastest", "gflops",
                                           "peak_gflops",       "memory_mb", "engine_mb"};
    for (size_t i = 0; i < sizeof positive / sizeof positive[0]; i++) assert_true(number_of(json, positive[i]) > 0);
    assert_true(number_of(json, "threads") == 2 && number_of(json, "batch_size") == 24);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(json, "training")));
    assert_string_equal(string_of(json, "name"), "sep_max");
    assert_true(strlen(string_of(json, "kernels")) > 0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "step_ms_quartiles")), 2);
    double rate = 24e3 / number_of(json, "step_ms");
    assert_true(fabs(number_of(json, "images_per_second") - rate) < 1e-6 * rate);
    cJSON_Delete(json);
}

/* The layers and the rest add up to the step. */
static void layers_make_the_step(void **state) {
    struct command_world *world = *state;
    cJSON *json = command_json(world, "cnntrain bench sep_max --seconds 0.1 --batch 24 --threads 2 --json");
    const cJSON *layers = cJSON_GetObjectItem(json, "layers"), *layer = NULL;
    assert_int_equal(cJSON_GetArraySize(layers), 4);
    assert_string_equal(string_of(cJSON_GetArrayItem(layers, 0), "name"), "separable_conv2d");
    assert_string_equal(string_of(cJSON_GetArrayItem(layers, 0), "type"), "SeparableConv2D");
    assert_string_equal(string_of(cJSON_GetArrayItem(layers, 3), "output"), "(10)");
    double sum = number_of(json, "other_ms"), step = number_of(json, "step_ms");
    assert_true(sum >= 0);
    cJSON_ArrayForEach(layer, layers) sum += number_of(layer, "forward_ms") + number_of(layer, "backward_ms");
    assert_true(fabs(sum - step) < 1e-6 * step);
    const cJSON *dense = cJSON_GetArrayItem(layers, 3);
    assert_true(number_of(dense, "forward_ms") > 0 && number_of(dense, "backward_ms") > 0);
    assert_true(number_of(dense, "operations") == 6.0 * 24 * 7200 * 10);
    cJSON_Delete(json);
}

static void text_has_the_same(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain bench --config sep_max --seconds 0.05 --batch 8 --threads 1");
    assert_starts_with(world->out, "sep_max, training, batch of 8, 1 thread, ");
    static const char *const parts[] = {"\nimages/s   ",    "\nstep       ", "\nGFLOP/s    ", "\nmemory     ",
                                        "\nmax_pooling2d ", "backward ms",   "\nother "};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) assert_contains(world->out, parts[i]);
    command_succeeds(world, "cnntrain bench sep_max --seconds 0.05 --batch 8 --inference");
    assert_starts_with(world->out, "sep_max, inference, batch of 8, ");
    assert_lacks(world->out, "backward");
    command_succeeds(world, "cnntrain bench sep_max --seconds 0.05 --no-layers --set training.batch_size=12");
    assert_contains(world->out, "batch of 12, ");
    assert_lacks(world->out, "max_pooling2d");
}

static void inference_has_no_backward(void **state) {
    struct command_world *world = *state;
    cJSON *json = command_json(world, "cnntrain bench sep_max --seconds 0.05 --batch 600 --inference --json");
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(json, "training")));
    const cJSON *layers = cJSON_GetObjectItem(json, "layers"), *layer = NULL;
    cJSON_ArrayForEach(layer, layers) assert_true(number_of(layer, "backward_ms") == 0);
    assert_true(number_of(cJSON_GetArrayItem(layers, 3), "operations") == 2.0 * 600 * 7200 * 10);
    cJSON_Delete(json);
    json = command_json(world, "cnntrain bench sep_max --seconds 0.05 --no-layers --json");
    assert_null(cJSON_GetObjectItem(json, "layers"));
    cJSON_Delete(json);
}

static void steps_are_counted(void **state) {
    struct command_world *world = *state;
    static const char *const lines[] = {"cnntrain bench sep_max --batch 4 --steps 1 --json",
                                        "cnntrain bench sep_max --batch 4 --steps 100 --json",
                                        "cnntrain bench sep_max --batch 4 --steps 100 --inference --json"};
    for (size_t i = 0; i < 3; i++) {
        cJSON *json = command_json(world, lines[i]);
        assert_true(number_of(json, "steps") == (i == 0 ? 1 : 100));
        cJSON_Delete(json);
    }
}

/* A trained model keeps its file as it is, and the learning rate of its config does not matter. */
static void trained_models_and_data(void **state) {
    struct command_world *world = *state;
    command_write(
        world, "mine.json",
        "{\"model\": [{\"type\": \"Conv2D\", \"filters\": 4, \"kernel_size\": 3, \"activation\": \"relu\"},"
        " {\"type\": \"BatchNormalization\"}, {\"type\": \"Dropout\", \"rate\": 0.5}, {\"type\": \"Flatten\"},"
        " {\"type\": \"Dense\", \"units\": 10, \"activation\": \"softmax\"}],"
        " \"training\": {\"batch_size\": 16, \"optimizer\": {\"type\": \"SGD\", \"learning_rate\": 1e30},"
        " \"schedule\": {\"type\": \"CosineDecay\"}, \"callbacks\": [{\"type\": \"EarlyStopping\","
        " \"monitor\": \"loss\", \"patience\": 0}]}}");
    command_succeeds(world, "cnntrain bench mine.json --data synth:64,32 --seconds 0.05");
    assert_contains(world->out, "batch of 16, ");
    command(world, "cnntrain train mine.json --data synth:64,32 --set training.optimizer.learning_rate=0.01"
                   " --epochs 1 -q --out run && cp run/last.safetensors before");
    command_succeeds(world, "cnntrain bench run --seconds 0.05");
    command_succeeds(world, "cnntrain bench run/last.safetensors --seconds 0.05 --inference");
    assert_int_equal(command(world, "cmp run/last.safetensors before"), 0);
    command_fails(world, "cnntrain bench run --set seed=3", 2,
                  "run: is a trained model; --data and --set are for configs");
}

static void mistakes(void **state) {
    struct command_world *world = *state;
    static const struct {
        const char *line, *message;
        int code;
    } cases[] = {
        {"cnntrain bench sep_max --batch 0", "--batch: must be 1 or more, got 0", 2},
        {"cnntrain bench sep_max --batch x", "--batch: must be a whole number, got \"x\"", 2},
        {"cnntrain bench sep_max --seconds 0", "--seconds: must be a number above 0, at most 3600, got \"0\"", 2},
        {"cnntrain bench sep_max --seconds nan", "--seconds: must be a number above 0, at most 3600, got \"nan\"", 2},
        {"cnntrain bench sep_max --seconds 3s", "--seconds: must be a number above 0, at most 3600, got \"3s\"", 2},
        {"cnntrain bench sep_max --steps 0", "--steps: must be 1 to 65536, got 0", 2},
        {"cnntrain bench sep_max --steps 1 --seconds 1", "--steps: cannot be given together with --seconds", 2},
        {"cnntrain bench sep_max --threads 0", "--threads: must be 1 to 1024, got 0", 2},
        {"cnntrain bench no.safetensors",
         "no.safetensors: no such model; name a run's folder, such as runs/sep_max, or a .safetensors, .keras or .h5 "
         "file",
         4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        command_fails(world, cases[i].line, cases[i].code, cases[i].message);
    assert_int_equal(command(world, "cnntrain bench sepmax"), 4);
    assert_contains(world->err, "sepmax");
    assert_int_equal(command(world, "cnntrain bench sep_max --inferrence"), 2);
    assert_contains(world->err, "did you mean \"--inference\"?");
}

/* Nothing is printed but by a benchmark that came to its end. */
static void interrupts_end_it(void **state) {
    struct command_world *world = *state;
    command(world, "timeout -s INT 0.3 cnntrain bench sep_max --seconds 60; test $? -eq 124 && echo gone");
    assert_string_equal(world->out, "gone\n");
    assert_string_equal(world->err, "error: interrupted; no file is left half written\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_all_keys),       cmocka_unit_test(layers_make_the_step),
        cmocka_unit_test(text_has_the_same),       cmocka_unit_test(inference_has_no_backward),
        cmocka_unit_test(trained_models_and_data), cmocka_unit_test(mistakes),
        cmocka_unit_test(interrupts_end_it),       cmocka_unit_test(steps_are_counted),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
