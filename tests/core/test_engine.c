#include "core/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/threads.h"
#include "tests/support/tiny.h"

/* Models that take the engine's different ways. */
static const char *const models[] = {
    tiny_model,
    /* two whole-batch layers, one of them first; an activation that keeps its input; a softmax in the middle */
    "[{'type': 'BatchNormalization'}, {'type': 'DepthwiseConv2D', 'kernel_size': 3, 'padding': 'same',"
    " 'activation': 'gelu'}, {'type': 'Conv2D', 'filters': 5, 'kernel_size': 2, 'strides': 2},"
    " {'type': 'BatchNormalization'}, {'type': 'Activation', 'activation': 'softmax'},"
    " {'type': 'GlobalAveragePooling2D'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
    /* neighbouring whole-batch layers without and with parameters to learn */
    "[{'type': 'BatchNormalization', 'center': false, 'scale': false}, {'type': 'BatchNormalization'},"
    " {'type': 'Flatten'}, {'type': 'BatchNormalization'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
    /* nothing to learn in the first layers */
    "[{'type': 'AveragePooling2D'}, {'type': 'Dropout', 'rate': 0.5}, {'type': 'SeparableConv2D', 'filters': 6,"
    " 'kernel_size': 2, 'activation': 'silu'}, {'type': 'GlobalMaxPooling2D'}, {'type': 'Dense', 'units': 3,"
    " 'activation': 'softmax'}]",
    /* chains of several layers, whose images go one by one, two by two, or all together */
    "[{'type': 'Conv2D', 'filters': 530, 'kernel_size': 1, 'activation': 'relu'}, {'type': 'MaxPooling2D'},"
    " {'type': 'Conv2D', 'filters': 70, 'kernel_size': 3, 'padding': 'same'}, {'type': 'Activation', 'activation':"
    " 'gelu'}, {'type': 'Activation', 'activation': 'relu'}, {'type': 'AveragePooling2D'},"
    " {'type': 'DepthwiseConv2D', 'kernel_size': 2, 'depth_multiplier': 20, 'padding': 'same', 'activation':"
    " 'silu'}, {'type': 'Dropout', 'rate': 0.1}, {'type': 'Activation', 'activation': 'relu'},"
    " {'type': 'AveragePooling2D', 'pool_size': 2, 'strides': 1}, {'type': 'Conv2D', 'filters': 4, 'kernel_size': 1,"
    " 'activation': 'relu'}, {'type': 'MaxPooling2D', 'pool_size': 1}, {'type': 'Flatten'},"
    " {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
    /* dense layers only: weight gradients over the whole batch, one after the other */
    "[{'type': 'Flatten'}, {'type': 'Dense', 'units': 9, 'activation': 'tanh'}, {'type': 'Dropout', 'rate': 0.2},"
    " {'type': 'Dense', 'units': 7, 'activation': 'gelu'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
    /* weight gradients of 64 images at a time, and of those that are left */
    "[{'type': 'Conv2D', 'filters': 64, 'kernel_size': 3, 'padding': 'same', 'activation': 'relu'}, {'type': 'Conv2D',"
    " 'filters': 96, 'kernel_size': 3, 'padding': 'same', 'activation': 'relu'}, {'type': 'MaxPooling2D'},"
    " {'type': 'Conv2D', 'filters': 20, 'kernel_size': 5, 'padding': 'same', 'algorithm': 'direct'},"
    " {'type': 'GlobalAveragePooling2D'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
    /* layers by batch, with what goes around one, beside one that needs the whole batch, and at the very end */
    "[{'type': 'Conv2D', 'filters': 90, 'kernel_size': 2, 'strides': 2, 'activation': 'relu'}, {'type': 'Residual',"
    " 'layers': [{'type': 'Conv2D', 'filters': 92, 'kernel_size': 3, 'padding': 'same', 'activation': 'gelu'},"
    " {'type': 'Dropout', 'rate': 0.1}, {'type': 'Conv2D', 'filters': 90, 'kernel_size': 3, 'padding': 'same'}],"
    " 'activation': 'relu'}, {'type': 'MaxPooling2D'}, {'type': 'Conv2D', 'filters': 91, 'kernel_size': 3, 'padding':"
    " 'same', 'activity_regularizer': 'l2'}, {'type': 'Flatten'}, {'type': 'Dense', 'units': 3, 'activation':"
    " 'softmax'}]",
    "[{'type': 'Conv2D', 'filters': 256, 'kernel_size': 2, 'strides': 2, 'activation': 'relu'}, {'type':"
    " 'BatchNormalization'}, {'type': 'Flatten'}, {'type': 'Dense', 'units': 130, 'activation': 'relu'},"
    " {'type': 'BatchNormalization'}, {'type': 'Reshape', 'target_shape': [1, 1, 130]}, {'type': 'Conv2D', 'filters':"
    " 70, 'kernel_size': 3, 'padding': 'same'}, {'type': 'Activation', 'activation': 'softmax'}, {'type':"
    " 'GlobalAveragePooling2D'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
    "[{'type': 'Conv2D', 'filters': 96, 'kernel_size': 3, 'padding': 'same', 'strides': 2}, {'type': 'Conv2D',"
    " 'filters': 330, 'kernel_size': 3, 'padding': 'same', 'strides': 2}, {'type': 'Conv2D',"
    " 'filters': 96, 'kernel_size': 5, 'padding': 'same'}, {'type': 'Conv2D', 'filters': 88, 'kernel_size': 3,"
    " 'padding': 'same'}, {'type': 'GlobalAveragePooling2D'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
    /* pools done by the layer in front, of even and odd sizes, with and without ReLU */
    "[{'type': 'SeparableConv2D', 'filters': 16, 'kernel_size': 3, 'padding': 'same', 'activation': 'relu'},"
    " {'type': 'MaxPooling2D'}, {'type': 'SeparableConv2D', 'filters': 37, 'kernel_size': 2, 'activation': 'relu'},"
    " {'type': 'AveragePooling2D'}, {'type': 'Flatten'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
    "[{'type': 'SeparableConv2D', 'filters': 48, 'kernel_size': 2, 'use_bias': false}, {'type': 'MaxPooling2D'},"
    " {'type': 'SeparableConv2D', 'filters': 18, 'kernel_size': 2}, {'type': 'SumPooling2D'},"
    " {'type': 'Flatten'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
    /* and of one that may not be done there: its input is wanted elsewhere, or has an activation of its own */
    "[{'type': 'SeparableConv2D', 'filters': 16, 'kernel_size': 3, 'padding': 'same', 'activation': 'relu',"
    " 'activity_regularizer': 'l2'}, {'type': 'MaxPooling2D'}, {'type': 'Residual', 'layers': [{'type':"
    " 'SeparableConv2D', 'filters': 16, 'kernel_size': 3, 'padding': 'same', 'activation': 'gelu'}]}, {'type':"
    " 'MaxPooling2D'}, {'type': 'SeparableConv2D', 'filters': 16, 'kernel_size': 1, 'activation': 'gelu'}, {'type':"
    " 'AveragePooling2D'}, {'type': 'Flatten'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
    /* nothing to learn at all */
    "[{'type': 'Flatten'}, {'type': 'Reshape', 'target_shape': [8, 16]}, {'type': 'Reshape', 'target_shape': [2, 4,"
    " 16]}, {'type': 'GlobalAveragePooling2D'}, {'type': 'Activation', 'activation': 'softmax'}]",
};
enum { MODELS = sizeof models / sizeof *models };

