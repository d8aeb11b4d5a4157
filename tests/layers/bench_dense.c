/* Speed of Dense, one thread. Usage: bench_dense [TABLE].
 * Weights come from the third-level cache as in training, where other layers ran in between: several layers of one
 * shape take turns. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/support/layer_case.h"

enum { BATCH = 64, LAYERS = 3, TRIALS = 20, PARTS = 16 };

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct bench {
    struct layer_case cases[LAYERS];
    int shard; /* images a call */
};

static struct pass pass_of(const struct layer_run *run, int first, int images) {
    return (struct pass){.kernels = run->kernels,
                         .images = images,
                         .training = true,
                         .x = run->x + (size_t)first * run->input,
                         .y = run->before + (size_t)first * run->output,
                         .dy = run->dy + (size_t)first * run->output,
                         .dx = run->dx + (size_t)first * run->input,
                         .parameters = run->parameters,
                         .packed = run->packed,
                         .scratch = run->scratch};
}

static void by_shards(const struct bench *bench, void (*direction)(const struct layer *, const struct pass *)) {
    for (int first = 0; first < BATCH; first += bench->shard) {
        for (int i = 0; i < LAYERS; i++) {
            const struct pass pass = pass_of(&bench->cases[i].run, first, bench->shard);
            direction(&bench->cases[i].layer, &pass);
        }
    }
}

static void forward(const struct bench *bench) {
    by_shards(bench, bench->cases[0].layer.kind->forward);
}

static void backward(const struct bench *bench) {
    by_shards(bench, bench->cases[0].layer.kind->backward);
}

static void gradient(const struct bench *bench) {
    for (int i = 0; i < LAYERS; i++) {
        const struct layer_run *run = &bench->cases[i].run;
        struct pass pass = pass_of(run, 0, BATCH);
        pass.gradients = run->gradients;
        for (int part = 0; part < PARTS; part++)
            run->layer->kind->batch_gradient(&bench->cases[i].layer, &pass, part, PARTS);
    }
}

static void pack(const struct bench *bench) {
    for (int i = 0; i < LAYERS; i++) {
        const struct layer_run *run = &bench->cases[i].run;
        const struct pass pass = pass_of(run, 0, BATCH);
        for (int part = 0; part < PARTS; part++)
            run->layer->kind->pack(&bench->cases[i].layer, &pass, run->packed, part, PARTS);
    }
}

/* The best time of one layer and batch, in microseconds. */
static double time_of(const struct bench *bench, void (*work)(const struct bench *)) {
    double best = 1e9;
    for (int trial = 0; trial < TRIALS; trial++) {
        const double start = seconds();
        work(bench);
        const double elapsed = seconds() - start;
        if (elapsed < best) best = elapsed;
    }
    return best / LAYERS * 1e6;
}

static void bench_shape(const struct kernels *table, int inputs, int units) {
    char config[64];
    struct bench bench;
    snprintf(config, sizeof config, "{\"type\":\"Dense\",\"units\":%d}", units);
    for (int i = 0; i < LAYERS; i++) {
        layer_case_open(&bench.cases[i], config, (struct shape){1, {inputs}}, BATCH);
        bench.cases[i].run.kernels = table;
        layer_case_parameter(&bench.cases[i], 0, NULL);
    }
    const double work = 2e-3 * BATCH * inputs * units; /* GFLOP a microsecond */
    printf("%5d -> %-4d", inputs, units);
    for (bench.shard = 4; bench.shard <= 8; bench.shard += 4) {
        pack(&bench);
        printf("  %6.1f %6.1f", work / time_of(&bench, forward), work / time_of(&bench, backward));
    }
    printf("  %6.1f  %8.1f us\n", work / time_of(&bench, gradient), time_of(&bench, pack));
    for (int i = 0; i < LAYERS; i++) layer_case_close(&bench.cases[i]);
}

int main(int argc, char **argv) {
    static const int shapes[][2] = {{3072, 128}, {2048, 128}, {1024, 64}, {784, 100}, {784, 300}, {120, 84},
                                    {84, 10},    {128, 10},   {128, 9},   {512, 1},   {3072, 17}, {400, 33}};
    const struct kernels *table = kernels_select(argc > 1 ? argv[1] : NULL);
    if (table == NULL) {
        fprintf(stderr, "no such table, or this processor cannot run it\n");
        return 2;
    }
    printf("%s, batch %d; GFLOP/s\n%-13s  %-13s  %-13s  weight    pack,\n", table->name, BATCH, "", "4 images",
           "8 images");
    printf("%-13s  %6s %6s  %6s %6s  gradient  a step\n", "", "forw.", "data", "forw.", "data");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) bench_shape(table, shapes[i][0], shapes[i][1]);
    return 0;
}
