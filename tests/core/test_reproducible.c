/* The same config, data and seed give the same bits at any number of threads and with AVX2 as with AVX-512: those of
 * the checksums below. docs/reliability.md says where bits may differ. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/checksum.h"
#include "core/interop/safetensors.h"
#include "tests/support/expect.h"
#include "tests/support/threads.h"
#include "tests/support/training_case.h"
#include "tests/support/tree.h"

static const struct row {
    const char *what, *model, *data, *training;
    int validation;
    const char *checksum;
} rows[] = {
    {"batch normalization, dropout, Adam", tiny_model,
     "'augment': [{'type': 'RandomCrop', 'padding': 2}, 'RandomFlip', 'RandomBrightness', 'RandomContrast', 'Cutout'], "
     "'normalize': 'standardize'",
     "'optimizer': {'type': 'Adam', 'global_clipnorm': 1}, 'schedule': {'type': 'StepDecay', 'step_epochs': 1.5}, "
     "'callbacks': [{'type': 'EarlyStopping', 'patience': 1, 'restore_best_weights': true}]",
     9, "4216511690005f6b06621d87eecd4ac5"},
    {"depthwise and separable convolution, average pooling, SGD",
     "[{'type': 'SeparableConv2D', 'filters': 7, 'kernel_size': 3, 'padding': 'same', 'activation': 'relu'}, "
     "'AveragePooling2D', {'type': 'DepthwiseConv2D', 'kernel_size': 2, 'depth_multiplier': 3, 'activation': 'elu'}, "
     "'GlobalAveragePooling2D', {'type': 'Dense', 'units': 3, 'activation': 'softmax', 'kernel_regularizer': 'l2'}]",
     "", "'optimizer': {'type': 'SGD', 'momentum': 0.9, 'nesterov': true}, 'schedule': 'CosineDecay'", 0,
     "3f926fc19db34222a3abeb34ddc31922"},
    {"strides, dilation, groups and wide Dense layers, RMSprop",
     "[{'type': 'Conv2D', 'filters': 18, 'kernel_size': [2, 3], 'strides': 2, 'activation': 'relu'}, {'type': "
     "'Conv2D', "
     "'filters': 8, 'kernel_size': 2, 'dilation_rate': 2, 'groups': 2, 'padding': 'same'}, 'Flatten', {'type': "
     "'Dense', "
     "'units': 37, 'activation': 'sigmoid'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
     "'augment': ['RandomTranslation']", "'optimizer': {'type': 'RMSprop', 'centered': true}, 'label_smoothing': 0.1",
     5, "5543bba7787ae3938ab6928060742ea2"},
    {"residual blocks, constraints, penalties on outputs, SGD",
     "[{'type': 'Residual', 'layers': [{'type': 'Conv2D', 'filters': 5, 'kernel_size': 3, 'strides': 2, 'padding': "
     "'same', 'kernel_constraint': {'type': 'MaxNorm', 'max_value': 0.7, 'axis': [0, 1, 2]}}, 'BatchNormalization', "
     "{'type': 'Residual', 'layers': [{'type': 'SeparableConv2D', 'filters': 5, 'kernel_size': 3, 'padding': 'same', "
     "'activity_regularizer': 'l1', 'pointwise_constraint': 'unit_norm'}], 'activation': 'relu'}]}, "
     "'MaxPooling2D', 'Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax', 'bias_constraint': 'non_neg'}]",
     "", "'optimizer': {'type': 'SGD', 'learning_rate': 0.05, 'momentum': 0.9}", 5, "381683f2153f4f02d335641419c08061"},
    {"Winograd's convolution, AdamW",
     "[{'type': 'Conv2D', 'filters': 16, 'kernel_size': 3, 'padding': 'same', 'algorithm': 'winograd', 'activation': "
     "'relu'}, {'type': 'Conv2D', 'filters': 9, 'kernel_size': 3, 'padding': 'same', 'algorithm': 'winograd'}, "
     "'GlobalMaxPooling2D', {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
     "", "'optimizer': 'AdamW', 'shuffle': false", 5, "66f2596cdf515ffafc165ab90c6ca229"},
    {"large kernels in blocks, layers of many weights, Adam",
     "[{'type': 'Conv2D', 'filters': 8, 'kernel_size': [5, 4], 'dilation_rate': 2, 'padding': 'same', 'algorithm': "
     "'winograd'}, {'type': 'Conv2D', 'filters': 48, 'kernel_size': 3, 'strides': 2, 'padding': 'same', 'activation': "
     "'relu'}, {'type': 'Conv2D', 'filters': 96, 'kernel_size': 3, 'padding': 'same'}, 'MaxPooling2D', {'type': "
     "'Conv2D', 'filters': 64, 'kernel_size': 3, 'padding': 'same', 'activation': 'relu'}, 'GlobalAveragePooling2D', "
     "{'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
     "", "'optimizer': 'Adam'", 5, "23f3a7687c0481a331f59e88ce7dce2a"},
    {"Winograd's convolution with strides, and of blocks of 2x2 taps, SGD",
     "[{'type': 'Conv2D', 'filters': 17, 'kernel_size': 5, 'strides': 2, 'padding': 'same', 'algorithm': 'winograd', "
     "'activation': 'relu'}, {'type': 'Conv2DTranspose', 'filters': 9, 'kernel_size': 4, 'strides': 2, 'padding': "
     "'same', 'algorithm': 'winograd'}, {'type': 'Conv2D', 'filters': 34, 'kernel_size': 3, 'strides': 2, "
     "'algorithm': 'winograd', 'activation': 'relu'}, {'type': 'Conv2D', 'filters': 20, 'kernel_size': 2, 'groups': 2, "
     "'padding': 'same', 'algorithm': 'winograd'}, 'GlobalAveragePooling2D', {'type': 'Dense', 'units': 3, "
     "'activation': 'softmax'}]",
     "", "'optimizer': {'type': 'SGD', 'momentum': 0.9}", 5, "77aef9a187077e1563c5a761e19d502b"},
    {"layers by batch, SGD",
     "[{'type': 'Conv2D', 'filters': 90, 'kernel_size': 2, 'strides': 2, 'activation': 'relu'}, {'type': 'Conv2D', "
     "'filters': 92, 'kernel_size': 3, 'padding': 'same', 'activation': 'gelu'}, 'BatchNormalization', 'MaxPooling2D', "
     "{'type': 'Conv2D', 'filters': 91, 'kernel_size': 3, 'padding': 'same', 'activation': 'relu'}, 'Flatten', "
     "{'type': "
     "'Dense', 'units': 1441, 'activation': 'relu'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
     "", "'optimizer': {'type': 'SGD', 'momentum': 0.9}", 5, "45c6a4ae55ee287767bcb535c7a7c7a9"},
};

/* Of the last checkpoint's tensors with their names, and the history without its times. */
static void checksum_of(const char *folder, char digits[CHECKSUM_DIGITS + 1]) {
    struct error error = {0};
    struct safetensors file;
    struct history history;
    char *last = expect_path(folder, "last.safetensors"), *rows_path = expect_path(folder, "history.csv");
    char times[CHECKSUM_DIGITS + 1];
    safetensors_read(last, &file, &error);
    history_read(rows_path, &history, &error);
    history_checksum(&history, times, &error);
    expect_no_error(&error);
    struct file_piece *pieces = calloc(2 * file.tensor_count + 1, sizeof *pieces);
    assert_non_null(pieces);
    for (size_t i = 0; i < file.tensor_count; i++) {
        const struct safetensors_tensor *tensor = &file.tensors[i];
        pieces[2 * i] = (struct file_piece){tensor->name, strlen(tensor->name)};
        pieces[2 * i + 1] = (struct file_piece){tensor->data, tensor->elements * sizeof(float)};
    }
    pieces[2 * file.tensor_count] = (struct file_piece){times, CHECKSUM_DIGITS};
    checksum_pieces(pieces, 2 * file.tensor_count + 1, digits, &error);
    expect_no_error(&error);
    free(pieces);
    history_free(&history);
    safetensors_free(&file);
    free(last);
    free(rows_path);
}