/* What some training steps and an evaluation leave. */
struct outcome {
    size_t trainable, all, answers;
    float *gradients, *parameters, *probabilities;
    struct batch_result steps[3], evaluation;
};

enum { IMAGES = 75, CLASSES_MAX = 16 };

static float *copy_of(const float *values, size_t count) {
    float *copy = malloc((count + 1) * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, values, count * sizeof *copy);
    return copy;
}

static void free_outcome(struct outcome *outcome) {
    free(outcome->gradients);
    free(outcome->parameters);
    free(outcome->probabilities);
}

/* Plain gradient descent on three batches, the second and third of them partial. */
static void train(struct tiny *tiny, int batch_size, struct outcome *outcome) {
    const int counts[] = {batch_size, batch_size - batch_size / 3, 1};
    for (int step = 0; step < 3; step++) {
        struct batch batch = {.feed = &tiny->train,
                              .samples = tiny_samples() + step,
                              .count = counts[step],
                              .epoch = 1,
                              .step = (uint64_t)step,
                              .augment = true};
        engine_train_step(tiny->engine, &batch, &outcome->steps[step]);
        const float *gradients = engine_gradients(tiny->engine);
        for (size_t i = 0; i < tiny->model.trainable_floats; i++) tiny->model.parameters[i] -= 0.1F * gradients[i];
    }
}

