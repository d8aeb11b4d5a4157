/* Training through the program: the folder of a run, its messages, and what happens when it goes wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tests/support/command.h"

#define SPLIT "--set data.validation_split=0.1 "
#define TINY " --data synth:64,32 --epochs 1 "

static void run_leaves_its_folder(void **state) {
    struct command_world *world = *state;
    assert_int_equal(
        command(world, "cnntrain train sep_max --data synth:64,32 --epochs 2 --set data.validation_split=0.1"), 0);
    assert_starts_with(world->err, "Epoch 1/2\n1/1 - ");
    assert_contains(world->err, "\nEpoch 2/2\n1/1 - ");
    assert_contains(world->err, "ms/step - loss: ");
    assert_contains(world->err, " - val_accuracy: ");
    assert_lacks(world->err, "\r");
    assert_lacks(world->err, "\033");
    assert_starts_with(world->out, "Test accuracy ");
    assert_last_line(world->out, "Results are in runs/sep_max");
    static const char *const files[] = {"config.json",     "history.csv",      "metrics.json",     "confusion.csv",
                                        "predictions.csv", "last.safetensors", "best.safetensors", "log.txt",
                                        "report.md",       "report.html",      "curves.svg",       "confusion.svg",
                                        "mistakes.png"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct text name = {0};
        text_print(&name, "runs/sep_max/%s", files[i]);
        if (!command_has(world, name.bytes)) fail_msg("no %s", name.bytes);
        text_free(&name);
    }
    command_succeeds(world, "ls runs/sep_max/* | wc -l");
    assert_int_equal(atoi(world->out), 13);
    char *history = command_read(world, "runs/sep_max/history.csv");
    assert_starts_with(history,
                       "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds,images_per_second\n1,");
    command_succeeds(world, "cut -d , -f 1,6 runs/sep_max/history.csv");
    assert_string_equal(world->out, "epoch,learning_rate\n1,0.001\n2,0.001\n");
    free(history);
}

static void second_run_gets_its_own_folder(void **state) {
    struct command_world *world = *state;
    static const char *const folders[] = {"twice", "twice-2", "twice-3"};
    for (size_t i = 0; i < 3; i++) {
        struct text line = {0};
        text_print(&line, "Results are in %s", folders[i]);
        command_succeeds(world, "cnntrain train dw_max" TINY "-q --out twice/");
        assert_last_line(world->out, line.bytes);
        text_free(&line);
    }
    command_succeeds(world, "cmp twice/last.safetensors twice-2/last.safetensors");
}

static void json_is_one_document(void **state) {
    struct command_world *world = *state;
    cJSON *json = command_json(world, "cnntrain --config dw_max.json" TINY "--json --out with-json");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "status")), "finished");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "folder")), "with-json");
    assert_true(cJSON_IsNumber(cJSON_GetObjectItem(json, "test_accuracy")));
    cJSON_Delete(json);
    assert_contains(world->err, "Epoch 1/1\n");
}

static void config_of_a_run_repeats_it(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain train conv_avg" TINY "-q --seed 7 --batch-size 20 --out first");
    command_succeeds(world, "cnntrain train --config first/config.json -q --out again");
    command_succeeds(world,
                     "cmp first/last.safetensors again/last.safetensors && cmp first/config.json again/config.json");
}

static void threads_do_not_change_the_weights(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain train conv_max" TINY "-q --threads 1 --out one");
    command_succeeds(world, "OMP_NUM_THREADS=3 cnntrain train conv_max" TINY "-q --out three");
    command_succeeds(world, "cmp one/last.safetensors three/last.safetensors");
    char *metrics = command_read(world, "three/metrics.json");
    assert_contains(metrics, "\"threads\": 3,");
    free(metrics);
}

static void dry_run_writes_nothing(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain train conv_max --data synth:64,32 " SPLIT "--dry-run --out dry");
    assert_starts_with(world->out, "Model: \"sequential\"\n");
    assert_contains(world->out, "\n57 training, 7 validation and 32 test images of 32x32x3, 10 classes\nmemory     "
                                "weights 0.29 MB, optimizer ");
    assert_contains(world->out, "\ntime       ");
    assert_contains(world->out, " ms a step, 1 steps and ");
    assert_contains(world->out, "\nThe first batch has a loss of 2.");
    assert_contains(world->out, " Nothing was written.\n");
    assert_false(command_has(world, "dry"));
    cJSON *json = command_json(world, "cnntrain train conv_max --data synth:64,32 " SPLIT "--dry-run --json");
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "train_images")) == 57);
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "parameters")) == 72906);
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "steps_taken")) == 1);
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "total_seconds")) > 0);
    cJSON_Delete(json);
    command_succeeds(world, "cnntrain train dw_max --data synth:64,32 --dry-run -q --set "
                            "'training.callbacks=[{\"type\": \"EarlyStopping\"}]' --set data.validation_split=0.1");
    assert_starts_with(world->out, "57 training, ");
    command_succeeds(world, "ls -d runs/*");
    assert_lacks(world->out, "dw_max");
    command_fails(world, "cnntrain train --resume x --dry-run", 2,
                  "--dry-run: goes with a new run; leave it out, or name a config in place of --resume");
    command_fails(world, "cnntrain train dw_max --data synth:64,32 --dry-run --weights none", 4,
                  "none: no such file of weights; check the name");
}

/* Files as Keras' callback names them; a resumed run adds its own and touches no other. */
static void tensorboard_files(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain train dw_max --data synth:64,32 " SPLIT "--epochs 2 -q --tensorboard --out tb");
    command_succeeds(world, "find tb/tensorboard -type f | cut -d . -f 1-3 | sort");
    assert_string_equal(world->out, "tb/tensorboard/train/events.out.tfevents\n"
                                    "tb/tensorboard/validation/events.out.tfevents\n");
    command_succeeds(world, "grep -ao 'epoch_[a-z_]*' tb/tensorboard/train/*");
    assert_string_equal(world->out, "epoch_loss\nepoch_accuracy\nepoch_learning_rate\nepoch_loss\nepoch_accuracy\n"
                                    "epoch_learning_rate\n");
    command_succeeds(world, "cat tb/tensorboard/*/* | cksum >before");
    command_succeeds(world,
                     "cnntrain train --resume tb --epochs 3 --allow-changes -q && ls tb/tensorboard/train | wc -l");
    assert_last_line(world->out, "2");
    command_succeeds(world,
                     "cat $(ls tb/tensorboard/train/* | head -n 1) $(ls tb/tensorboard/validation/* | head -n 1) "
                     "| cksum | cmp - before");
    command_succeeds(world, "grep -ao 'epoch_loss' $(ls tb/tensorboard/train/* | tail -n 1) | wc -l");
    assert_string_equal(world->out, "1\n");
    /* Asked for later, it begins with what is behind the run. */
    command_succeeds(world, "cnntrain train dw_max" TINY "-q --out later");
    command_succeeds(world, "cnntrain train --resume later --epochs 2 --allow-changes --tensorboard -q && grep -ao "
                            "'epoch_loss' later/tensorboard/train/* | wc -l");
    assert_last_line(world->out, "2");
}

