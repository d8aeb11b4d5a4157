#include "core/evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/loss.h"
#include "tests/support/expect.h"
#include "tests/support/threads.h"
#include "tests/support/tiny.h"

static const char dense_model[] = "['Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax', "
                                  "'kernel_regularizer': {'type': 'L2', 'l2': 0.5}}]";

/* The dense model by hand: logits of one image in double. */
static void logits_of(const struct tiny *tiny, int image, double logits[TINY_CLASSES]) {
    enum { PIXELS = TINY_SIDE * TINY_SIDE * TINY_CHANNELS };
    const uint8_t *pixels = (const uint8_t *)tiny->splits.train.pixels + (ptrdiff_t)image * PIXELS;
    const float *kernel = model_parameter(&tiny->model, &tiny->model.layers[1], 0);
    const float *bias = model_parameter(&tiny->model, &tiny->model.layers[1], 1);
    for (int k = 0; k < TINY_CLASSES; k++) {
        logits[k] = (double)bias[k];
        for (int i = 0; i < PIXELS; i++) logits[k] += pixels[i] / 255.0 * (double)kernel[i * TINY_CLASSES + k];
    }
}

struct expected {
    double loss;
    int64_t correct;
    int predicted[600];
    double probability[600];
};

static void evaluate_by_hand(const struct tiny *tiny, struct expected *expected) {
    int images = (int)tiny->splits.train.count;
    *expected = (struct expected){0};
    for (int i = 0; i < images; i++) {
        double logits[TINY_CLASSES], sum = 0;
        int label = tiny->splits.train.labels[i], best = 0;
        logits_of(tiny, i, logits);
        for (int k = 0; k < TINY_CLASSES; k++) sum += exp(logits[k]);
        for (int k = 1; k < TINY_CLASSES; k++)
            if (logits[k] > logits[best]) best = k;
        expected->loss -= (logits[label] - log(sum)) / images;
        expected->correct += best == label;
        expected->predicted[i] = best;
        expected->probability[i] = exp(logits[best]) / sum;
    }
    expected->loss += model_penalty(&tiny->model);
}

/* 600 images are a whole evaluation batch and a partial one. */
static void check_evaluation(int images, int threads) {
    const struct tiny_setup setup = {.model = dense_model, .train = images, .threads = threads, .inference = true};
    struct tiny tiny;
    struct expected expected;
    struct evaluation evaluation;
    struct predictions predictions;
    struct error error = {0};
    tiny_open(&tiny, &setup);
    evaluate_by_hand(&tiny, &expected);
    predictions_create(&predictions, images, &error);
    assert_int_equal(evaluate_feed(tiny.engine, &tiny.model, &tiny.train, &predictions, NULL, &evaluation, &error), 0);
    assert_true(fabs(evaluation.loss - expected.loss) < 1e-5);
    assert_int_equal(evaluation.correct, expected.correct);
    assert_true(evaluation.accuracy == (double)expected.correct / images);
    for (int i = 0; i < images; i++) {
        assert_int_equal(predictions.labels[i], tiny.splits.train.labels[i]);
        assert_int_equal(predictions.predicted[i], expected.predicted[i]);
        assert_true(fabs((double)predictions.probabilities[i] - expected.probability[i]) < 1e-5);
    }
    struct evaluation again;
    assert_int_equal(evaluate_feed(tiny.engine, &tiny.model, &tiny.train, NULL, NULL, &again, &error), 0);
    assert_memory_equal(&again, &evaluation, sizeof again);
    predictions_free(&predictions);
    tiny_close(&tiny);
}

static void test_evaluation(void **state) {
    (void)state;
    check_evaluation(600, 1);
    check_evaluation(600, 5);
    check_evaluation(512, 2);
    check_evaluation(1, 3);
}

/* What is done to images in training is not done here. */
static void test_without_augmentation(void **state) {
    (void)state;
    static const char *const data[] = {"", "'augment': ['RandomFlip', {'type': 'RandomCrop', 'padding': 2}]"};
    struct evaluation evaluations[2];
    struct error error = {0};
    for (int i = 0; i < 2; i++) {
        struct tiny tiny;
        tiny_open(&tiny, &(struct tiny_setup){.data = data[i], .train = 21, .threads = 2});
        evaluate_feed(tiny.engine, &tiny.model, &tiny.train, NULL, NULL, &evaluations[i], &error);
        expect_no_error(&error);
        tiny_close(&tiny);
    }
    assert_memory_equal(&evaluations[0], &evaluations[1], sizeof evaluations[0]);
}

/* The same numbers, to the bit, from engines for whatever batch size. */
static void test_any_batch_size(void **state) {
    (void)state;
    static const char *const training[] = {"{'batch_size': 1}", "{'batch_size': 7}", "{'batch_size': 1000}"};
    struct evaluation evaluations[3];
    struct error error = {0};
    for (int i = 0; i < 3; i++) {
        struct tiny tiny;
        tiny_open(&tiny, &(struct tiny_setup){.training = training[i], .train = 53, .threads = 1 + i});
        evaluate_feed(tiny.engine, &tiny.model, &tiny.train, NULL, NULL, &evaluations[i], &error);
        expect_no_error(&error);
        tiny_close(&tiny);
        assert_memory_equal(&evaluations[0], &evaluations[i], sizeof evaluations[0]);
    }
}

static void test_no_images(void **state) {
    (void)state;
    struct tiny tiny;
    struct evaluation evaluation;
    struct predictions predictions = {0};
    struct error error = {0};
    tiny_open(&tiny, &(struct tiny_setup){.model = dense_model, .train = 4, .threads = 1});
    struct dataset none = {.height = TINY_SIDE, .width = TINY_SIDE, .channels = TINY_CHANNELS};
    struct feed feed = tiny.train;
    feed.dataset = &none;
    assert_int_equal(evaluate_feed(tiny.engine, &tiny.model, &feed, &predictions, NULL, &evaluation, &error), 0);
    assert_true(evaluation.accuracy == 0 && evaluation.correct == 0);
    assert_true(evaluation.loss == model_penalty(&tiny.model));
    tiny_close(&tiny);
}

static void hear_images(void *listener, const char *what, int64_t done, int64_t total) {
    assert_string_equal(what, "images");
    assert_int_equal(total, 9);
    *(int64_t *)listener = done;
}

static void test_stop(void **state) {
    (void)state;
    struct tiny tiny;
    struct error error = {0};
    struct evaluation evaluation;
    volatile sig_atomic_t stop = 0;
    int64_t heard = 0;
    struct evaluation_watch watch = {&stop, {hear_images, &heard, NULL}};
    tiny_open(&tiny, &(struct tiny_setup){.train = 9, .inference = true});
    assert_int_equal(evaluate_feed(tiny.engine, &tiny.model, &tiny.train, NULL, &watch, &evaluation, &error), 0);
    assert_int_equal(heard, 9);
    stop = 1;
    assert_int_equal(evaluate_feed(tiny.engine, &tiny.model, &tiny.train, NULL, &watch, &evaluation, &error), -1);
    expect_error(&error, ERROR_INTERRUPTED, "interrupted");
    tiny_close(&tiny);
}

int main(int argc, char **argv) {
    (void)argc;
    threads_wait_asleep(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evaluation),     cmocka_unit_test(test_without_augmentation),
        cmocka_unit_test(test_any_batch_size), cmocka_unit_test(test_no_images),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