static void run(const char *model, int batch_size, int threads, bool keep_outputs, struct outcome *outcome) {
    struct tiny tiny;
    char training[64];
    snprintf(training, sizeof training, "{'batch_size': %d, 'label_smoothing': 0.1}", batch_size);
    tiny_open(&tiny, &(struct tiny_setup){.model = model,
                                          .data = "'augment': [{'type': 'RandomCrop', 'padding': 2}, 'RandomFlip']",
                                          .training = training,
                                          .train = IMAGES,
                                          .threads = threads,
                                          .keep_outputs = keep_outputs});
    train(&tiny, batch_size, outcome);
    float probabilities[IMAGES * CLASSES_MAX];
    struct batch batch = {.feed = &tiny.train, .samples = tiny_samples(), .count = IMAGES};
    engine_evaluate(tiny.engine, &batch, probabilities, &outcome->evaluation);
    outcome->trainable = tiny.model.trainable_floats;
    outcome->all = tiny.model.parameter_floats;
    outcome->gradients = copy_of(engine_gradients(tiny.engine), outcome->trainable);
    outcome->parameters = copy_of(tiny.model.parameters, outcome->all);
    outcome->answers = IMAGES * (size_t)tiny.model.output.size[0];
    outcome->probabilities = copy_of(probabilities, outcome->answers);
    assert_int_equal(engine_threads(tiny.engine), threads);
    tiny_close(&tiny);
}

static void same_floats(const float *a, const float *b, size_t count, const char *what, int model, int batch,
                        int threads) {
    if (memcmp(a, b, count * sizeof *a) != 0)
        fail_msg("%s differ: model %d, batch size %d, %d threads", what, model, batch, threads);
}

static void same_result(const struct batch_result *a, const struct batch_result *b) {
    assert_memory_equal(&a->loss, &b->loss, sizeof a->loss);
    assert_int_equal(a->correct, b->correct);
}

static void check_threads(int model, int batch_size) {
    static const int threads[] = {2, 3, 4, 7, 8, 16};
    struct outcome one;
    run(models[model], batch_size, 1, false, &one);
    assert_true(isfinite(one.steps[2].loss));
    for (int t = 0; t < (int)(sizeof threads / sizeof *threads); t++) {
        struct outcome many;
        run(models[model], batch_size, threads[t], false, &many);
        same_floats(one.gradients, many.gradients, one.trainable, "gradients", model, batch_size, threads[t]);
        same_floats(one.parameters, many.parameters, one.all, "parameters", model, batch_size, threads[t]);
        same_floats(one.probabilities, many.probabilities, one.answers, "probabilities", model, batch_size, threads[t]);
        for (int step = 0; step < 3; step++) same_result(&one.steps[step], &many.steps[step]);
        same_result(&one.evaluation, &many.evaluation);
        free_outcome(&many);
    }
    free_outcome(&one);
}

static void near_floats(const float *a, const float *b, size_t count, const char *what, int model) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)b[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= 1e-5 * largest))
            fail_msg("%s differ: model %d, %zu: %g and %g, the largest is %g", what, model, i, (double)a[i],
                     (double)b[i], largest);
}

/* What a layer takes over from its neighbour, and what is not kept, changes no bit forward; gradients are summed over
 * other groups of images. */
