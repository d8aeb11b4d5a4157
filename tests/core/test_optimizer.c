#include <math.h>
#include <string.h>

#include "core/optimizer.h"
#include "tests/support/component.h"
#include "tests/support/expect.h"

enum { WEIGHTS = 5, STEPS = 7, LONG = 203 };

static const float start_weights[WEIGHTS] = {0.5F, -1.0F, 2.0F, -0.25F, 0.0F};
/* Two variables, so that clipping by variable and clipping of all differ. */
static const struct optimizer_range variables[] = {{0, 3}, {3, 2}};

/* What Keras 3.15 makes of the weights after the first and the last step; scripts/golden/optimizers.py. */
static const struct golden {
    const char *config;
    float first[WEIGHTS], last[WEIGHTS];
} goldens[] = {
    {"\"SGD\"",
     {0.504999995F, -1.01250005F, 1.99749994F, -0.242500007F, -0.00999999978F},
     {0.487500012F, -0.997500002F, 1.99000001F, -0.245000005F, -0.0074999989F}},
    {"{\"type\": \"sgd\", \"learning_rate\": 0.1, \"momentum\": 0.9}",
     {0.550000012F, -1.125F, 1.97500002F, -0.174999997F, -0.100000001F},
     {0.425851792F, -1.1498847F, 1.59850025F, 0.252019793F, -0.318966568F}},
    {"{\"type\": \"SGD\", \"learning_rate\": 0.1, \"momentum\": 0.9, \"nesterov\": true}",
     {0.595000029F, -1.23749995F, 1.95249999F, -0.107499987F, -0.189999998F},
     {0.308266699F, -1.10989618F, 1.53865016F, 0.251817793F, -0.362069905F}},
    {"{\"type\": \"SGD\", \"learning_rate\": 0.1, \"weight_decay\": 0.01}",
     {0.549499989F, -1.12400007F, 1.97300005F, -0.17475F, -0.100000001F},
     {0.371435702F, -0.967722237F, 1.88644123F, -0.198854148F, -0.0746756122F}},
    {"\"adam\"",
     {0.500999987F, -1.00100005F, 1.99900007F, -0.249000013F, -0.000999990152F},
     {0.50073725F, -1.00133801F, 1.99743307F, -0.247203127F, -0.00151276041F}},
    {"{\"type\": \"Adam\", \"learning_rate\": 0.1, \"beta_1\": 0.5, \"beta_2\": 0.75, \"amsgrad\": true}",
     {0.599999964F, -1.10000002F, 1.9000001F, -0.150000021F, -0.0999999791F},
     {0.488092959F, -1.02141356F, 1.76801193F, -0.0815428495F, -0.123051576F}},
    {"{\"type\": \"AdamW\", \"learning_rate\": 0.01}",
     {0.509979844F, -1.00995994F, 1.98992026F, -0.239990115F, -0.00999990106F},
     {0.507230937F, -1.01309538F, 1.97377527F, -0.221965775F, -0.015125094F}},
    {"\"rmsprop\"",
     {0.503162265F, -1.00316226F, 1.99683774F, -0.24683772F, -0.00316227623F},
     {0.498341441F, -1.00056529F, 1.99453914F, -0.248001561F, -0.00236560358F}},
    {"{\"type\": \"RMSprop\", \"learning_rate\": 0.01, \"rho\": 0.8, \"momentum\": 0.5}",
     {0.522360682F, -1.02236068F, 1.97763944F, -0.227639332F, -0.0223606732F},
     {0.490935624F, -1.00870347F, 1.92176127F, -0.212209523F, -0.0345642492F}},
    {"{\"type\": \"RMSprop\", \"learning_rate\": 0.01, \"centered\": true}",
     {0.533333242F, -1.0333333F, 1.96666694F, -0.216666698F, -0.0333333164F},
     {0.483743876F, -1.00764501F, 1.94040275F, -0.22731635F, -0.0260282606F}},
    {"{\"type\": \"RMSprop\", \"learning_rate\": 0.01, \"centered\": true, \"momentum\": 0.9}",
     {0.533333242F, -1.0333333F, 1.96666694F, -0.216666698F, -0.0333333164F},
     {0.532500267F, -1.08219194F, 1.72156239F, -0.0835353658F, -0.119376585F}},
    {"{\"type\": \"Adagrad\", \"learning_rate\": 0.1}",
     {0.584515393F, -1.09694588F, 1.93798268F, -0.157855749F, -0.0953462496F},
     {0.451065868F, -1.01991975F, 1.87097466F, -0.185646504F, -0.0690176189F}},
    {"{\"type\": \"Nadam\", \"learning_rate\": 0.01}",
     {0.510627866F, -1.01062787F, 1.98937213F, -0.239372119F, -0.010627877F},
     {0.494933814F, -1.00277758F, 1.97954428F, -0.239449039F, -0.00993447937F}},
    {"{\"type\": \"SGD\", \"learning_rate\": 0.1, \"clipnorm\": 1.0}",
     {0.536514819F, -1.09128714F, 1.98174262F, -0.189999998F, -0.0800000057F},
     {0.423565477F, -0.982087553F, 1.92077386F, -0.260013252F, -0.00998674333F}},
    {"{\"type\": \"SGD\", \"learning_rate\": 0.1, \"clipvalue\": 0.5}",
     {0.550000012F, -1.04999995F, 1.97500002F, -0.200000003F, -0.0500000007F},
     {0.449999988F, -0.974999905F, 1.95000005F, -0.225000009F, -0.0250000022F}},
    {"{\"type\": \"SGD\", \"learning_rate\": 0.1, \"global_clipnorm\": 1.0}",
     {0.526968002F, -1.06742001F, 1.986516F, -0.209547997F, -0.0539359935F},
     {0.416257471F, -0.979989648F, 1.93972135F, -0.23364228F, -0.0230972059F}},
};

