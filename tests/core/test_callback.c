#include "core/callback.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/component.h"
#include "tests/support/expect.h"

enum { EPOCHS_MAX = 10 };

struct run {
    struct arena arena;
    struct component component;
    struct callbacks callbacks;
};

static void begin(struct run *run, const char *config) {
    struct error error = {0};
    struct place place = place_document("test");
    *run = (struct run){0};
    component_from_text(&callback_registry, config, &run->arena, &run->component, &error);
    expect_no_error(&error);
    struct component_list list = {.count = 1, .items = &run->component};
    callbacks_create(&run->callbacks, &list, true, &run->arena, &place, &error);
    expect_no_error(&error);
}

/* The monitored metric is `value`, whichever it is; the others would lead to other decisions. */
static struct callback_metrics metrics_with(const struct run *run, double value, double rate) {
    struct callback_metrics metrics = {-100, -100, -100, -100, rate};
    switch ((enum callback_monitor)((const struct callback_common *)run->component.config)->monitor) {
    case MONITOR_LOSS:
        metrics.loss = value;
        break;
    case MONITOR_ACCURACY:
        metrics.accuracy = value;
        break;
    case MONITOR_VAL_LOSS:
        metrics.val_loss = value;
        break;
    case MONITOR_VAL_ACCURACY:
        metrics.val_accuracy = value;
        break;
    }
    return metrics;
}

/* Traces of Keras 3.15's own EarlyStopping: the epoch (from 0) that stops and the one restored, -1 for none, and the
 * wait counter after each epoch. */
static const struct stopping_trace {
    const char *config;
    int epochs;
    double values[EPOCHS_MAX];
    int stopped, restored, waits[EPOCHS_MAX];
} stopping_traces[] = {
    {"\"EarlyStopping\"", 5, {3, 2, 2.5, 2.5, 1}, 2, -1, {0, 0, 1}},
    {"{\"type\": \"EarlyStopping\", \"patience\": 3, \"restore_best_weights\": true}",
     6,
     {3, 2, 2.5, 2.4, 2.3, 1},
     4,
     1,
     {0, 0, 1, 2, 3}},
    {"{\"type\": \"EarlyStopping\", \"min_delta\": 0.1, \"patience\": 3, \"restore_best_weights\": true}",
     5,
     {3, 2.95, 2.91, 2.85, 2.7},
     -1,
     4,
     {0, 1, 2, 0, 0}},
    {"{\"type\": \"EarlyStopping\", \"min_delta\": -0.1, \"patience\": 3}",
     5,
     {3, 2.95, 2.91, 2.85, 2.7},
     -1,
     -1,
     {0, 1, 2, 0, 0}},
    {"{\"type\": \"EarlyStopping\", \"monitor\": \"val_accuracy\", \"patience\": 2}",
     6,
     {.5, .6, .6, .55, .61, .7},
     3,
     -1,
     {0, 0, 1, 2}},
    {"{\"type\": \"EarlyStopping\", \"baseline\": 2.0, \"patience\": 3, \"restore_best_weights\": true}",
     6,
     {5, 4, 3, 2.9, 2.8, 2.7},
     -1,
     5,
     {1, 2, 3, 4, 5, 6}},
    {"{\"type\": \"EarlyStopping\", \"baseline\": 2.0, \"patience\": 2, \"restore_best_weights\": true}",
     6,
     {3, 2.5, 1.9, 2.4, 2.3, 2.2},
     4,
     2,
     {1, 2, 0, 1, 2}},
    {"{\"type\": \"EarlyStopping\", \"baseline\": 2.0, \"patience\": 3}",
     6,
     {5, 4.9, 4.8, 5.0, 4.7, 5.1},
     3,
     -1,
     {1, 2, 3, 4}},
    {"{\"type\": \"EarlyStopping\", \"start_from_epoch\": 2, \"patience\": 2, \"restore_best_weights\": true}",
     5,
     {1, 5, 4, 4.5, 4.5},
     4,
     2,
     {0, 0, 0, 1, 2}},
    {"{\"type\": \"EarlyStopping\", \"monitor\": \"loss\"}", 2, {1, 2}, 1, -1, {0, 1}},
    {"{\"type\": \"EarlyStopping\", \"monitor\": \"accuracy\", \"mode\": \"min\"}", 2, {1, 2}, 1, -1, {0, 1}},
};

