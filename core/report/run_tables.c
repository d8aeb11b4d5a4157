#include "core/report/run_tables.h"

#include <math.h>

#include "core/report/format.h"

const char run_splits_note[] =
    "Train values are running means over the epoch whose weights were kept, taken while these were still "
    "changing; the others are of the kept weights.";
const char run_classes_note[] =
    "Precision: of the images classified as this class, the share that belongs to it. Recall: of the images of "
    "this class, the share that was classified as it. F1: the harmonic mean of both. All on the test set.";
const char run_interval_note[] = "(Wilson 1927): it covers chance in the choice of the test images, not in the seed.";

static void fact(struct table *table, const char *name, const char *value) {
    if (!value || !value[0] || (value[0] == '-' && value[1] == '\0')) return;
    table_cell(table, "%s", name);
    table_cell(table, "%s", value);
}

/* A count of which 0 means "not known". */
static void fact_count(struct table *table, const char *name, long long count) {
    struct format format;
    if (count > 0) fact(table, name, format_count(&format, (double)count));
}

void run_facts_table(const struct run_result *result, struct table *table) {
    struct format format;
    table_column(table, "Fact", TABLE_LEFT);
    table_column(table, "Value", TABLE_LEFT);
    fact(table, "Status", run_status_name(result->status));
    fact(table, "Config", result->config_path);
    fact(table, "Data", result->data);
    table_cell(table, "Seed");
    table_cell(table, "%lld", result->seed);
    fact_count(table, "Batch size", result->batch_size);
    fact_count(table, "Epochs run", result->epochs);
    fact_count(table, "Best epoch", result->best_epoch);
    fact_count(table, "Parameters", result->parameters);
    fact(table, "Multiplications an image, forward", format_count(&format, result->multiplications));
    fact(table, "Training time", format_seconds(&format, result->seconds));
    fact(table, "Time an epoch", format_seconds(&format, result->seconds_per_epoch));
    fact(table, "Images a second, training",
         format_count(&format, isnan(result->images_per_second) ? NAN : round(result->images_per_second)));
    if (result->peak_memory_bytes > 0)
        fact(table, "Peak memory", format_bytes(&format, (double)result->peak_memory_bytes));
    fact_count(table, "Threads", result->threads);
    fact(table, "Kernel", result->kernel);
    for (int i = 0; i < result->version_count; i++) fact(table, result->versions[i].name, result->versions[i].version);
}

static void split_row(struct table *table, const char *split, long long images, double loss, double accuracy) {
    struct format format;
    if (isnan(loss) && isnan(accuracy)) return;
    table_cell(table, "%s", split);
    table_cell(table, "%s", images > 0 ? format_count(&format, (double)images) : "-");
    table_cell(table, "%s", format_decimal(&format, loss, 4));
    table_cell(table, "%s", format_percent(&format, accuracy));
}

void run_splits_table(const struct run_result *result, struct table *table) {
    table_column(table, "Images", TABLE_LEFT);
    table_column(table, "Count", TABLE_RIGHT);
    table_column(table, "Loss", TABLE_RIGHT);
    table_column(table, "Accuracy", TABLE_RIGHT);
    split_row(table, "train", result->train_images, result->train_loss, result->train_accuracy);
    split_row(table, "validation", result->validation_images, result->validation_loss, result->validation_accuracy);
    split_row(table, "test", result->test_images, result->test_loss, result->test_accuracy);
}

void run_history_table(const struct history *history, struct table *table) {
    struct format format;
    static const char *const names[] = {"Epoch",         "Loss",   "Accuracy", "Validation loss", "Validation accuracy",
                                        "Learning rate", "Seconds"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) table_column(table, names[i], TABLE_RIGHT);
    for (int i = 0; i < history->count; i++) {
        const struct history_row *row = &history->rows[i];
        table_cell(table, "%d", row->epoch);
        table_cell(table, "%s", format_decimal(&format, row->loss, 4));
        table_cell(table, "%s", format_percent(&format, row->accuracy));
        table_cell(table, "%s", format_decimal(&format, row->val_loss, 4));
        table_cell(table, "%s", format_percent(&format, row->val_accuracy));
        table_cell(table, "%s", format_significant(&format, row->learning_rate));
        table_cell(table, "%s", format_decimal(&format, row->seconds, 2));
    }
}

void run_classes_table(const struct run_result *result, struct table *table) {
    struct format format;
    table_column(table, "Class", TABLE_LEFT);
    table_column(table, "Test images", TABLE_RIGHT);
    table_column(table, "Precision", TABLE_RIGHT);
    table_column(table, "Recall", TABLE_RIGHT);
    table_column(table, "F1", TABLE_RIGHT);
    for (int i = 0; i < result->class_count; i++) {
        const struct class_result *row = &result->classes[i];
        table_cell(table, "%s", row->name);
        table_cell(table, "%s", format_count(&format, (double)row->images));
        table_cell(table, "%s", format_percent(&format, row->precision));
        /* Without images of the class there is nothing that could be found. */
        table_cell(table, "%s", format_percent(&format, row->images > 0 ? row->recall : NAN));
        table_cell(table, "%s", format_percent(&format, row->images > 0 ? row->f1 : NAN));
    }
}

bool run_has_confusion(const struct run_report *report) {
    return report->result->classes && report->confusion && report->confusion->classes == report->result->class_count;
}

int64_t run_confusion_at(const struct confusion *confusion, int label, int prediction) {
    return confusion->counts[(size_t)label * (size_t)confusion->classes + (size_t)prediction];
}

struct mistake {
    int label, prediction;
    int64_t count;
};

/* Keeps the most frequent mistakes, falling; of equal ones the first stays ahead. */
static void keep_mistake(struct mistake *mistakes, int *count, struct mistake mistake) {
    int at = *count < RUN_CONFUSIONS_MAX ? (*count)++ : RUN_CONFUSIONS_MAX - 1;
    if (at == RUN_CONFUSIONS_MAX - 1 && mistakes[at].count >= mistake.count) return;
    for (; at > 0 && mistakes[at - 1].count < mistake.count; at--) mistakes[at] = mistakes[at - 1];
    mistakes[at] = mistake;
}

void run_confusions_table(const struct run_result *result, const struct confusion *confusion, int most,
                          struct table *table) {
    struct mistake mistakes[RUN_CONFUSIONS_MAX] = {{0, 0, 0}};
    int count = 0;
    for (int label = 0; label < confusion->classes; label++)
        for (int i = 0; i < confusion->classes; i++) {
            int64_t images = run_confusion_at(confusion, label, i);
            if (i != label && images > 0) keep_mistake(mistakes, &count, (struct mistake){label, i, images});
        }
    table_column(table, "True", TABLE_LEFT);
    table_column(table, "Predicted", TABLE_LEFT);
    table_column(table, "Images", TABLE_RIGHT);
    for (int i = 0; i < count && i < most; i++) {
        table_cell(table, "%s", result->classes[mistakes[i].label].name);
        table_cell(table, "%s", result->classes[mistakes[i].prediction].name);
        table_cell(table, "%lld", (long long)mistakes[i].count);
    }
}