static void test_all_outputs_kept(void **state) {
    (void)state;
    for (int model = 0; model < MODELS; model++) {
        struct outcome merged, kept;
        run(models[model], 11, 2, false, &merged);
        run(models[model], 11, 2, true, &kept);
        same_result(&merged.steps[0], &kept.steps[0]);
        near_floats(merged.gradients, kept.gradients, kept.trainable, "gradients", model);
        near_floats(merged.parameters, kept.parameters, kept.all, "parameters", model);
        near_floats(merged.probabilities, kept.probabilities, kept.answers, "probabilities", model);
        free_outcome(&merged);
        free_outcome(&kept);
    }
}

/* 70 images are 18 shards: more than there are lanes, and a partial one. */
static void test_same_bits_at_any_threads(void **state) {
    (void)state;
    for (int model = 0; model < MODELS; model++) {
        check_threads(model, 70);
        check_threads(model, 9);
        check_threads(model, 3); /* fewer images than threads */
        check_threads(model, 1);
    }
}

/* The order of shards within lanes depends on the batch alone, not on how large a batch may become. */
static void check_capacities(int model, int images) {
    struct batch_result result[2];
    float *gradients[2];
    for (int i = 0; i < 2; i++) {
        struct tiny tiny;
        char training[32];
        snprintf(training, sizeof training, "{'batch_size': %d}", i == 0 ? images : 500);
        tiny_open(&tiny,
                  &(struct tiny_setup){.model = models[model], .training = training, .train = IMAGES, .threads = 2});
        struct batch batch = {.feed = &tiny.train, .samples = tiny_samples(), .count = images};
        engine_train_step(tiny.engine, &batch, &result[i]);
        gradients[i] = copy_of(engine_gradients(tiny.engine), tiny.model.trainable_floats);
        if (i == 1) same_floats(gradients[0], gradients[1], tiny.model.trainable_floats, "gradients", model, images, 2);
        tiny_close(&tiny);
    }
    same_result(&result[0], &result[1]);
    free(gradients[0]);
    free(gradients[1]);
}

static void test_same_bits_at_any_capacity(void **state) {
    (void)state;
    for (int model = 0; model < MODELS; model++) {
        check_capacities(model, 50);
        check_capacities(model, 70);
    }
}

/* ---- the gradient of a whole model ---- */

static double evaluated_loss(struct tiny *tiny, const struct batch *batch) {
    struct batch_result result;
    engine_refresh(tiny->engine);
    engine_evaluate(tiny->engine, batch, NULL, &result);
    return result.loss / batch->count;
}

static double trained_loss(struct tiny *tiny, const struct batch *batch) {
    struct batch_result result;
    engine_train_step(tiny->engine, batch, &result);
    return result.loss / batch->count;
}

/* Smooth layers only, so that a difference of two losses is a slope. */
static const char smooth_model[] =
    "[{'type': 'Conv2D', 'filters': 4, 'kernel_size': 3, 'activation': 'tanh'}, {'type': 'AveragePooling2D'},"
    " {'type': 'SeparableConv2D', 'filters': 5, 'kernel_size': 2, 'activation': 'gelu'}, {'type': 'DepthwiseConv2D',"
    " 'kernel_size': 2, 'activation': 'sigmoid'}, {'type': 'Flatten'}, {'type': 'Dense', 'units': 6, 'activation':"
    " 'silu'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]";

/* The same with layers that see the whole batch, of several sizes: their loss is that of a training step. */
static const char batch_model[] =
    "[{'type': 'Conv2D', 'filters': 4, 'kernel_size': 3, 'activation': 'tanh'}, {'type': 'BatchNormalization'},"
    " {'type': 'Conv2D', 'filters': 7, 'kernel_size': 3, 'strides': 2}, {'type': 'BatchNormalization'},"
    " {'type': 'Activation', 'activation': 'sigmoid'}, {'type': 'Flatten'}, {'type': 'BatchNormalization'},"
    " {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]";