static void train(const struct row *row, const char *cpu, int threads, char digits[CHECKSUM_DIGITS + 1]) {
    char training[512], *folder = expect_folder();
    struct watch watch = {0};
    snprintf(training, sizeof training, "{'epochs': 3, 'batch_size': 21, %s}", row->training);
    training_run(&(struct tiny_setup){.model = row->model,
                                      .data = row->data,
                                      .training = training,
                                      .train = 57,
                                      .validation = row->validation,
                                      .threads = threads,
                                      .cpu = cpu},
                 folder, &watch, false, ERROR_NONE);
    checksum_of(folder, digits);
    tree_gone(folder);
}

static void test_any_number_of_threads(void **state) {
    (void)state;
    static const int threads[] = {2, 3, 4, 7, 8, 16, 1};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char one[CHECKSUM_DIGITS + 1], more[CHECKSUM_DIGITS + 1];
        train(&rows[i], NULL, 1, one);
        for (size_t k = 0; k < sizeof threads / sizeof *threads; k++) {
            train(&rows[i], NULL, threads[k], more);
            if (strcmp(one, more) != 0) fail_msg("%s: %d threads give other bits than 1", rows[i].what, threads[k]);
        }
    }
}

/* Whether the table was built to round a multiply-add once; a build for a debugger or a sanitizer may not be. */
static bool fuses(const struct kernels *kernels) {
    size_t count = (size_t)kernels->tile_m * (size_t)kernels->tile_n;
    struct error error = {0};
    float *sums = memory_allocate(count, sizeof *sums, "sums", &error);
    expect_no_error(&error);
    for (size_t i = 0; i < count; i++) sums[i] = -(1 + 0x1p-12F);
    kernels->multiply_adds(1, 1 + 0x1p-12F, sums);
    bool once = sums[0] != -0x1p-11F; /* the product's last bit, 2^-24, is not lost */
    free(sums);
    return once;
}

static void test_checksums(void **state) {
    (void)state;
    static const char *const fusing[] = {"avx2", "avx512"};
    int tables = 0, wrong = 0;
    for (size_t t = 0; t < sizeof fusing / sizeof *fusing; t++) {
        const struct kernels *kernels = kernels_select(fusing[t]);
        if (!kernels || !fuses(kernels)) continue;
        tables++;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            char digits[CHECKSUM_DIGITS + 1];
            train(&rows[i], fusing[t], 2, digits);
            if (strcmp(digits, rows[i].checksum) == 0) continue;
            print_message("%s, %s: the checksum is %s, not %s\n", rows[i].what, fusing[t], digits, rows[i].checksum);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    if (tables == 0) skip();
}

/* What does not multiply and add in one rounding gives other bits, but always the same. */
static void test_other_tables_repeat_themselves(void **state) {
    (void)state;
    static const char *const tables[] = {"reference", "portable"};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        char once[CHECKSUM_DIGITS + 1], again[CHECKSUM_DIGITS + 1];
        train(&rows[0], tables[t], 1, once);
        train(&rows[0], tables[t], 3, again);
        assert_string_equal(once, again);
    }
}

int main(int argc, char **argv) {
    (void)argc;
    threads_wait_asleep(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_number_of_threads),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_other_tables_repeat_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
