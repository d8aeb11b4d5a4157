#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"
#include "core/report/result.h"

static char folder[] = "/tmp/test_result_XXXXXX";
static char path[64];

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/metrics.json", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct run_result full_result(const struct class_result *classes, int class_count) {
    struct run_result result = run_result_empty();
    result.name = "sep_max";
    result.config_path = "configs/sep_max.json";
    result.data = "svhn:data/\"svhn\"";
    result.kernel = "avx512";
    result.status = RUN_FINISHED;
    result.seed = -3;
    result.threads = 2;
    result.batch_size = 64;
    result.epochs = 10;
    result.best_epoch = 9;
    result.train_images = 65932;
    result.validation_images = 7325;
    result.test_images = 26032;
    result.parameters = result.trainable_parameters = 72165;
    result.multiplications = 182700;
    result.train_loss = 0.1 + 0.2;
    result.train_accuracy = 0.91;
    result.validation_loss = 1e-300;
    result.validation_accuracy = 1;
    result.test_loss = 1.0 / 3;
    result.test_accuracy = 0.8839;
    result.test_low = 0.88;
    result.test_high = 0.8877;
    result.seconds = 123.25;
    result.seconds_per_epoch = 12.325;
    result.images_per_second = 5349.5;
    result.peak_memory_bytes = 123456789012;
    result.classes = classes;
    result.class_count = class_count;
    result.version_count = 2;
    result.versions[0] = (struct result_version){"cnntrain", "0.1.0"};
    result.versions[1] = (struct result_version){"compiler", "gcc 12.2.0"};
    return result;
}

static void test_write_and_read(void **state) {
    (void)state;
    const struct class_result classes[] = {{"0", 1744, 0.9, 0.8, 0.1 + 0.7}, {"une|\n\xC3\xA9", 0, NAN, NAN, NAN}};
    struct run_result wrote = full_result(classes, 2), read;
    struct error error = {0};
    assert_int_equal(run_result_write(&wrote, path, &error), 0);
    assert_int_equal(run_result_read(path, &read, &error), 0);
    assert_string_equal(read.name, wrote.name);
    assert_string_equal(read.config_path, wrote.config_path);
    assert_string_equal(read.data, wrote.data);
    assert_string_equal(read.kernel, wrote.kernel);
    assert_null(read.message);
    assert_int_equal(read.status, RUN_FINISHED);
    assert_int_equal(read.seed, -3);
    assert_int_equal(read.threads, 2);
    assert_int_equal(read.batch_size, 64);
    assert_int_equal(read.epochs, 10);
    assert_int_equal(read.best_epoch, 9);
    assert_int_equal(read.train_images, 65932);
    assert_int_equal(read.validation_images, 7325);
    assert_int_equal(read.test_images, 26032);
    assert_int_equal(read.parameters, 72165);
    assert_int_equal(read.trainable_parameters, 72165);
    assert_true(read.multiplications == 182700);
    /* Exact, bit for bit. */
    assert_true(read.train_loss == wrote.train_loss);
    assert_true(read.validation_loss == 1e-300);
    assert_true(read.validation_accuracy == 1);
    assert_true(read.train_accuracy == 0.91);
    assert_true(read.test_loss == wrote.test_loss);
    assert_true(read.test_accuracy == 0.8839);
    assert_true(read.test_low == 0.88 && read.test_high == 0.8877);
    assert_true(read.seconds == 123.25 && read.seconds_per_epoch == 12.325);
    assert_true(read.images_per_second == 5349.5);
    assert_true(read.peak_memory_bytes == 123456789012);
    assert_int_equal(read.class_count, 2);
    assert_true(read.classes[0].f1 == classes[0].f1);
    assert_int_equal(read.classes[0].images, 1744);
    assert_string_equal(read.classes[1].name, classes[1].name);
    assert_true(isnan(read.classes[1].recall));
    assert_int_equal(read.version_count, 2);
    assert_string_equal(read.versions[1].name, "compiler");
    assert_string_equal(read.versions[1].version, "gcc 12.2.0");
    run_result_free(&read);
}