struct run {
    struct arena arena;
    struct component optimizer;
    float weights[LONG], slots[OPTIMIZER_SLOTS_MAX][LONG];
};

static float gradient_at(int64_t step, size_t i) {
    return (float)((int)((i * 7 + (size_t)step * 3) % 11) - 5) * 0.25F;
}

static void slots_of(struct run *run, size_t offset, float *slots[OPTIMIZER_SLOTS_MAX]) {
    for (int i = 0; i < OPTIMIZER_SLOTS_MAX; i++)
        slots[i] = optimizer_uses_slot(&run->optimizer, i) ? run->slots[i] + offset : NULL;
}

static void begin(struct run *run, const char *config, size_t count) {
    struct error error = {0};
    memset(run, 0, sizeof *run);
    component_from_text(&optimizer_registry, config, &run->arena, &run->optimizer, &error);
    expect_no_error(&error);
    for (size_t i = 0; i < count; i++) run->weights[i] = start_weights[i % WEIGHTS];
    memset(run->slots, 0x7F, sizeof run->slots); /* start must overwrite this */
    float *slots[OPTIMIZER_SLOTS_MAX];
    slots_of(run, 0, slots);
    optimizer_start(&run->optimizer, slots, count);
}

/* Steps `from` to `to` on `count` weights, each step in ranges of at most `range`. */
static void advance(struct run *run, int64_t from, int64_t to, size_t count, size_t range) {
    for (int64_t t = from; t <= to; t++) {
        float gradient[LONG];
        for (size_t i = 0; i < count; i++) gradient[i] = gradient_at(t, i);
        if (count == WEIGHTS) optimizer_clip(&run->optimizer, gradient, variables, 2);
        for (size_t at = 0; at < count; at += range) {
            struct optimizer_step step = {
                .weights = run->weights + at,
                .gradient = gradient + at,
                .count = count - at < range ? count - at : range,
                .learning_rate = optimizer_common_of(&run->optimizer)->learning_rate,
                .iteration = t,
            };
            slots_of(run, at, step.slots);
            optimizer_apply(&run->optimizer, &step);
        }
    }
}

static void expect_near(const char *config, const float *found, const float *wanted) {
    for (int i = 0; i < WEIGHTS; i++)
        if (!(fabsf(found[i] - wanted[i]) <= 4e-7F * fmaxf(1, fabsf(wanted[i]))))
            fail_msg("%s: weight %d is %.9g, not %.9g", config, i, (double)found[i], (double)wanted[i]);
}

static void test_trajectories(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        struct run run;
        begin(&run, goldens[i].config, WEIGHTS);
        advance(&run, 1, 1, WEIGHTS, WEIGHTS);
        expect_near(goldens[i].config, run.weights, goldens[i].first);
        advance(&run, 2, STEPS, WEIGHTS, WEIGHTS);
        expect_near(goldens[i].config, run.weights, goldens[i].last);
        arena_free(&run.arena);
    }
}