/* And with layers by batch: their kernels are large, so that a batch is needed that sees them. */
static const char heavy_model[] =
    "[{'type': 'Conv2D', 'filters': 96, 'kernel_size': 2, 'strides': 2, 'activation': 'tanh'}, {'type': 'Residual',"
    " 'layers': [{'type': 'Conv2D', 'filters': 96, 'kernel_size': 3, 'padding': 'same', 'activation': 'tanh'}]},"
    " {'type': 'Conv2D', 'filters': 90, 'kernel_size': 3, 'padding': 'same', 'activation': 'gelu'},"
    " {'type': 'AveragePooling2D'}, {'type': 'Conv2D', 'filters': 92, 'kernel_size': 3, 'padding': 'same',"
    " 'activation': 'silu'}, {'type': 'Flatten'}, {'type': 'Dense', 'units': 1425, 'activation': 'sigmoid'},"
    " {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]";

struct slopes {
    struct tiny tiny;
    struct batch batch;
    double (*loss)(struct tiny *tiny, const struct batch *batch);
    float *gradients;
};

static void check_slope(struct slopes *slopes, size_t index, double largest) {
    const float step = 0.02F;
    float *weight = &slopes->tiny.model.parameters[index], kept = *weight;
    *weight = kept + step;
    double above = slopes->loss(&slopes->tiny, &slopes->batch);
    *weight = kept - step;
    double below = slopes->loss(&slopes->tiny, &slopes->batch);
    *weight = kept;
    double numeric = (above - below) / (2 * (double)step), analytic = (double)slopes->gradients[index];
    if (fabs(numeric - analytic) > 4e-3 * largest + 2e-5)
        fail_msg("parameter %zu: slope %.7g, gradient %.7g (largest %.3g)", index, numeric, analytic, largest);
}

static void check_parameter_slopes(struct slopes *slopes, const struct parameter *parameter) {
    const float *gradients = slopes->gradients + parameter->offset;
    double largest = 0;
    for (size_t i = 0; i < parameter->size; i++) largest = fmax(largest, fabs((double)gradients[i]));
    if (largest == 0) fail_msg("%s has no gradient", parameter->name);
    for (size_t i = 0; i < parameter->size; i += 1 + parameter->size / 20)
        check_slope(slopes, parameter->offset + i, largest);
}

static void check_slopes(const char *model, double (*loss)(struct tiny *tiny, const struct batch *batch)) {
    struct slopes slopes = {.loss = loss};
    struct batch_result result;
    tiny_open(&slopes.tiny,
              &(struct tiny_setup){
                  .model = model, .training = "{'batch_size': 11, 'label_smoothing': 0.1}", .train = 11, .threads = 2});
    slopes.batch = (struct batch){.feed = &slopes.tiny.train, .samples = tiny_samples(), .count = 11};
    engine_train_step(slopes.tiny.engine, &slopes.batch, &result);
    slopes.gradients = copy_of(engine_gradients(slopes.tiny.engine), slopes.tiny.model.trainable_floats);
    assert_true(fabs(loss(&slopes.tiny, &slopes.batch) - result.loss / 11) < 1e-6);
    for (int i = 0; i < slopes.tiny.model.layer_count; i++)
        for (int k = 0; k < slopes.tiny.model.layers[i].parameter_count; k++) {
            const struct parameter *parameter = &slopes.tiny.model.layers[i].parameters[k];
            if (parameter->trainable) check_parameter_slopes(&slopes, parameter);
        }
    free(slopes.gradients);
    tiny_close(&slopes.tiny);
}

/* Those that the tests above are about. */
static void test_layers_by_batch(void **state) {
    (void)state;
    struct tiny tiny;
    int by_batch = 0;
    tiny_open(&tiny, &(struct tiny_setup){.model = heavy_model, .train = 11, .threads = 2});
    for (int i = 0; i < tiny.model.layer_count; i++) {
        const struct layer *layer = &tiny.model.layers[i];
        by_batch += layer->batch_images > 0;
        if (layer->batch_images == 0) continue;
        assert_int_equal(layer->batch_images % ENGINE_SHARD, 0);
        assert_true(layer->gradient_by_batch && layer->kind->batch_forward && layer->kind->batch_backward);
        assert_int_equal(layer->packed_floats, 0);
    }
    assert_int_equal(by_batch, 4);
    tiny_close(&tiny);
}

