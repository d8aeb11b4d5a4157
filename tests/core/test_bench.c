/* The benchmark below the program: results that hang together, and a model that stays as it was. */
#include "core/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine_profile.h"
#include "tests/support/expect.h"
#include "tests/support/tiny.h"

static struct bench_request request_of(struct tiny *tiny, bool training) {
    return (struct bench_request){.config = &tiny->config,
                                  .model = &tiny->model,
                                  .kernels = kernels_select(NULL),
                                  .threads = 2,
                                  .batch_size = 11,
                                  .training = training,
                                  .by_layer = true,
                                  .seconds = 0.02};
}

static void assert_coherent(const struct bench *bench, const struct bench_request *request) {
    assert_true(bench->steps >= 3);
    assert_true(bench->fastest_ms > 0 && bench->fastest_ms <= bench->lower_ms);
    assert_true(bench->lower_ms <= bench->step_ms && bench->step_ms <= bench->upper_ms);
    assert_true(fabs(bench->images_per_second * bench->step_ms - 1e3 * request->batch_size) < 1e-3);
    assert_true(bench->gflops > 0 && bench->peak_gflops > 0);
    assert_true(bench->engine_bytes > 0);
    assert_int_equal(bench->layer_count, request->model->layer_count);
    double sum = 0, operations = 0;
    for (int i = 0; i < bench->layer_count; i++) {
        const struct bench_layer *layer = &bench->layers[i];
        assert_true(layer->forward_ms > 0 && layer->backward_ms >= 0);
        if (!request->training) assert_true(layer->backward_ms == 0);
        sum += layer->forward_ms + layer->backward_ms;
        operations += layer->operations;
    }
    assert_true(sum <= bench->step_ms * (1 + 1e-9));
    assert_true(fabs(sum + bench->other_ms - bench->step_ms) < 1e-9 * bench->step_ms);
    assert_true(fabs(operations - bench->gflops * bench->step_ms * 1e6) < 1e-6 * operations);
}

static void run_case(bool training) {
    struct tiny_setup setup = {.model = tiny_model, .train = 8, .threads = 1, .inference = !training};
    struct tiny tiny;
    struct bench bench;
    struct error error = {0};
    tiny_open(&tiny, &setup);
    struct bench_request request = request_of(&tiny, training);
    assert_int_equal(bench_run(&request, &bench, &error), 0);
    assert_coherent(&bench, &request);
    bench_free(&bench);
    request.by_layer = false;
    assert_int_equal(bench_run(&request, &bench, &error), 0);
    assert_int_equal(bench.layer_count, 0);
    assert_null(bench.layers);
    bench_free(&bench);
    tiny_close(&tiny);
}

static void training(void **state) {
    (void)state;
    run_case(true);
}

static void inference(void **state) {
    (void)state;
    run_case(false);
}

/* An optimizer that would soon overflow does not: what learns stays where it was. */
static void weights_stay(void **state) {
    (void)state;
    struct tiny_setup setup = {.model = tiny_model,
                               .training = "{'optimizer': {'type': 'SGD', 'learning_rate': 1e30, 'momentum': 0.9}}",
                               .train = 8,
                               .threads = 1};
    struct tiny tiny;
    struct bench bench;
    struct error error = {0};
    tiny_open(&tiny, &setup);
    size_t bytes = tiny.model.trainable_floats * sizeof(float);
    float *before = malloc(bytes);
    assert_non_null(before);
    memcpy(before, tiny.model.parameters, bytes);
    struct bench_request request = request_of(&tiny, true);
    assert_int_equal(bench_run(&request, &bench, &error), 0);
    assert_memory_equal(before, tiny.model.parameters, bytes);
    assert_int_equal(tiny.config.values.training.epochs, 1);
    free(before);
    bench_free(&bench);
    tiny_close(&tiny);
}

static void operations_by_hand(void **state) {
    (void)state;
    struct tiny_setup setup = {.model = "[{'type': 'Conv2D', 'filters': 5, 'kernel_size': 3}, {'type': 'Flatten'},"
                                        " {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
                               .train = 8,
                               .threads = 1};
    struct tiny tiny;
    struct bench bench;
    struct error error = {0};
    tiny_open(&tiny, &setup);
    double convolution = 2.0 * 11 * 6 * 6 * 5 * 9 * 2, dense = 2.0 * 11 * 180 * 3;
    for (int training_too = 0; training_too < 2; training_too++) {
        struct bench_request request = request_of(&tiny, training_too);
        assert_int_equal(bench_run(&request, &bench, &error), 0);
        assert_true(bench.layers[0].operations == convolution * (training_too ? 2 : 1));
        assert_true(bench.layers[1].operations == 0);
        assert_true(bench.layers[2].operations == dense * (training_too ? 3 : 1));
        bench_free(&bench);
    }
    tiny_close(&tiny);
}

static void profiles(void **state) {
    (void)state;
    struct engine_profile profile;
    struct error error = {0};
    assert_int_equal(engine_profile_open(&profile, 3, 5, &error), 0);
    engine_profile_add(&profile, 0, ENGINE_FORWARD, 4, platform_seconds() - 1);
    assert_true(engine_profile_seconds(&profile, ENGINE_FORWARD, 4) == 0);
    assert_true(engine_profile_start(&profile) == 0);
    profile.on = true;
    for (int thread = 0; thread < 3; thread++)
        engine_profile_add(&profile, thread, ENGINE_BACKWARD, 4, platform_seconds() - 1);
    double seconds = engine_profile_seconds(&profile, ENGINE_BACKWARD, 4);
    assert_true(seconds >= 3 && seconds < 4);
    assert_true(engine_profile_seconds(&profile, ENGINE_FORWARD, 4) == 0);
    assert_true(engine_profile_seconds(&profile, ENGINE_BACKWARD, 3) == 0);
    engine_profile_close(&profile);
    engine_profile_add(NULL, 0, ENGINE_FORWARD, 0, engine_profile_start(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training),           cmocka_unit_test(inference), cmocka_unit_test(weights_stay),
        cmocka_unit_test(operations_by_hand), cmocka_unit_test(profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
