#include "core/report/comparison_tables.h"

#include <math.h>

#include "core/report/format.h"

const char comparison_results_note[] =
    "Accuracies are the share of images classified correctly, as mean ± sample standard deviation over the "
    "finished seeds (a lone value: one seed); the 95 % interval belongs to the test accuracy. "
    "Multiplications are those of one image, forward. Time and images a second are of training.";
const char comparison_classes_note[] =
    "Of the test images of a class, the share that was classified as it (its recall); mean over the seeds.";
const char comparison_pairs_note[] =
    "Difference: test accuracy of the first minus the second, in percentage points. Only first correct: "
    "test images, summed over the seeds, that the first classified correctly and the second did not. "
    "Better: where the corrected p is below 0.05.";

void comparison_progress(const struct comparison *comparison, struct text *text) {
    const struct comparison_input *input = comparison->input;
    int pending = comparison->total - comparison->finished - comparison->failed;
    text_print(text, "%d of %d runs done", comparison->finished, comparison->total);
    if (comparison->failed > 0) text_print(text, ", %d failed", comparison->failed);
    if (pending > 0) text_print(text, ", %d pending", pending);
    text_print(text, ": %d combination%s, each with %d seed%s", input->combinations,
               input->combinations == 1 ? "" : "s", input->seed_count, input->seed_count == 1 ? "" : "s");
    for (int i = 0; i < input->seed_count; i++) text_print(text, "%s%lld", i ? ", " : " (", input->seeds[i]);
    text_add(text, input->seed_count > 0 ? ")." : ".");
}

/* Verdict */

int comparison_best_row(const struct comparison *comparison) {
    int best = -1;
    for (int i = 0; i < comparison->input->combinations; i++) {
        double mean = comparison->rows[i].test_accuracy.mean;
        if (!isnan(mean) && (best < 0 || mean > comparison->rows[best].test_accuracy.mean)) best = i;
    }
    return best;
}

/* The names that `best` was compared with and is (or is not) significantly better than, after `introduction`. */
static void add_rivals(const struct comparison *comparison, int best, bool beaten, const char *introduction,
                       const struct comparison_words *words, struct text *text) {
    int count = 0;
    for (int i = 0; i < comparison->pair_count; i++) {
        const struct comparison_pair *pair = &comparison->pairs[i];
        if (pair->seeds == 0 || (pair->a != best && pair->b != best) || (pair->better == best) != beaten) continue;
        text_add(text, count++ ? ", " : introduction);
        words->escape(comparison->rows[pair->a == best ? pair->b : pair->a].name, text);
    }
    if (count > 0) text_add(text, ".");
}

void comparison_verdict(const struct comparison *comparison, const struct comparison_words *words, struct text *text) {
    int best = comparison_best_row(comparison);
    struct format format;
    if (best < 0) {
        text_add(text, "There is no test accuracy yet.");
        return;
    }
    text_print(text, "Highest mean test accuracy: %s", words->strong);
    words->escape(comparison->rows[best].name, text);
    text_print(text, "%s, %s.", words->strong_end, format_percent(&format, comparison->rows[best].test_accuracy.mean));
    add_rivals(comparison, best, true, " Significantly better than ", words, text);
    add_rivals(comparison, best, false, " No significant advantage over ", words, text);
}

/* Accuracy and cost */

static void accuracy_cell(struct table *table, const struct estimate *estimate) {
    struct format mean, deviation;
    if (estimate->count < 2)
        table_cell(table, "%s", format_percent(&mean, estimate->mean));
    else
        table_cell(table, "%s ± %s", format_decimal(&mean, 100 * estimate->mean, 2),
                   format_percent(&deviation, estimate->deviation));
}

static void interval_cell(struct table *table, const struct estimate *estimate) {
    struct format low, high;
    if (estimate->interval == INTERVAL_NONE)
        table_cell(table, "-");
    else
        table_cell(table, "%s to %s", format_decimal(&low, 100 * estimate->low, 2),
                   format_percent(&high, estimate->high));
}

static void add_row(struct table *table, const struct comparison_row *row) {
    struct format format;
    table_cell(table, "%s", row->name);
    table_cell(table, "%s", format_count(&format, (double)row->parameters));
    table_cell(table, "%s", format_count(&format, row->multiplications));
    accuracy_cell(table, &row->train_accuracy);
    accuracy_cell(table, &row->validation_accuracy);
    accuracy_cell(table, &row->test_accuracy);
    interval_cell(table, &row->test_accuracy);
    table_cell(table, "%s", format_decimal(&format, row->test_loss.mean, 4));
    table_cell(table, "%s", format_decimal(&format, row->seconds_per_epoch.mean, 2));
    table_cell(table, "%s", format_count(&format, row->images_per_second.mean));
}

void comparison_results_table(const struct comparison *comparison, struct table *table) {
    static const char *const names[] = {"Parameters",          "Multiplications",  "Train accuracy",
                                        "Validation accuracy", "Test accuracy",    "95 % interval",
                                        "Test loss",           "Seconds an epoch", "Images a second"};
    table_column(table, "Combination", TABLE_LEFT);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) table_column(table, names[i], TABLE_RIGHT);
    for (int i = 0; i < comparison->input->combinations; i++) add_row(table, &comparison->rows[i]);
}

/* Classes */

bool comparison_has_classes_table(const struct comparison *comparison) {
    return comparison->class_count > 0 && comparison->input->combinations < TABLE_COLUMNS_MAX;
}