static void test_gradient_of_the_model(void **state) {
    (void)state;
    check_slopes(smooth_model, evaluated_loss);
    check_slopes(batch_model, trained_loss);
    check_slopes(heavy_model, evaluated_loss);
}

/* A step begins with gradients of zero, whatever the step before left. */
static void test_same_step_again(void **state) {
    (void)state;
    for (int model = 0; model < MODELS; model++) {
        struct tiny tiny;
        struct batch_result result;
        tiny_open(&tiny, &(struct tiny_setup){
                             .model = models[model], .training = "{'batch_size': 9}", .train = 9, .threads = 2});
        struct batch batch = {.feed = &tiny.train, .samples = tiny_samples(), .count = 9};
        engine_train_step(tiny.engine, &batch, &result);
        float *gradients = copy_of(engine_gradients(tiny.engine), tiny.model.trainable_floats);
        for (int i = 0; i < 2; i++) engine_train_step(tiny.engine, &batch, &result);
        same_floats(gradients, engine_gradients(tiny.engine), tiny.model.trainable_floats, "gradients", model, 9, 2);
        free(gradients);
        tiny_close(&tiny);
    }
}

/* Between parameters there is padding; it stays zero, or optimizers would see numbers that are nobody's. */
static void test_padding_has_no_gradient(void **state) {
    (void)state;
    struct tiny tiny;
    tiny_open(&tiny, &(struct tiny_setup){.training = "{'batch_size': 8}", .train = 8, .threads = 1});
    struct batch batch = {.feed = &tiny.train, .samples = tiny_samples(), .count = 8};
    struct batch_result result;
    engine_train_step(tiny.engine, &batch, &result);
    float *gradients = engine_gradients(tiny.engine);
    for (int i = 0; i < tiny.model.layer_count; i++)
        for (int k = 0; k < tiny.model.layers[i].parameter_count; k++) {
            const struct parameter *parameter = &tiny.model.layers[i].parameters[k];
            if (parameter->trainable) memset(gradients + parameter->offset, 0, parameter->size * sizeof *gradients);
        }
    for (size_t i = 0; i < tiny.model.trainable_floats; i++) assert_true(gradients[i] == 0);
    tiny_close(&tiny);
}

/* ---- evaluation ---- */

static void evaluate_in_batches(struct tiny *tiny, int size, float *probabilities, struct batch_result *sum) {
    const int classes = tiny->model.output.size[0];
    *sum = (struct batch_result){0};
    for (int at = 0; at < IMAGES; at += size) {
        struct batch batch = {
            .feed = &tiny->train, .samples = tiny_samples() + at, .count = IMAGES - at < size ? IMAGES - at : size};
        struct batch_result result;
        engine_evaluate(tiny->engine, &batch, probabilities + (ptrdiff_t)at * classes, &result);
        sum->loss += result.loss;
        sum->correct += result.correct;
    }
}

struct answers {
    float probabilities[IMAGES * CLASSES_MAX];
    struct batch_result sum;
};

static void check_answers(struct tiny *tiny, const struct answers *expected) {
    const size_t bytes = IMAGES * (size_t)tiny->model.output.size[0] * sizeof(float);
    for (int size = 1; size <= 64; size = size * 3 + 1) {
        struct answers found;
        evaluate_in_batches(tiny, size, found.probabilities, &found.sum);
        assert_memory_equal(found.probabilities, expected->probabilities, bytes);
        assert_int_equal(found.sum.correct, expected->sum.correct);
        assert_true(fabs(found.sum.loss - expected->sum.loss) < 1e-9 * IMAGES);
    }
    struct batch batch = {.feed = &tiny->train, .samples = tiny_samples(), .count = 4};
    engine_evaluate(tiny->engine, &batch, NULL, NULL);
}

static void check_sums(const struct tiny *tiny, const struct answers *answers) {
    const int classes = tiny->model.output.size[0];
    for (int i = 0; i < IMAGES; i++) {
        double sum = 0;
        for (int k = 0; k < classes; k++) sum += (double)answers->probabilities[i * classes + k];
        assert_true(fabs(sum - 1) < 1e-6);
    }
}