/* The same bits however the weights are cut into ranges, and whether or not training was interrupted. */
static void test_ranges(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++)
        for (size_t range = 1; range <= 67; range += 11) {
            struct run whole, cut;
            begin(&whole, goldens[i].config, LONG);
            begin(&cut, goldens[i].config, LONG);
            advance(&whole, 1, STEPS, LONG, LONG);
            advance(&cut, 1, STEPS, LONG, range);
            assert_memory_equal(whole.weights, cut.weights, sizeof whole.weights);
            assert_memory_equal(whole.slots, cut.slots, sizeof whole.slots);
            arena_free(&whole.arena);
            arena_free(&cut.arena);
        }
}

static void test_nadam_late(void **state) {
    (void)state;
    struct run run;
    begin(&run, "{\"type\": \"Nadam\", \"learning_rate\": 0.5, \"beta_1\": 0.9999}", 1);
    long double product = 1, power = 1;
    int64_t t = 1500;
    for (int64_t i = 1; i <= t; i++) {
        power *= 0.96L;
        product *= 0.9999L * (1 - 0.5L * power);
    }
    advance(&run, t, t, 1, 1);
    double g = (double)gradient_at(t, 0), m = g * (1 - 0.9999), v = g * g * 0.001;
    double next = 0.9999, mean = next * m / (1 - (double)product * next) + (1 - next) * g / (1 - (double)product);
    double wanted = 0.5 - 0.5 * mean / (sqrt(v / (1 - pow(0.999, (double)t))) + 1e-7);
    assert_float_equal(run.weights[0], (float)wanted, 1e-6F);
    assert_float_not_equal(run.weights[0], 0.5F, 1e-4F);
    arena_free(&run.arena);
}

/* Gradients that never change have no variance: rounding must not make it negative and the root NaN. */
static void test_centered_constant(void **state) {
    (void)state;
    struct run run;
    float gradient[LONG];
    begin(&run, "{\"type\": \"RMSprop\", \"centered\": true}", LONG);
    for (size_t i = 0; i < LONG; i++) gradient[i] = 17.37F * (float)i;
    for (int64_t t = 1; t <= 500; t++) {
        struct optimizer_step step = {
            .weights = run.weights, .gradient = gradient, .count = LONG, .learning_rate = 1e-6, .iteration = t};
        slots_of(&run, 0, step.slots);
        optimizer_apply(&run.optimizer, &step);
    }
    for (int i = 0; i < LONG; i++) assert_true(isfinite(run.weights[i]));
    arena_free(&run.arena);
}