static void follow_stopping(const struct stopping_trace *trace) {
    struct run run;
    begin(&run, trace->config);
    int stopped = -1, kept = -1, restored = -1;
    for (int epoch = 0; epoch < trace->epochs && stopped < 0; epoch++) {
        struct callback_metrics metrics = metrics_with(&run, trace->values[epoch], 0.1);
        struct callback_verdict verdict;
        callbacks_epoch_end(&run.callbacks, epoch, &metrics, &verdict);
        if (run.callbacks.states[0].wait != trace->waits[epoch])
            fail_msg("%s, epoch %d: wait %d, not %d", trace->config, epoch, run.callbacks.states[0].wait,
                     trace->waits[epoch]);
        if (verdict.keep_weights) kept = epoch;
        if (verdict.stop) stopped = epoch;
        assert_false(verdict.rate_reduced);
    }
    assert_int_equal(stopped, trace->stopped);
    assert_int_equal(callbacks_restore(&run.callbacks, &restored), trace->restored >= 0);
    assert_int_equal(restored, trace->restored);
    assert_int_equal(kept, trace->restored); /* the weights kept last are those to restore */
    arena_free(&run.arena);
}

static void test_stopping(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof stopping_traces / sizeof *stopping_traces; i++) follow_stopping(&stopping_traces[i]);
}

/* A NaN is no improvement, but the first epoch's weights are there to restore. */
static void test_stopping_nan(void **state) {
    (void)state;
    follow_stopping(
        &(struct stopping_trace){"{\"type\": \"EarlyStopping\", \"patience\": 2, \"restore_best_weights\": true}",
                                 3,
                                 {NAN, NAN, NAN},
                                 1,
                                 0,
                                 {1, 2}});
    follow_stopping(
        &(struct stopping_trace){"{\"type\": \"EarlyStopping\", \"patience\": 2}", 2, {NAN, 5}, -1, -1, {1, 0}});
    follow_stopping(&(struct stopping_trace){"\"EarlyStopping\"", 2, {NAN, 5}, -1, -1, {1, 0}});
}

/* Traces of Keras 3.15's own ReduceLROnPlateau at a rate of 0.1: rate, wait and cooldown after each epoch. */
static const struct plateau_trace {
    const char *config;
    int epochs;
    double values[EPOCHS_MAX];
    struct {
        double rate;
        int wait, cooldown;
    } after[EPOCHS_MAX];
} plateau_traces[] = {
    {"{\"type\": \"ReduceLROnPlateau\", \"patience\": 2}",
     6,
     {1, 1, 1, 1, 1, 1},
     {{.1, 0, 0}, {.1, 1, 0}, {.01, 0, 0}, {.01, 1, 0}, {.001, 0, 0}, {.001, 1, 0}}},
    {"{\"type\": \"ReduceLROnPlateau\", \"patience\": 2}",
     6,
     {1, .99995, .9998, .9997, .9995, .9993},
     {{.1, 0, 0}, {.1, 1, 0}, {.1, 0, 0}, {.1, 1, 0}, {.1, 0, 0}, {.1, 0, 0}}},
    {"{\"type\": \"ReduceLROnPlateau\", \"patience\": 2, \"cooldown\": 2, \"factor\": 0.5}",
     10,
     {1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
     {{.1, 0, 0},
      {.1, 1, 0},
      {.05, 0, 2},
      {.05, 0, 1},
      {.05, 1, 0},
      {.025, 0, 2},
      {.025, 0, 1},
      {.025, 1, 0},
      {.0125, 0, 2},
      {.0125, 0, 1}}},
    {"{\"type\": \"ReduceLROnPlateau\", \"patience\": 1, \"min_lr\": 0.03}",
     6,
     {1, 1, 1, 1, 1, 1},
     {{.1, 0, 0}, {.03, 0, 0}, {.03, 1, 0}, {.03, 2, 0}, {.03, 3, 0}, {.03, 4, 0}}},
    {"{\"type\": \"ReduceLROnPlateau\", \"patience\": 2, \"cooldown\": 1, \"monitor\": \"accuracy\"}",
     7,
     {.5, .5, .6, .6, .6, .6, .6},
     {{.1, 0, 0}, {.1, 1, 0}, {.1, 0, 0}, {.1, 1, 0}, {.01, 0, 1}, {.01, 1, 0}, {.001, 0, 1}}},
    {"{\"type\": \"ReduceLROnPlateau\", \"patience\": 2, \"cooldown\": 3, \"factor\": 0.5}",
     7,
     {1, 1, 1, 1, .5, .5, .5},
     {{.1, 0, 0}, {.1, 1, 0}, {.05, 0, 3}, {.05, 0, 2}, {.05, 0, 1}, {.05, 1, 0}, {.025, 0, 3}}},
    {"{\"type\": \"ReduceLROnPlateau\", \"patience\": 0}", 3, {1, 1, 1}, {{.1, 0, 0}, {.01, 0, 0}, {.001, 0, 0}}},
};

static void test_plateau(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof plateau_traces / sizeof *plateau_traces; i++) {
        const struct plateau_trace *trace = &plateau_traces[i];
        struct run run;
        begin(&run, trace->config);
        double before = 0.1;
        for (int epoch = 0; epoch < trace->epochs; epoch++) {
            struct callback_metrics metrics = metrics_with(&run, trace->values[epoch], 0.1 * run.callbacks.rate_scale);
            struct callback_verdict verdict;
            callbacks_epoch_end(&run.callbacks, epoch, &metrics, &verdict);
            double rate = 0.1 * run.callbacks.rate_scale, wanted = trace->after[epoch].rate;
            if (!(fabs(rate - wanted) < 1e-12))
                fail_msg("row %d, epoch %d: rate %g, not %g", (int)i, epoch, rate, wanted);
            assert_int_equal(verdict.rate_reduced, wanted < before);
            assert_int_equal(run.callbacks.states[0].wait, trace->after[epoch].wait);
            assert_int_equal(run.callbacks.states[0].cooldown, trace->after[epoch].cooldown);
            assert_false(verdict.stop);
            before = wanted;
        }
        arena_free(&run.arena);
    }
}

