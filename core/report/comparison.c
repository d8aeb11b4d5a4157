#include "core/report/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/report/output.h"
#include "core/statistics.h"

#define SIGNIFICANT 0.05

const struct comparison_run *comparison_run_at(const struct comparison_input *input, int combination, int seed) {
    return &input->runs[(size_t)combination * (size_t)input->seed_count + (size_t)seed];
}

static bool is_finished(const struct comparison_run *run) {
    return run->result && run->result->status == RUN_FINISHED;
}

/* Zeroed arrays owned by the comparison. */
static void *array(struct comparison *comparison, int count, size_t size, struct error *error) {
    size_t bytes;
    if (!size_multiply(count > 0 ? (size_t)count : 1, size, &bytes)) {
        error_set(error, ERROR_RUN, NULL, "not enough memory for a comparison of %d entries", count);
        return NULL;
    }
    return arena_allocate(&comparison->memory, bytes, error);
}

/* Estimates */

static struct estimate estimate_of(const double *values, int count) {
    struct estimate estimate = {.count = count, .mean = NAN, .deviation = NAN, .low = NAN, .high = NAN};
    if (count > 0) estimate.mean = statistics_mean(values, count);
    if (count < 2) return estimate;
    struct interval interval = student_interval(values, count);
    estimate.deviation = statistics_deviation(values, count);
    estimate.low = interval.low;
    estimate.high = interval.high;
    estimate.interval = INTERVAL_STUDENT;
    return estimate;
}

/* The member at `offset` over the finished runs that have it. `values` has room for all seeds. */
static struct estimate estimate_member(const struct comparison_input *input, int combination, size_t offset,
                                       double *values) {
    int count = 0;
    for (int seed = 0; seed < input->seed_count; seed++) {
        const struct comparison_run *run = comparison_run_at(input, combination, seed);
        if (!is_finished(run)) continue;
        double value = *(const double *)(const void *)((const char *)run->result + offset);
        if (isfinite(value)) values[count++] = value;
    }
    return estimate_of(values, count);
}

static struct estimate within_share(struct estimate estimate) {
    estimate.low = fmax(estimate.low, 0);
    estimate.high = fmin(estimate.high, 1);
    return estimate;
}

static struct estimate estimate_share(const struct comparison_input *input, int combination, size_t offset,
                                      double *values) {
    struct estimate estimate = estimate_member(input, combination, offset, values);
    return estimate.interval == INTERVAL_NONE ? estimate : within_share(estimate);
}

/* One run says nothing about the seeds: its interval is that of a share of the test images. */
static void add_wilson(const struct comparison_input *input, int combination, struct estimate *estimate) {
    for (int seed = 0; seed < input->seed_count && estimate->count == 1; seed++) {
        const struct comparison_run *run = comparison_run_at(input, combination, seed);
        if (!is_finished(run) || !isfinite(run->result->test_accuracy) || run->result->test_images <= 0) continue;
        int64_t images = run->result->test_images;
        struct interval interval = wilson_interval(llround(run->result->test_accuracy * (double)images), images);
        estimate->low = interval.low;
        estimate->high = interval.high;
        estimate->interval = INTERVAL_WILSON;
    }
}

/* Classes */

/* Whether all finished runs that were tested have the same classes; *first is one of them, NULL: none. */
static bool same_classes(const struct comparison_input *input, const struct run_result **first) {
    *first = NULL;
    for (int i = 0; i < input->combinations * input->seed_count; i++) {
        const struct run_result *result = input->runs[i].result;
        if (!is_finished(&input->runs[i]) || !result->classes) continue;
        if (!*first) *first = result;
        if (result->class_count != (*first)->class_count) return false;
        for (int class_index = 0; class_index < result->class_count; class_index++)
            if (strcmp(result->classes[class_index].name, (*first)->classes[class_index].name) != 0) return false;
    }
    return true;
}

static double mean_recall(const struct comparison_input *input, int combination, int class_index, double *values) {
    int count = 0;
    for (int seed = 0; seed < input->seed_count; seed++) {
        const struct comparison_run *run = comparison_run_at(input, combination, seed);
        if (!is_finished(run) || !run->result->classes) continue;
        const struct class_result *row = &run->result->classes[class_index];
        if (row->images > 0 && isfinite(row->recall)) values[count++] = row->recall;
    }
    return count > 0 ? statistics_mean(values, count) : NAN;
}

/* Rows */

static void count_runs(struct comparison *comparison, int combination, struct comparison_row *row) {
    const struct comparison_input *input = comparison->input;
    for (int seed = 0; seed < input->seed_count; seed++) {
        const struct comparison_run *run = comparison_run_at(input, combination, seed);
        if (!run->result) continue;
        if (run->result->status == RUN_FINISHED) row->finished++;
        if (run->result->status == RUN_FAILED || run->result->status == RUN_NOT_FINITE) comparison->failed++;
        if (row->parameters < 0 && run->result->parameters > 0) {
            row->parameters = run->result->parameters;
            row->multiplications = run->result->multiplications;
        }
    }
    comparison->finished += row->finished;
}