static void test_slots(void **state) {
    (void)state;
    static const struct {
        const char *config, *used;
    } rows[] = {
        {"\"SGD\"", ""},
        {"{\"type\": \"SGD\", \"momentum\": 0.5}", "momentum "},
        {"\"Adam\"", "momentum velocity "},
        {"{\"type\": \"AdamW\", \"amsgrad\": true}", "momentum velocity velocity_hat "},
        {"\"RMSprop\"", "velocity "},
        {"{\"type\": \"RMSprop\", \"centered\": true}", "velocity average_gradient "},
        {"{\"type\": \"RMSprop\", \"momentum\": 0.5}", "velocity momentum "},
        {"\"Adagrad\"", "accumulator "},
        {"\"Nadam\"", "momentum velocity "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct run run;
        begin(&run, rows[i].config, 2);
        const struct optimizer_kind *kind = (const struct optimizer_kind *)run.optimizer.kind;
        char used[100] = "";
        for (int slot = 0; slot < OPTIMIZER_SLOTS_MAX; slot++) {
            if (!optimizer_uses_slot(&run.optimizer, slot)) continue;
            strcat(strcat(used, kind->slot_names[slot]), " ");
            float value = strcmp(kind->slot_names[slot], "accumulator") == 0 ? 0.1F : 0;
            assert_true(run.slots[slot][0] == value && run.slots[slot][1] == value);
        }
        assert_string_equal(used, rows[i].used);
        arena_free(&run.arena);
    }
}

static void test_defaults(void **state) {
    (void)state;
    static const struct {
        const char *config;
        double learning_rate, weight_decay;
    } rows[] = {{"\"SGD\"", 0.01, 0},      {"\"Adam\"", 0.001, 0},    {"\"AdamW\"", 0.001, 0.004},
                {"\"RMSprop\"", 0.001, 0}, {"\"Adagrad\"", 0.001, 0}, {"\"Nadam\"", 0.001, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct run run;
        begin(&run, rows[i].config, 1);
        const struct optimizer_common *common = optimizer_common_of(&run.optimizer);
        assert_true(common->learning_rate == rows[i].learning_rate && common->weight_decay == rows[i].weight_decay);
        assert_false(optimizer_clips(&run.optimizer));
        arena_free(&run.arena);
    }
}

static void test_bad_configs(void **state) {
    (void)state;
    static const struct {
        const char *config, *text;
    } rows[] = {
        {"{\"type\": \"Adam\", \"clipnorm\": 1, \"global_clipnorm\": 2}",
         "test: clipnorm and global_clipnorm are both set; only one of clipnorm, clipvalue and global_clipnorm may be: "
         "remove the others"},
        {"{\"type\": \"SGD\", \"clipnorm\": 1, \"clipvalue\": 2}",
         "test: clipnorm and clipvalue are both set; only one of clipnorm, clipvalue and global_clipnorm may be: "
         "remove the others"},
        {"\"Adma\"", "test: unknown optimizer \"Adma\"; did you mean \"Adam\"?"},
        {"{\"type\": \"Adam\", \"beta_1\": 1}", "test: beta_1: must be a number, in [0, 1); got 1"},
        {"{\"type\": \"SGD\", \"learning_rate\": -1}", "test: learning_rate: must be a number, 0 or more; got -1"},
        {"{\"type\": \"SGD\", \"momentun\": 0.9}", "test: momentun: unknown field; did you mean \"momentum\"?"},
        {"{\"type\": \"SGD\", \"clipnorm\": -1}", "test: clipnorm: must be a number, 0 or more, or null; got -1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena = {0};
        struct component component;
        struct error error = {0};
        assert_int_equal(component_from_text(&optimizer_registry, rows[i].config, &arena, &component, &error), -1);
        expect_error(&error, ERROR_CONFIG, rows[i].text);
        arena_free(&arena);
    }
}

static void clip_one(const char *config, float *gradient, size_t count) {
    struct run run;
    begin(&run, config, 1);
    assert_true(optimizer_clips(&run.optimizer));
    optimizer_clip(&run.optimizer, gradient, &(struct optimizer_range){0, count}, 1);
    arena_free(&run.arena);
}

static void test_clip_edges(void **state) {
    (void)state;
    float below[3] = {0.3F, -0.4F, 0}, zero[2] = {0, 0}, large[3] = {3e38F, 3e38F, 0};
    clip_one("{\"type\": \"SGD\", \"clipnorm\": 0.6}", below, 3);
    assert_true(below[0] == 0.3F && below[1] == -0.4F); /* bits untouched below the limit */
    clip_one("{\"type\": \"SGD\", \"global_clipnorm\": 1}", zero, 2);
    assert_true(zero[0] == 0 && zero[1] == 0);
    clip_one("{\"type\": \"SGD\", \"clipnorm\": 2}", large, 3); /* its squares pass the range of float */
    assert_float_equal(large[0], sqrtf(2), 1e-6F);
    float infinite[2] = {INFINITY, 1}, nan[2] = {NAN, 5};
    clip_one("{\"type\": \"SGD\", \"global_clipnorm\": 1}", infinite, 2);
    assert_true(isnan(infinite[0]) && isnan(infinite[1]));
    clip_one("{\"type\": \"SGD\", \"clipvalue\": 2}", nan, 2);
    assert_true(isnan(nan[0]) && nan[1] == 2);
}

/* Norms above the number of lanes: the sum over 203 elements is that of a plain loop. */
static void test_clip_long(void **state) {
    (void)state;
    float gradient[LONG];
    double sum = 0;
    for (size_t i = 0; i < LONG; i++) gradient[i] = gradient_at(4, i);
    for (size_t i = 0; i < LONG; i++) sum += (double)gradient[i] * (double)gradient[i];
    clip_one("{\"type\": \"SGD\", \"clipnorm\": 0.5}", gradient, LONG);
    for (size_t i = 0; i < LONG; i++)
        assert_float_equal(gradient[i], (float)((double)gradient_at(4, i) * 0.5 / sqrt(sum)), 1e-8F);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trajectories),      cmocka_unit_test(test_ranges),     cmocka_unit_test(test_nadam_late),
        cmocka_unit_test(test_centered_constant), cmocka_unit_test(test_slots),      cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_bad_configs),       cmocka_unit_test(test_clip_edges), cmocka_unit_test(test_clip_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