static void test_absent_values_are_null(void **state) {
    (void)state;
    struct run_result result = run_result_empty(), read;
    struct error error = {0};
    result.name = "a";
    result.status = RUN_NOT_FINITE;
    result.message = "the loss became NaN";
    result.train_loss = INFINITY;
    assert_int_equal(run_result_write(&result, path, &error), 0);
    cJSON *root = json_read_file(path, JSON_SIZE_MAX, &error);
    static const char *const absent[] = {"val_loss",   "val_accuracy", "test_loss",         "test_accuracy",
                                         "train_loss", "classes",      "seconds_per_epoch", "kernel"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_true(cJSON_IsNull(cJSON_GetObjectItem(root, absent[i])));
    assert_string_equal(cJSON_GetObjectItem(root, "status")->valuestring, "not finite");
    cJSON_Delete(root);
    assert_int_equal(run_result_read(path, &read, &error), 0);
    assert_int_equal(read.status, RUN_NOT_FINITE);
    assert_string_equal(read.message, "the loss became NaN");
    assert_true(isnan(read.test_accuracy) && isnan(read.validation_loss) && isnan(read.train_loss));
    assert_null(read.classes);
    run_result_free(&read);
}

static void test_tolerant(void **state) {
    (void)state;
    struct run_result read;
    struct error error = {0};
    assert_int_equal(file_replace_text(path,
                                       "{\"name\":\"b\",\"status\":\"finished\",\"later\":[{}],\"versions\":{\"x\":1}}",
                                       &error),
                     0);
    assert_int_equal(run_result_read(path, &read, &error), 0);
    assert_string_equal(read.name, "b");
    assert_int_equal(read.version_count, 0);
    assert_true(isnan(read.test_accuracy));
    run_result_free(&read);
}

static void test_bad_documents(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"", "", "is empty"},
        {"{\"name\": ", "", "line 1"},
        {"[]", "", "must be an object, got a list"},
        {"{\"status\":\"finished\"}", ": name", "must be a string, got null"},
        {"{\"name\":3}", ": name", "must be a string, got 3; remove the run's folder to run it anew"},
        {"{\"name\":\"a\"}", ": status",
         "must be \"finished\", \"interrupted\", \"not finite\" or \"failed\", got null"},
        {"{\"name\":\"a\",\"status\":\"done\"}", ": status", "got \"done\""},
        {"{\"name\":\"a\",\"seed\":\"one\"}", ": seed", "must be an integer, got \"one\""},
        {"{\"name\":\"a\",\"seed\":1.5}", ": seed", "must be an integer, got 1.5"},
        {"{\"name\":\"a\",\"threads\":-1}", ": threads", "must be a number, 0 or more, got -1"},
        {"{\"name\":\"a\",\"threads\":1e10}", ": threads", "got 1e+10"},
        {"{\"name\":\"a\",\"test_accuracy\":88.3}", ": test_accuracy", "must be a number from 0 to 1, got 88.3"},
        {"{\"name\":\"a\",\"test_loss\":1e999}", "", "\"1e999\" is larger than any number"},
        {"{\"name\":\"a\",\"status\":\"failed\",\"classes\":{}}", ": classes", "must be a list, got an object"},
        {"{\"name\":\"a\",\"status\":\"failed\",\"classes\":[1]}", ": classes[0]", "must be an object, got 1"},
        {"{\"name\":\"a\",\"status\":\"failed\",\"classes\":[{}]}", ": classes[0]", "an object with a name"},
        {"{\"name\":\"a\",\"status\":\"failed\",\"classes\":[{\"name\":\"x\",\"f1\":2}]}", ": classes[0].f1", "got 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run_result read;
        struct error error = {0};
        char place[128];
        assert_int_equal(file_replace_text(path, cases[i][0], &error), 0);
        assert_int_equal(run_result_read(path, &read, &error), -1);
        assert_int_equal(error.code, ERROR_DATA);
        snprintf(place, sizeof place, "%s%s", path, cases[i][1]);
        assert_string_equal(error.path, place);
        if (!strstr(error.message, cases[i][2])) fail_msg("case %zu: \"%s\"", i, error.message);
        assert_null(read.memory.chunks);
    }
}

static void test_files_that_cannot_be(void **state) {
    (void)state;
    struct run_result read, result = run_result_empty();
    struct error error = {0};
    result.name = "a";
    assert_int_equal(run_result_read("/nowhere/metrics.json", &read, &error), -1);
    assert_int_equal(error.code, ERROR_IO);
    error_clear(&error);
    assert_int_equal(run_result_write(&result, "/nowhere/metrics.json", &error), -1);
    assert_int_equal(error.code, ERROR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_absent_values_are_null),
        cmocka_unit_test(test_tolerant),
        cmocka_unit_test(test_bad_documents),
        cmocka_unit_test(test_files_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