static int fill_row(struct comparison *comparison, int index, double *values, struct error *error) {
    const struct comparison_input *input = comparison->input;
    struct comparison_row *row = &comparison->rows[index];
    row->name = input->names[index];
    row->parameters = -1;
    row->multiplications = NAN;
    count_runs(comparison, index, row);
    row->train_accuracy = estimate_share(input, index, offsetof(struct run_result, train_accuracy), values);
    row->validation_accuracy = estimate_share(input, index, offsetof(struct run_result, validation_accuracy), values);
    row->test_accuracy = estimate_share(input, index, offsetof(struct run_result, test_accuracy), values);
    add_wilson(input, index, &row->test_accuracy);
    row->test_loss = estimate_member(input, index, offsetof(struct run_result, test_loss), values);
    row->seconds_per_epoch = estimate_member(input, index, offsetof(struct run_result, seconds_per_epoch), values);
    row->images_per_second = estimate_member(input, index, offsetof(struct run_result, images_per_second), values);
    row->class_accuracy = array(comparison, comparison->class_count, sizeof(double), error);
    if (!row->class_accuracy) return -1;
    for (int i = 0; i < comparison->class_count; i++) row->class_accuracy[i] = mean_recall(input, index, i, values);
    return 0;
}

/* Pairs */

static void fill_pair(const struct comparison_input *input, struct comparison_pair *pair, double *values) {
    for (int seed = 0; seed < input->seed_count; seed++) {
        const struct comparison_run *a = comparison_run_at(input, pair->a, seed),
                                    *b = comparison_run_at(input, pair->b, seed);
        int64_t only_a = 0, only_b = 0;
        struct error other_images = {0};
        if (!is_finished(a) || !is_finished(b) || !a->predictions || !b->predictions) continue;
        if (a->predictions->count == 0) continue;
        if (predictions_compare(a->predictions, b->predictions, &only_a, &only_b, &other_images) != 0) continue;
        values[pair->seeds++] = mcnemar_p(only_a, only_b);
        pair->only_a_right += only_a;
        pair->only_b_right += only_b;
    }
    pair->p = pair->seeds > 0 ? rueger_p(values, pair->seeds) : NAN;
    pair->p_holm = NAN;
    pair->better = -1;
}

/* Only pairs with a p count as comparisons made. */
static int correct_pairs(struct comparison *comparison, struct error *error) {
    double *p = array(comparison, comparison->pair_count, sizeof *p, error);
    int count = 0;
    if (!p) return -1;
    for (int i = 0; i < comparison->pair_count; i++)
        if (comparison->pairs[i].seeds > 0) p[count++] = comparison->pairs[i].p;
    if (count > 0) holm_adjust(p, count, p);
    count = 0;
    for (int i = 0; i < comparison->pair_count; i++) {
        struct comparison_pair *pair = &comparison->pairs[i];
        if (pair->seeds == 0) continue;
        pair->p_holm = p[count++];
        if (pair->p_holm >= SIGNIFICANT || pair->only_a_right == pair->only_b_right) continue;
        pair->better = pair->only_a_right > pair->only_b_right ? pair->a : pair->b;
    }
    return 0;
}

static int fill_pairs(struct comparison *comparison, double *values, struct error *error) {
    const struct comparison_input *input = comparison->input;
    int n = input->combinations;
    comparison->pairs = array(comparison, n * (n - 1) / 2, sizeof *comparison->pairs, error);
    if (!comparison->pairs) return -1;
    for (int a = 0; a < n; a++)
        for (int b = a + 1; b < n; b++) {
            struct comparison_pair *pair = &comparison->pairs[comparison->pair_count++];
            *pair = (struct comparison_pair){.a = a, .b = b};
            fill_pair(input, pair, values);
        }
    return correct_pairs(comparison, error);
}

static int fill(struct comparison *comparison, struct error *error) {
    const struct comparison_input *input = comparison->input;
    const struct run_result *tested = NULL;
    double *values = array(comparison, input->seed_count, sizeof *values, error);
    comparison->rows = array(comparison, input->combinations, sizeof *comparison->rows, error);
    if (!values || !comparison->rows) return -1;
    comparison->total = input->combinations * input->seed_count;
    if (same_classes(input, &tested) && tested) {
        comparison->class_count = tested->class_count;
        comparison->classes = tested->classes;
    }
    for (int i = 0; i < input->combinations; i++)
        if (fill_row(comparison, i, values, error) != 0) return -1;
    return fill_pairs(comparison, values, error);
}

int comparison_make(const struct comparison_input *input, struct comparison *comparison, struct error *error) {
    *comparison = (struct comparison){.input = input};
    if (input->combinations > COMPARISON_COMBINATIONS_MAX || input->seed_count > COMPARISON_SEEDS_MAX)
        return error_set(error, ERROR_CONFIG, input->name,
                         "at most %d configs and %d seeds are compared, got %d and %d; split the experiment",
                         COMPARISON_COMBINATIONS_MAX, COMPARISON_SEEDS_MAX, input->combinations, input->seed_count);
    if (fill(comparison, error) == 0) return 0;
    comparison_free(comparison);
    return -1;
}

void comparison_free(struct comparison *comparison) {
    arena_free(&comparison->memory);
    *comparison = (struct comparison){0};
}

struct format_writer {
    const char *file;
    void (*write)(const struct comparison *comparison, struct text *text);
};

static const struct format_writer writers[] = {
#define RUN_FORMAT(file, writer)
#define COMPARISON_FORMAT(file, writer) {file, writer},
#include "core/report/formats.def"
#undef RUN_FORMAT
#undef COMPARISON_FORMAT
};

int comparison_write(const struct comparison *comparison, const char *folder, struct error *error) {
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        struct text text = {0};
        writers[i].write(comparison, &text);
        if (output_write(folder, writers[i].file, &text, error) != 0) return -1;
    }
    return 0;
}
