/* The trainings of tests/golden/training through the program, with files as another framework writes them: images and
 * labels in .npy, a config, first weights in .safetensors without a checksum. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "core/file.h"
#include "core/history.h"
#include "core/predictions.h"
#include "core/text.h"
#include "tests/support/data_room.h"
#include "tests/support/parity.h"

static const char initial[] = "initial/";

struct workplace {
    struct room *room;
    struct safetensors reference;
};

/* ---- files of an outsider ---- */

/* A .npy file of the tensor's values. */
static void write_npy(const struct workplace *workplace, const char *name, const struct safetensors_tensor *tensor) {
    struct text header = {0}, bytes = {0};
    bool integers = tensor->type == SAFETENSORS_I32;
    text_print(&header, "{'descr': '%s', 'fortran_order': False, 'shape': (", integers ? "<i4" : "<f4");
    for (int i = 0; i < tensor->rank; i++) text_print(&header, "%zu,", tensor->shape[i]);
    text_add(&header, "), }");
    text_repeat(&header, " ", (int)(63 - (10 + header.length) % 64));
    text_add(&header, "\n");
    const char prefix[] = {
        '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, (char)(header.length & 255), (char)(header.length >> 8)};
    text_add_bytes(&bytes, prefix, sizeof prefix);
    text_add_bytes(&bytes, header.bytes, header.length);
    text_add_bytes(&bytes, tensor->data, tensor->elements * 4);
    assert_false(header.failed || bytes.failed);
    room_write(workplace->room, name, bytes.bytes, bytes.length);
    text_free(&header);
    text_free(&bytes);
}

static bool is_initial(const struct safetensors_tensor *tensor) {
    return strncmp(tensor->name, initial, strlen(initial)) == 0;
}

static void add_tensor(struct text *header, struct text *data, const struct safetensors_tensor *tensor,
                       const char *name) {
    text_print(header, "%s\"%s\": {\"dtype\": \"F32\", \"shape\": [", header->length > 1 ? ", " : "", name);
    for (int i = 0; i < tensor->rank; i++) text_print(header, i ? ", %zu" : "%zu", tensor->shape[i]);
    text_print(header, "], \"data_offsets\": [%zu, %zu]}", data->length, data->length + tensor->elements * 4);
    text_add_bytes(data, tensor->data, tensor->elements * 4);
}

/* The first weights; `skipped` (may be NULL) is left out and an unknown tensor stands in its place. */
static void write_weights(const struct workplace *workplace, const char *skipped) {
    struct text header = {0}, data = {0}, bytes = {0};
    text_add(&header, "{");
    for (size_t i = 0; i < workplace->reference.tensor_count; i++) {
        const struct safetensors_tensor *tensor = &workplace->reference.tensors[i];
        const char *name = tensor->name + strlen(initial);
        if (is_initial(tensor)) add_tensor(&header, &data, tensor, skipped && !strcmp(name, skipped) ? "other" : name);
    }
    text_add(&header, "}");
    char length[8];
    for (int i = 0; i < 8; i++) length[i] = (char)(header.length >> 8 * i & 255);
    text_add_bytes(&bytes, length, sizeof length);
    text_add_bytes(&bytes, header.bytes, header.length);
    text_add_bytes(&bytes, data.bytes, data.length);
    assert_false(header.failed || data.failed || bytes.failed);
    room_write(workplace->room, "initial.safetensors", bytes.bytes, bytes.length);
    text_free(&header);
    text_free(&data);
    text_free(&bytes);
}

static void open_workplace(struct workplace *workplace, const char *name) {
    void *room = NULL;
    assert_int_equal(room_open(&room), 0);
    workplace->room = room;
    parity_read(name, &workplace->reference);
    room_write_text(room, "config.json", safetensors_metadata(&workplace->reference, "config"));
    write_weights(workplace, NULL);
}

static void close_workplace(struct workplace *workplace) {
    void *room = workplace->room;
    safetensors_free(&workplace->reference);
    room_close(&room);
}

static void write_pair(const struct workplace *workplace, const char *images, const char *labels) {
    write_npy(workplace, images, parity_tensor(&workplace->reference, "x"));
    write_npy(workplace, labels, parity_tensor(&workplace->reference, "y"));
}

/* ---- the program ---- */

/* Trains in the workplace's folder and returns the exit status; stdout and stderr are left there in files. */
static int train(const struct workplace *workplace, const char *arguments) {
    const char *program = getenv("CNNTRAIN_PROGRAM"), *folder = workplace->room->folder;
    char *path = realpath(program ? program : "build/cnntrain", NULL);
    assert_non_null(path);
    struct text command = {0};
    text_print(&command, "cd '%s' && '%s' train --config config.json --weights initial.safetensors --threads 1 %s",
               folder, path, arguments);
    text_add(&command, " >stdout.txt 2>stderr.txt");
    assert_false(command.failed);
    int status = system(command.bytes);
    text_free(&command);
    free(path);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static char *text_of(const struct workplace *workplace, const char *name) {
    struct error error = {0};
    char *bytes = NULL, *path = expect_path(workplace->room->folder, name);
    size_t length = 0;
    file_read(path, 1 << 20, &bytes, &length, &error);
    expect_no_error(&error);
    free(path);
    return bytes;
}

static void expect_text(const struct workplace *workplace, const char *name, const char *expected) {
    char *text = text_of(workplace, name);
    assert_string_equal(text, expected);
    free(text);
}

static void train_good(const struct workplace *workplace, const char *arguments) {
    if (train(workplace, arguments) == 0) return;
    char *text = text_of(workplace, "stderr.txt");
    print_message("%s", text);
    free(text);
    fail();
}

/* ---- what the run left ---- */

/* Closer than the 1e-4, so that a history of too few digits is seen. */
static void check_losses(const struct workplace *workplace) {
    struct error error = {0};
    struct history history;
    char *path = expect_path(workplace->room->folder, "run/history.csv");
    float *losses = parity_floats(&workplace->reference, "losses");
    history_read(path, &history, &error);
    expect_no_error(&error);
    assert_int_equal((size_t)history.count, parity_tensor(&workplace->reference, "losses")->elements);
    for (int i = 0; i < history.count; i++)
        assert_float_equal((float)history.rows[i].loss, losses[i], 5e-6f * (1 + losses[i]));
    history_free(&history);
    free(losses);
    free(path);
}

static void check_weight(const struct workplace *workplace, const struct safetensors *saved,
                         const struct safetensors_tensor *first) {
    char name[PARITY_NAME_SIZE];
    const struct safetensors_tensor *last = parity_tensor(saved, first->name + strlen(initial));
    assert_int_equal(last->type, SAFETENSORS_F32);
    assert_int_equal(last->rank, first->rank);
    for (int i = 0; i < last->rank; i++) assert_int_equal(last->shape[i], first->shape[i]);
    snprintf(name, sizeof name, "final/%s", last->name);
    float *values = parity_floats(saved, last->name);
    assert_true(parity_difference(&workplace->reference, name, values) <= 1e-4);
    free(values);
}

static void check_weights(const struct workplace *workplace) {
    struct error error = {0};
    struct safetensors saved;
    char *path = expect_path(workplace->room->folder, "run/last.safetensors");
    size_t weights = 0, expected = 0;
    safetensors_read(path, &saved, &error);
    expect_no_error(&error);
    for (size_t i = 0; i < saved.tensor_count; i++) weights += strncmp(saved.tensors[i].name, "optimizer/", 10) != 0;
    for (size_t i = 0; i < workplace->reference.tensor_count; i++) {
        if (!is_initial(&workplace->reference.tensors[i])) continue;
        check_weight(workplace, &saved, &workplace->reference.tensors[i]);
        expected++;
    }
    assert_int_equal(weights, expected);
    safetensors_free(&saved);
    free(path);
}

static void check_predictions(const struct workplace *workplace) {
    struct error error = {0};
    struct predictions predictions;
    char *path = expect_path(workplace->room->folder, "run/predictions.csv");
    const struct safetensors_tensor *tensor = parity_tensor(&workplace->reference, "probabilities");
    float *probabilities = parity_floats(&workplace->reference, "probabilities");
    predictions_read(path, &predictions, &error);
    expect_no_error(&error);
    assert_int_equal((size_t)predictions.count, tensor->shape[0]);
    for (size_t i = 0; i < tensor->shape[0]; i++) {
        const float *row = probabilities + i * tensor->shape[1];
        float largest = 0;
        for (size_t k = 0; k < tensor->shape[1]; k++) largest = fmaxf(largest, row[k]);
        assert_float_equal(predictions.probabilities[i], largest, 1e-5f);
        assert_float_equal(row[predictions.predicted[i]], largest, 1e-5f);
        assert_int_equal((size_t)predictions.labels[i], i % tensor->shape[1]);
    }
    predictions_free(&predictions);
    free(probabilities);
    free(path);
}

/* ---- tests ---- */

static void folder_of_arrays(void **state) {
    struct workplace workplace;
    open_workplace(&workplace, *state);
    write_pair(&workplace, "data/x_train.npy", "data/y_train.npy");
    write_pair(&workplace, "data/x_test.npy", "data/y_test.npy");
    train_good(&workplace, "--data npy:data --out run --quiet");
    expect_text(&workplace, "stderr.txt", "");
    check_losses(&workplace);
    check_weights(&workplace);
    check_predictions(&workplace);
    close_workplace(&workplace);
}

static void pair_without_test_images(void **state) {
    (void)state;
    struct workplace workplace;
    open_workplace(&workplace, "partial_batch");
    write_pair(&workplace, "images.npy", "labels.npy");
    train_good(&workplace, "--data npy:images.npy,labels.npy --out run");
    expect_text(&workplace, "stdout.txt", "Results are in run\n");
    check_losses(&workplace);
    check_weights(&workplace);
    char *predictions = expect_path(workplace.room->folder, "run/predictions.csv");
    assert_false(file_exists(predictions));
    free(predictions);
    close_workplace(&workplace);
}

static void pair_named_by_the_config(void **state) {
    (void)state;
    struct workplace workplace;
    open_workplace(&workplace, "batch_of_one");
    write_pair(&workplace, "x.npy", "y.npy");
    train_good(&workplace, "--out run");
    check_losses(&workplace);
    check_weights(&workplace);
    close_workplace(&workplace);
}

static void names_that_do_not_fit_are_told(void **state) {
    (void)state;
    struct workplace workplace;
    open_workplace(&workplace, "batch_of_one");
    write_pair(&workplace, "x.npy", "y.npy");
    write_weights(&workplace, "dense/bias");
    train_good(&workplace, "--out run");
    char *text = text_of(&workplace, "stderr.txt");
    const char expected[] = "initial.safetensors: not found, left as they were: dense/bias\n"
                            "initial.safetensors: not used: other\n";
    assert_int_equal(strncmp(text, expected, strlen(expected)), 0);
    free(text);
    close_workplace(&workplace);
}

static void another_model_is_refused(void **state) {
    (void)state;
    struct workplace workplace;
    open_workplace(&workplace, "batch_of_one");
    write_pair(&workplace, "x.npy", "y.npy");
    assert_int_equal(train(&workplace, "--out run --set model.0.filters=5"), 3);
    expect_text(&workplace, "stderr.txt",
                "error: initial.safetensors: conv2d/kernel: has shape (3,3,1,4) in the file, (3,3,1,5) in the model; "
                "conv2d/bias: has shape (4) in the file, (5) in the model; dense/kernel: has shape (24,3) in the file, "
                "(30,3) in the model; give such layers other names, and they begin anew\n");
    close_workplace(&workplace);
}

/* The others differ from these in what core/test_parity covers. */
#define CASE(name)                                                                                                     \
    { #name, folder_of_arrays, NULL, NULL, #name }

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(conv_avg_sgd),
        CASE(conv_max_momentum),
        CASE(dw_avg_nesterov),
        CASE(dw_max_adam),
        CASE(sep_avg_rmsprop),
        CASE(sep_max_adamw),
        CASE(batch_normalization),
        CASE(regularizers),
        CASE(label_smoothing),
        CASE(warm_up_cosine),
        CASE(large_batch),
        cmocka_unit_test(pair_without_test_images),
        cmocka_unit_test(pair_named_by_the_config),
        cmocka_unit_test(names_that_do_not_fit_are_told),
        cmocka_unit_test(another_model_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