static void tensorboard_in_the_way(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain train dw_max" TINY "-q --out way && touch way/tensorboard");
    command(world, "cnntrain train --resume way --epochs 2 --allow-changes --tensorboard -q");
    assert_int_equal(world->code, 4);
    assert_starts_with(world->err, "error: way/tensorboard");
}

/* ---- weights ---- */

static void weights_with_a_lenient_report(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain train dw_max" TINY "-q --out w");
    command(world, "cnntrain train dw_max" TINY "--out w-all --weights w/last.safetensors");
    assert_int_equal(world->code, 0);
    assert_lacks(world->err, "not in");
    /* Another head: its parameters start anew, those of the file are left over. */
    command(world, "cnntrain train dw_max" TINY "--out w-head --weights w/last.safetensors --set model.3.name=head");
    assert_int_equal(world->code, 0);
    assert_contains(world->err, "head/kernel");
    assert_contains(world->err, "dense/kernel");
    command_fails(world, "cnntrain train conv_max" TINY "--out w-bad --weights w/last.safetensors", 3,
                  "w/last.safetensors: dense/kernel: has shape (675,10) in the file, (7200,10) in the model; give such "
                  "layers other names, and they begin anew");
    command_fails(world, "cnntrain train conv_max" TINY "--out w-bad --weights no.safetensors", 4,
                  "no.safetensors: no such file of weights; check the name");
    assert_false(command_has(world, "w-bad"));
}

/* ---- when it goes wrong ---- */