static void test_checkpoint(void **state) {
    (void)state;
    static const struct {
        const char *config;
        double values[5];
        bool saved[5];
    } rows[] = {
        {"\"ModelCheckpoint\"", {3, 2, 2, NAN, 1}, {true, true, false, false, true}},
        {"{\"type\": \"ModelCheckpoint\", \"monitor\": \"val_accuracy\"}",
         {.3, .2, .4, .4, .5},
         {true, false, true, false, true}},
        {"{\"type\": \"ModelCheckpoint\", \"monitor\": \"accuracy\", \"mode\": \"min\"}",
         {.3, .2, .4, .4, .1},
         {true, true, false, false, true}},
        {"{\"type\": \"ModelCheckpoint\", \"save_best_only\": false}", {3, 2, 2, 4, 1}, {true, true, true, true, true}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct run run;
        begin(&run, rows[i].config);
        assert_int_equal(run.callbacks.list.count, 1);
        for (int epoch = 0; epoch < 5; epoch++) {
            struct callback_metrics metrics = metrics_with(&run, rows[i].values[epoch], 0.1);
            struct callback_verdict verdict;
            callbacks_epoch_end(&run.callbacks, epoch, &metrics, &verdict);
            assert_int_equal(verdict.save_best, rows[i].saved[epoch]);
        }
        arena_free(&run.arena);
    }
}

/* Without a ModelCheckpoint val_loss decides, or loss where there is no validation. */
static void test_default_checkpoint(void **state) {
    (void)state;
    for (int validated = 0; validated <= 1; validated++) {
        struct arena arena = {0};
        struct callbacks callbacks;
        struct error error = {0};
        struct place place = place_document("test");
        callbacks_create(&callbacks, NULL, validated, &arena, &place, &error);
        expect_no_error(&error);
        struct callback_verdict verdict;
        callbacks_epoch_end(&callbacks, 0, &(struct callback_metrics){1, 0, 1, 0, 1}, &verdict);
        assert_true(verdict.save_best);
        callbacks_epoch_end(&callbacks, 1, &(struct callback_metrics){0.5, 0, 2, 0, 1}, &verdict);
        assert_int_equal(verdict.save_best, !validated);
        assert_false(callbacks_restore(&callbacks, NULL));
        arena_free(&arena);
    }
}

struct set {
    struct arena arena;
    struct component items[4];
    struct callbacks callbacks;
};

static int begin_set(struct set *set, const char *const *configs, int count, bool has_validation, struct error *error) {
    struct place document = place_document("test"), place = place_key(&document, "callbacks");
    *set = (struct set){0};
    for (int i = 0; i < count; i++)
        component_from_text(&callback_registry, configs[i], &set->arena, &set->items[i], error);
    expect_no_error(error);
    struct component_list list = {.count = count, .items = set->items};
    return callbacks_create(&set->callbacks, &list, has_validation, &set->arena, &place, error);
}

static void test_bad_lists(void **state) {
    (void)state;
    static const struct {
        const char *configs[2];
        bool has_validation;
        const char *text;
    } rows[] = {
        {{"\"ModelCheckpoint\"", "\"ModelCheckpoint\""},
         true,
         "test: callbacks[1]: is a second ModelCheckpoint; a run has one best.safetensors: keep one"},
        {{"{\"type\": \"EarlyStopping\", \"restore_best_weights\": true}",
          "{\"type\": \"EarlyStopping\", \"restore_best_weights\": true}"},
         true,
         "test: callbacks[1]: is a second EarlyStopping with restore_best_weights; keep one"},
        {{"{\"type\": \"EarlyStopping\", \"monitor\": \"loss\"}", "\"ReduceLROnPlateau\""},
         false,
         "test: callbacks[1].monitor: ReduceLROnPlateau watches val_loss, but there is no validation data; available "
         "are loss and accuracy: choose one of them, or set data.validation_split"},
        {{"{\"type\": \"EarlyStopping\", \"monitor\": \"val_accuracy\"}", "\"ModelCheckpoint\""},
         false,
         "test: callbacks[0].monitor: EarlyStopping watches val_accuracy, but there is no validation data; available "
         "are loss and accuracy: choose one of them, or set data.validation_split"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct set set;
        struct error error = {0};
        assert_int_equal(begin_set(&set, rows[i].configs, 2, rows[i].has_validation, &error), -1);
        expect_error(&error, ERROR_CONFIG, rows[i].text);
        arena_free(&set.arena);
    }
}

static void test_bad_configs(void **state) {
    (void)state;
    static const struct {
        const char *config, *text;
    } rows[] = {
        {"{\"type\": \"EarlyStopping\", \"monitor\": \"val_acc\"}", NULL},
        {"{\"type\": \"EarlyStopping\", \"patience\": -1}",
         "test: patience: must be an integer, in [0, 1000000000]; got -1"},
        {"{\"type\": \"ReduceLROnPlateau\", \"factor\": 1}", "test: factor: must be a number, in [0, 1); got 1"},
        {"\"EarlyStoping\"", "test: unknown callback \"EarlyStoping\"; did you mean \"EarlyStopping\"?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena = {0};
        struct component component;
        struct error error = {0};
        assert_int_equal(component_from_text(&callback_registry, rows[i].config, &arena, &component, &error), -1);
        assert_int_equal(error.code, ERROR_CONFIG);
        if (rows[i].text) expect_error(&error, ERROR_CONFIG, rows[i].text);
        arena_free(&arena);
    }
}

/* ---- resuming ---- */

static const char *const everything[] = {
    "{\"type\": \"EarlyStopping\", \"patience\": 4, \"restore_best_weights\": true}",
    "{\"type\": \"ReduceLROnPlateau\", \"patience\": 2, \"cooldown\": 1, \"factor\": 0.3}",
    "{\"type\": \"ModelCheckpoint\", \"monitor\": \"val_accuracy\"}",
};
static const double losses[EPOCHS_MAX] = {3, 1.0 / 3, 0.4, 0.35, 1e-300, 0.2, 0.3, 0.25, 0.2, 0.1};

static void one_epoch(struct callbacks *callbacks, int epoch, struct callback_verdict *verdict) {
    struct callback_metrics metrics = {1, 0.5, losses[epoch], 1 / (1 + losses[epoch]), 0.1 * callbacks->rate_scale};
    callbacks_epoch_end(callbacks, epoch, &metrics, verdict);
}

/* As a checkpoint does: to text and back. */
static void hand_over(const struct callbacks *from, struct callbacks *to) {
    struct error error = {0};
    struct place place = place_document("checkpoint");
    cJSON *state = callbacks_export(from);
    char *text = cJSON_PrintUnformatted(state);
    cJSON *again = json_parse(text, strlen(text), "checkpoint", &error);
    assert_non_null(again);
    assert_int_equal(callbacks_import(to, again, &place, &error), 0);
    assert_true(to->rate_scale == from->rate_scale);
    for (int i = 0; i < from->list.count; i++) assert_true(to->states[i].best == from->states[i].best);
    cJSON_Delete(state);
    cJSON_Delete(again);
    free(text);
}

static void test_resume(void **state) {
    (void)state;
    for (int stop = 0; stop < EPOCHS_MAX; stop++) {
        struct set whole, first, second;
        struct error error = {0};
        begin_set(&whole, everything, 3, true, &error);
        begin_set(&first, everything, 3, true, &error);
        begin_set(&second, everything, 3, true, &error);
        expect_no_error(&error);
        for (int epoch = 0; epoch < EPOCHS_MAX; epoch++) {
            struct callback_verdict wanted, found;
            if (epoch == stop) hand_over(&first.callbacks, &second.callbacks);
            one_epoch(&whole.callbacks, epoch, &wanted);
            one_epoch(epoch < stop ? &first.callbacks : &second.callbacks, epoch, &found);
            assert_memory_equal(&wanted, &found, sizeof wanted);
        }
        assert_true(whole.callbacks.rate_scale < 1 && whole.callbacks.rate_scale == second.callbacks.rate_scale);
        for (int i = 0; i < 3; i++) {
            struct callback_state a = whole.callbacks.states[i], b = second.callbacks.states[i];
            assert_true(a.best == b.best && a.best_epoch == b.best_epoch);
            assert_true(a.wait == b.wait && a.cooldown == b.cooldown);
        }
        arena_free(&whole.arena);
        arena_free(&first.arena);
        arena_free(&second.arena);
    }
}

static void test_bad_states(void **state) {
    (void)state;
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"{}", "checkpoint: rate_scale: must be a number as text; the training state is damaged: start a new run from "
               "its weights with --weights"},
        {"{\"rate_scale\": \"2\"}", "checkpoint: rate_scale: must be in [0, 1], got 2; the training state is damaged: "
                                    "start a new run from its weights with --weights"},
        {"{\"rate_scale\": \"nan\"}", "checkpoint: rate_scale: must be in [0, 1], got nan; the training state is "
                                      "damaged: start a new run from its weights with --weights"},
        {"{\"rate_scale\": \"1\", \"callbacks\": []}",
         "checkpoint: callbacks: has the state of 0 callbacks, the config has 1; go on with the same callbacks, or "
         "start a new run from its weights with --weights"},
        {"{\"rate_scale\": \"1\", \"callbacks\": 7}",
         "checkpoint: callbacks: has the state of 0 callbacks, the config has 1; go on with the same callbacks, or "
         "start a new run from its weights with --weights"},
        {"{\"rate_scale\": \"1\", \"callbacks\": [{\"type\": \"ModelCheckpoint\", \"best\": \"1\", \"best_epoch\": "
         "\"2\"}]}",
         "checkpoint: callbacks[0].best_epoch: must be an integer, -1 or more; the training state is damaged: start a "
         "new run from its weights with --weights"},
        {"{\"rate_scale\": \"1\", \"callbacks\": [{\"type\": \"ModelCheckpoint\", \"best\": \"1\", \"best_epoch\": "
         "2e9}]}",
         "checkpoint: callbacks[0].best_epoch: must be an integer, -1 or more; the training state is damaged: start a "
         "new run from its weights with --weights"},
        {"{\"rate_scale\": \"1\", \"callbacks\": [{\"type\": \"EarlyStopping\"}]}",
         "checkpoint: callbacks[0]: is the state of EarlyStopping, but the config has ModelCheckpoint here; go on with "
         "the same callbacks, or start a new run from its weights with --weights"},
        {"{\"rate_scale\": \"1\", \"callbacks\": [7]}",
         "checkpoint: callbacks[0]: is the state of nothing known, but "
         "the config has ModelCheckpoint here; go on with the same callbacks, or start a new run from its weights with "
         "--weights"},
        {"{\"rate_scale\": \"1\", \"callbacks\": [{\"type\": \"ModelCheckpoint\", \"best\": \"x\"}]}",
         "checkpoint: callbacks[0].best: must be a number as text; the training state is damaged: start a new run from "
         "its weights with --weights"},
        {"{\"rate_scale\": \"1\", \"callbacks\": [{\"type\": \"ModelCheckpoint\", \"best\": \"1\", \"best_epoch\": "
         "-2}]}",
         "checkpoint: callbacks[0].best_epoch: must be an integer, -1 or more; the training state is damaged: start a "
         "new run from its weights with --weights"},
        {"{\"rate_scale\": \"1\", \"callbacks\": [{\"type\": \"ModelCheckpoint\", \"best\": \"1\", \"best_epoch\": 2, "
         "\"wait\": 0.5}]}",
         "checkpoint: callbacks[0].wait: must be an integer, 0 or more; the training state is damaged: start a new run "
         "from its weights with --weights"},
    };
    struct run run;
    begin(&run, "\"ModelCheckpoint\"");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct place place = place_document("checkpoint");
        cJSON *json = cJSON_Parse(rows[i].json);
        assert_int_equal(callbacks_import(&run.callbacks, json, &place, &error), -1);
        expect_error(&error, ERROR_DATA, rows[i].text);
        assert_true(run.callbacks.rate_scale == 1 && isinf(run.callbacks.states[0].best));
        cJSON_Delete(json);
    }
    arena_free(&run.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopping),
        cmocka_unit_test(test_stopping_nan),
        cmocka_unit_test(test_plateau),
        cmocka_unit_test(test_checkpoint),
        cmocka_unit_test(test_default_checkpoint),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_bad_configs),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_bad_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