void comparison_classes_table(const struct comparison *comparison, struct table *table) {
    const struct comparison_input *input = comparison->input;
    struct format format;
    table_column(table, "Class", TABLE_LEFT);
    for (int i = 0; i < input->combinations; i++) table_column(table, input->names[i], TABLE_RIGHT);
    for (int row = 0; row < comparison->class_count; row++) {
        table_cell(table, "%s", comparison->classes[row].name);
        for (int i = 0; i < input->combinations; i++)
            table_cell(table, "%s", format_percent(&format, comparison->rows[i].class_accuracy[row]));
    }
}

/* Significance */

int comparison_tested_pairs(const struct comparison *comparison) {
    int count = 0;
    for (int i = 0; i < comparison->pair_count; i++) count += comparison->pairs[i].seeds > 0;
    return count;
}

static void add_pair(struct table *table, const struct comparison *comparison, const struct comparison_pair *pair) {
    struct format format;
    const struct comparison_row *a = &comparison->rows[pair->a], *b = &comparison->rows[pair->b];
    table_cell(table, "%s", a->name);
    table_cell(table, "%s", b->name);
    table_cell(table, "%+.2f", 100 * (a->test_accuracy.mean - b->test_accuracy.mean));
    table_cell(table, "%s", format_count(&format, (double)pair->only_a_right));
    table_cell(table, "%s", format_count(&format, (double)pair->only_b_right));
    table_cell(table, "%s", format_p(&format, pair->p));
    table_cell(table, "%s", format_p(&format, pair->p_holm));
    table_cell(table, "%s", pair->better < 0 ? "no difference shown" : comparison->rows[pair->better].name);
}

const char *comparison_untested(const struct comparison *comparison) {
    if (comparison->input->combinations < 2) return "There is only one combination: nothing to compare.";
    return "No two combinations have predictions of the same test images for a common seed yet: nothing can be "
           "compared.";
}

void comparison_pairs_table(const struct comparison *comparison, struct table *table) {
    static const char *const numbers[] = {"Difference", "Only first correct", "Only second correct", "p",
                                          "p corrected"};
    table_column(table, "First", TABLE_LEFT);
    table_column(table, "Second", TABLE_LEFT);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) table_column(table, numbers[i], TABLE_RIGHT);
    table_column(table, "Better", TABLE_LEFT);
    for (int i = 0; i < comparison->pair_count; i++)
        if (comparison->pairs[i].seeds > 0) add_pair(table, comparison, &comparison->pairs[i]);
}

/* Method */

static bool has_interval(const struct comparison *comparison, enum interval_kind kind) {
    for (int i = 0; i < comparison->input->combinations; i++)
        if (comparison->rows[i].test_accuracy.interval == kind) return true;
    return false;
}

bool comparison_has_method(const struct comparison *comparison) {
    return has_interval(comparison, INTERVAL_STUDENT) || has_interval(comparison, INTERVAL_WILSON);
}

void comparison_method(const struct comparison *comparison, struct text *text) {
    if (has_interval(comparison, INTERVAL_STUDENT))
        text_add(text, "Intervals over two or more seeds are Student's t intervals of the mean (Student 1908, \"The "
                       "probable error of a mean\"): they say how far the accuracy moves with another seed. ");
    if (has_interval(comparison, INTERVAL_WILSON))
        text_add(text, "The interval of a single run is Wilson's for a share of the test images (Wilson 1927, "
                       "\"Probable inference, the law of succession, and statistical inference\"): it knows chance in "
                       "the test images, not in the seed. ");
    if (comparison_tested_pairs(comparison) > 0)
        text_add(
            text,
            "Two combinations are compared, seed by seed, by McNemar's test on the test images that only one of them "
            "classified correctly (McNemar 1947; exact up to 1,000 such images); the p values of several seeds become "
            "one "
            "as twice their median, at most 1 (Rüger 1978), and all pairs together are corrected by Holm's procedure "
            "(Holm 1979), so that the chance of any false difference stays within 5 %. These tests are about the "
            "trained "
            "models of these seeds on these test images.");
}

/* Runs */

/* Of a run's report in its folder. */
static void add_link(struct table *table, const char *folder, const char *report) {
    struct text path = {0};
    text_print(&path, "%s/%s", folder, report);
    if (path.failed)
        table->links.failed = true;
    else
        table_link(table, path.bytes);
    text_free(&path);
}

static void add_run(struct table *table, const struct comparison *comparison, int combination, int seed,
                    const char *report) {
    const struct comparison_run *run = comparison_run_at(comparison->input, combination, seed);
    const struct run_result *result = run->result;
    struct format format;
    table_cell(table, "%s", comparison->input->names[combination]);
    if (run->folder) add_link(table, run->folder, report);
    table_cell(table, "%lld", comparison->input->seeds[seed]);
    table_cell(table, "%s%s%s", result ? run_status_name(result->status) : "pending",
               result && result->message ? ": " : "", result && result->message ? result->message : "");
    table_cell(table, "%s", result && result->epochs > 0 ? format_count(&format, result->epochs) : "-");
    table_cell(table, "%s", format_percent(&format, result ? result->test_accuracy : NAN));
    table_cell(table, "%s", format_seconds(&format, result ? result->seconds : NAN));
}

void comparison_runs_table(const struct comparison *comparison, const char *report, struct table *table) {
    table_column(table, "Combination", TABLE_LEFT);
    table_column(table, "Seed", TABLE_RIGHT);
    table_column(table, "Status", TABLE_LEFT);
    table_column(table, "Epochs", TABLE_RIGHT);
    table_column(table, "Test accuracy", TABLE_RIGHT);
    table_column(table, "Training time", TABLE_RIGHT);
    for (int i = 0; i < comparison->input->combinations; i++)
        for (int seed = 0; seed < comparison->input->seed_count; seed++) add_run(table, comparison, i, seed, report);
}