/* An image's probabilities do not depend on its company, nor on whether the engine can train. */
static void test_evaluation_by_any_batch(void **state) {
    (void)state;
    for (int model = 0; model < MODELS; model++) {
        struct answers expected = {0};
        for (int inference = 0; inference < 2; inference++) {
            struct tiny tiny;
            tiny_open(&tiny, &(struct tiny_setup){.model = models[model],
                                                  .training = "{'batch_size': 5}",
                                                  .train = IMAGES,
                                                  .threads = 3,
                                                  .inference = inference});
            if (!inference) evaluate_in_batches(&tiny, IMAGES, expected.probabilities, &expected.sum);
            check_answers(&tiny, &expected);
            check_sums(&tiny, &expected);
            tiny_close(&tiny);
        }
    }
}

static void test_refresh_after_new_weights(void **state) {
    (void)state;
    struct tiny tiny;
    tiny_open(&tiny, &(struct tiny_setup){.train = 4, .threads = 1, .inference = true});
    float before[4 * TINY_CLASSES], after[4 * TINY_CLASSES];
    struct batch batch = {.feed = &tiny.train, .samples = tiny_samples(), .count = 4};
    engine_evaluate(tiny.engine, &batch, before, NULL);
    for (size_t i = 0; i < tiny.model.parameter_floats; i++) tiny.model.parameters[i] *= -2;
    for (int k = 0; k < 4; k++) { /* a variance stays positive */
        const struct layer *layer = &tiny.model.layers[1];
        for (size_t i = 0; i < layer->parameters[k].size; i++)
            if (k == 3) model_parameter(&tiny.model, layer, k)[i] = 1;
    }
    engine_refresh(tiny.engine);
    engine_evaluate(tiny.engine, &batch, after, NULL);
    assert_memory_not_equal(before, after, sizeof before);
    struct tiny other;
    tiny_open(&other, &(struct tiny_setup){.train = 4, .threads = 1, .inference = true});
    memcpy(other.model.parameters, tiny.model.parameters, tiny.model.parameter_floats * sizeof(float));
    engine_evaluate(other.engine, &batch, before, NULL);
    assert_memory_equal(before, after, sizeof before);
    tiny_close(&other);
    tiny_close(&tiny);
}

/* ---- single layers' needs ---- */

/* Moving statistics see the whole batch, not a shard: 0.01 of its mean, 0.99 + 0.01 of its variance. */
static void test_batch_statistics(void **state) {
    (void)state;
    enum { BATCH = 10, PIXELS = TINY_SIDE * TINY_SIDE };
    struct tiny tiny;
    tiny_open(&tiny,
              &(struct tiny_setup){.model = models[2], .training = "{'batch_size': 10}", .train = BATCH, .threads = 3});
    struct batch batch = {.feed = &tiny.train, .samples = tiny_samples(), .count = BATCH};
    struct batch_result result;
    engine_train_step(tiny.engine, &batch, &result);
    const uint8_t *pixels = tiny.splits.train.pixels;
    for (int c = 0; c < TINY_CHANNELS; c++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < BATCH * PIXELS; i++) sum += pixels[i * TINY_CHANNELS + c] / 255.0;
        double mean = sum / (BATCH * PIXELS);
        for (int i = 0; i < BATCH * PIXELS; i++) {
            double distance = pixels[i * TINY_CHANNELS + c] / 255.0 - mean;
            squares += distance * distance;
        }
        const struct layer *layer = &tiny.model.layers[0]; /* without gamma and beta */
        assert_float_equal(model_parameter(&tiny.model, layer, 0)[c], (float)(0.01 * mean), 1e-7F);
        assert_float_equal(model_parameter(&tiny.model, layer, 1)[c], (float)(0.99 + 0.01 * squares / (BATCH * PIXELS)),
                           1e-6F);
    }
    tiny_close(&tiny);
}