static void loss_that_is_not_finite(void **state) {
    struct command_world *world = *state;
    command(world, "cnntrain train conv_max --data synth:64,32 --epochs 3 --out nan --set "
                   "training.optimizer.learning_rate=1e30");
    assert_int_equal(world->code, 5);
    assert_contains(world->err, "error: the loss is not finite after step 1 of epoch 1; the first layer with such an "
                                "output is dense; ");
    assert_last_line(world->err, "What there is of the run is in nan");
    assert_string_equal(world->out, "");
    char *metrics = command_read(world, "nan/metrics.json");
    assert_contains(metrics, "\"status\": \"not finite\"");
    free(metrics);
    assert_int_equal(command(world, "cnntrain train --resume nan"), 5);
    assert_starts_with(world->err, "error: nan: cannot go on: the loss is not finite after step 1 of epoch 1");
}

static void folder_that_cannot_be_written(void **state) {
    struct command_world *world = *state;
    command_write(world, "file", "");
    command_fails(world, "cnntrain train dw_max" TINY "--out file", 4,
                  "file: is a file where a folder is needed; choose another name");
    command(world, "cnntrain train dw_max" TINY "--out /proc/cnntrain");
    assert_int_equal(world->code, 4);
    assert_starts_with(world->err, "error: /proc/cnntrain: cannot create the folder: ");
}

static void data_that_are_not_there(void **state) {
    struct command_world *world = *state;
    command(world, "cnntrain train dw_max --data svhn:nowhere/svhn --out no-data");
    assert_int_equal(world->code, 4);
    assert_starts_with(
        world->err,
        "error: nowhere/svhn: is not there, nor is CNNTRAIN_DATA set to a folder that has it; check the name\n");
    assert_false(command_has(world, "no-data"));
    command(world, "mkdir empty");
    command(world, "cnntrain train dw_max --data cifar10:empty --out no-data");
    assert_int_equal(world->code, 3);
    assert_contains(world->err, "/empty: holds no data_batch_*.bin; name the folder of CIFAR-10's binary version\n");
    assert_false(command_has(world, "no-data"));
}

/* ---- the shipped configs ---- */

static void every_config_trains_for_a_step(void **state) {
    struct command_world *world = *state;
    static const char *const names[] = {"conv_avg",    "dw_avg",      "sep_avg",      "deep_conv_avg", "deep_conv_max",
                                        "deep_dw_avg", "deep_dw_max", "deep_sep_avg", "deep_sep_max"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        command(world, "cnntrain train %s --set data.train=40 --set data.test=10 --epochs 1 -q", names[i]);
        if (world->code != 0) fail_msg("%s: %s", names[i], world->err);
        struct text line = {0};
        text_print(&line, "Results are in runs/%s", names[i]);
        assert_last_line(world->out, line.bytes);
        text_free(&line);
    }
}

/* The lesson's images are 28x56 in three classes. */
static void lesson_trains_on_pictures(void **state) {
    struct command_world *world = *state;
    static const char *const classes[] = {"ant", "bee", "cow"};
    for (int i = 0; i < 9; i++) {
        char name[64];
        snprintf(name, sizeof name, "pictures/%s/%d.png", classes[i % 3], i);
        command_write_picture(world, name, 28, 56, 3);
    }
    command_succeeds(world, "cnntrain train lesson --data folder:pictures --epochs 2 -q --out lesson");
    assert_string_equal(world->out, "Results are in lesson\n");
    command_succeeds(world, "cnntrain predict lesson pictures/bee/1.png --top 3");
    assert_contains(world->out, "cow 0.");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_leaves_its_folder),
        cmocka_unit_test(second_run_gets_its_own_folder),
        cmocka_unit_test(json_is_one_document),
        cmocka_unit_test(config_of_a_run_repeats_it),
        cmocka_unit_test(threads_do_not_change_the_weights),
        cmocka_unit_test(dry_run_writes_nothing),
        cmocka_unit_test(tensorboard_files),
        cmocka_unit_test(tensorboard_in_the_way),
        cmocka_unit_test(weights_with_a_lenient_report),
        cmocka_unit_test(loss_that_is_not_finite),
        cmocka_unit_test(folder_that_cannot_be_written),
        cmocka_unit_test(data_that_are_not_there),
        cmocka_unit_test(every_config_trains_for_a_step),
        cmocka_unit_test(lesson_trains_on_pictures),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