/* Dropout's mask hangs on the seed and the step, and is gone at inference. */
static void test_dropout(void **state) {
    (void)state;
    static const char model[] = "[{'type': 'Flatten'}, {'type': 'Dropout', 'rate': 0.5}, {'type': 'Dense', 'units': 3,"
                                " 'activation': 'softmax'}]";
    struct tiny tiny;
    tiny_open(&tiny, &(struct tiny_setup){.model = model, .training = "{'batch_size': 6}", .train = 6, .threads = 1});
    struct batch_result first, again, later, plain[2];
    struct batch batch = {.feed = &tiny.train, .samples = tiny_samples(), .count = 6, .step = 4};
    engine_train_step(tiny.engine, &batch, &first);
    engine_train_step(tiny.engine, &batch, &again);
    same_result(&first, &again);
    batch.step = 5;
    engine_train_step(tiny.engine, &batch, &later);
    assert_true(first.loss != later.loss);
    for (int i = 0; i < 2; i++) {
        batch.step = (uint64_t)i;
        engine_evaluate(tiny.engine, &batch, NULL, &plain[i]);
    }
    same_result(&plain[0], &plain[1]);
    assert_true(plain[0].loss != first.loss);
    tiny_close(&tiny);
}

static void test_first_not_finite(void **state) {
    (void)state;
    static const char model[] =
        "[{'type': 'Conv2D', 'filters': 3, 'kernel_size': 3}, {'type': 'Conv2D', 'filters': 3, 'kernel_size': 3, "
        "'name': 'second'}, {'type': 'Flatten'}, {'type': 'Dense', 'units': 5, 'name': 'wide'}, {'type': 'Dense', "
        "'units': 3, 'activation': 'softmax'}]";
    static const struct {
        int layer;
        const char *name;
    } rows[] = {{1, "second"}, {3, "wide"}, {4, "dense"}, {0, "conv2d"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tiny tiny;
        struct batch_result result;
        tiny_open(&tiny,
                  &(struct tiny_setup){.model = model, .training = "{'batch_size': 6}", .train = 6, .threads = 2});
        struct batch batch = {.feed = &tiny.train, .samples = tiny_samples(), .count = 6};
        engine_train_step(tiny.engine, &batch, &result);
        assert_null(engine_first_not_finite(tiny.engine, &batch, true));
        model_parameter(&tiny.model, &tiny.model.layers[rows[i].layer], 0)[0] = i % 2 ? NAN : INFINITY;
        engine_train_step(tiny.engine, &batch, &result);
        assert_true(!isfinite(result.loss));
        for (int training = 0; training < 2; training++) {
            if (!training) engine_evaluate(tiny.engine, &batch, NULL, &result);
            const struct layer *layer = engine_first_not_finite(tiny.engine, &batch, training);
            assert_non_null(layer);
            assert_string_equal(layer->name, rows[i].name);
        }
        tiny_close(&tiny);
    }
}

static void count_part(void *context, int part) {
    ((int *)context)[part]++;
}

static void test_parallel(void **state) {
    (void)state;
    struct tiny tiny;
    int parts[37] = {0};
    tiny_open(&tiny, &(struct tiny_setup){.train = 4, .threads = 4});
    engine_parallel(tiny.engine, 37, count_part, parts);
    for (int i = 0; i < 37; i++) assert_int_equal(parts[i], 1);
    engine_parallel(tiny.engine, 0, count_part, parts);
    assert_true(engine_memory(tiny.engine) > 1000);
    tiny_close(&tiny);
    engine_close(NULL);
}

int main(int argc, char **argv) {
    (void)argc;
    threads_wait_asleep(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits_at_any_threads),
        cmocka_unit_test(test_same_bits_at_any_capacity),
        cmocka_unit_test(test_gradient_of_the_model),
        cmocka_unit_test(test_layers_by_batch),
        cmocka_unit_test(test_padding_has_no_gradient),
        cmocka_unit_test(test_same_step_again),
        cmocka_unit_test(test_evaluation_by_any_batch),
        cmocka_unit_test(test_refresh_after_new_weights),
        cmocka_unit_test(test_batch_statistics),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_all_outputs_kept),
        cmocka_unit_test(test_first_not_finite),
        cmocka_unit_test(test_parallel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
