/* report.md of one run. */
#include <math.h>
#include <stdlib.h>

#include "core/report/format.h"
#include "core/report/markdown.h"
#include "core/report/run_report.h"
#include "core/report/table.h"

enum {
    MATRIX_CLASSES_MAX = 20, /* a larger confusion matrix is not readable as a table */
    CONFUSIONS_SHOWN = 20,
};

static void add_verdict(const struct run_result *result, struct text *text) {
    struct format accuracy, correct, images, low, high;
    if (result->status != RUN_FINISHED) {
        text_print(text, "The run is not complete (%s)", run_status_name(result->status));
        if (result->message) text_add(text, ": ");
        if (result->message) markdown_escape(result->message, text);
        text_add(text, ".\n\n");
    }
    if (isnan(result->test_accuracy)) {
        text_add(text, "The model was not tested: there is no test accuracy.\n\n");
        return;
    }
    text_print(text, "Test accuracy: **%s**", format_percent(&accuracy, result->test_accuracy));
    if (result->test_images > 0)
        text_print(text, ", %s of %s test images classified correctly",
                   format_count(&correct, round(result->test_accuracy * (double)result->test_images)),
                   format_count(&images, (double)result->test_images));
    text_add(text, ".");
    if (!isnan(result->test_low) && !isnan(result->test_high))
        text_print(text,
                   " The 95 %% interval is %s to %s (Wilson 1927): it covers chance in the choice of the test images, "
                   "not in the seed.",
                   format_decimal(&low, 100 * result->test_low, 2), format_percent(&high, result->test_high));
    text_add(text, "\n\n");
}

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

static void add_facts(const struct run_result *result, struct text *text) {
    struct table table = {0};
    struct format format;
    table_column(&table, "Fact", TABLE_LEFT);
    table_column(&table, "Value", TABLE_LEFT);
    fact(&table, "Status", run_status_name(result->status));
    fact(&table, "Config", result->config_path);
    fact(&table, "Data", result->data);
    table_cell(&table, "Seed");
    table_cell(&table, "%lld", result->seed);
    fact_count(&table, "Batch size", result->batch_size);
    fact_count(&table, "Epochs run", result->epochs);
    fact_count(&table, "Best epoch", result->best_epoch);
    fact_count(&table, "Parameters", result->parameters);
    fact(&table, "Multiplications an image, forward", format_count(&format, result->multiplications));
    fact(&table, "Training time", format_seconds(&format, result->seconds));
    fact(&table, "Time an epoch", format_seconds(&format, result->seconds_per_epoch));
    fact(&table, "Images a second, training",
         format_count(&format, isnan(result->images_per_second) ? NAN : round(result->images_per_second)));
    if (result->peak_memory_bytes > 0)
        fact(&table, "Peak memory", format_bytes(&format, (double)result->peak_memory_bytes));
    fact_count(&table, "Threads", result->threads);
    fact(&table, "Kernel", result->kernel);
    for (int i = 0; i < result->version_count; i++) fact(&table, result->versions[i].name, result->versions[i].version);
    table_markdown(&table, text);
    text_add(text, "\n");
}

static void split_row(struct table *table, const char *split, long long images, double loss, double accuracy) {
    struct format format;
    if (isnan(loss) && isnan(accuracy)) return;
    table_cell(table, "%s", split);
    table_cell(table, "%s", images > 0 ? format_count(&format, (double)images) : "-");
    table_cell(table, "%s", format_decimal(&format, loss, 4));
    table_cell(table, "%s", format_percent(&format, accuracy));
}

static void add_splits(const struct run_result *result, struct text *text) {
    struct table table = {0};
    markdown_heading(2, "Results", text);
    table_column(&table, "Images", TABLE_LEFT);
    table_column(&table, "Count", TABLE_RIGHT);
    table_column(&table, "Loss", TABLE_RIGHT);
    table_column(&table, "Accuracy", TABLE_RIGHT);
    split_row(&table, "train", result->train_images, result->train_loss, result->train_accuracy);
    split_row(&table, "validation", result->validation_images, result->validation_loss, result->validation_accuracy);
    split_row(&table, "test", result->test_images, result->test_loss, result->test_accuracy);
    table_markdown(&table, text);
    text_add(text,
             "\nTrain values are running means over the epoch whose weights were kept, taken while these were still "
             "changing; the others are of the kept weights.\n\n");
}

static void add_code(void (*write)(const struct summary *, struct text *), const struct summary *summary,
                     struct text *text) {
    struct text code = {0};
    write(summary, &code);
    if (code.failed)
        text->failed = true;
    else
        markdown_code(code.bytes, text);
    text_free(&code);
}

static void add_model(const struct summary *summary, struct text *text) {
    markdown_heading(2, "Model", text);
    add_code(summary_keras2, summary, text);
    add_code(summary_cost, summary, text);
}

static void add_history(const struct history *history, struct text *text) {
    struct table table = {0};
    struct format format;
    static const char *const names[] = {"Epoch",         "Loss",   "Accuracy", "Validation loss", "Validation accuracy",
                                        "Learning rate", "Seconds"};
    markdown_heading(2, "History", text);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) table_column(&table, names[i], TABLE_RIGHT);
    for (int i = 0; i < history->count; i++) {
        const struct history_row *row = &history->rows[i];
        table_cell(&table, "%d", row->epoch);
        table_cell(&table, "%s", format_decimal(&format, row->loss, 4));
        table_cell(&table, "%s", format_percent(&format, row->accuracy));
        table_cell(&table, "%s", format_decimal(&format, row->val_loss, 4));
        table_cell(&table, "%s", format_percent(&format, row->val_accuracy));
        table_cell(&table, "%.4g", row->learning_rate);
        table_cell(&table, "%s", format_decimal(&format, row->seconds, 2));
    }
    table_markdown(&table, text);
    text_add(text, "\n");
}

static void add_classes(const struct run_result *result, struct text *text) {
    struct table table = {0};
    struct format format;
    markdown_heading(2, "Classes", text);
    table_column(&table, "Class", TABLE_LEFT);
    table_column(&table, "Test images", TABLE_RIGHT);
    table_column(&table, "Precision", TABLE_RIGHT);
    table_column(&table, "Recall", TABLE_RIGHT);
    table_column(&table, "F1", TABLE_RIGHT);
    for (int i = 0; i < result->class_count; i++) {
        const struct class_result *row = &result->classes[i];
        table_cell(&table, "%s", row->name);
        table_cell(&table, "%s", format_count(&format, (double)row->images));
        table_cell(&table, "%s", format_percent(&format, row->precision));
        table_cell(&table, "%s", format_percent(&format, row->recall));
        table_cell(&table, "%s", format_percent(&format, row->f1));
    }
    table_markdown(&table, text);
    text_add(
        text,
        "\nPrecision: of the images classified as this class, the share that belongs to it. Recall: of the images of "
        "this class, the share that was classified as it. F1: the harmonic mean of both. All on the test set.\n\n");
}

static int64_t confusion_at(const struct confusion *confusion, int label, int prediction) {
    return confusion->counts[(size_t)label * (size_t)confusion->classes + (size_t)prediction];
}

static void add_matrix(const struct run_result *result, const struct confusion *confusion, struct text *text) {
    struct table table = {0};
    text_add(text, "Rows are the true classes, columns the predicted ones; the cells count test images.\n\n");
    table_column(&table, "True", TABLE_LEFT);
    for (int i = 0; i < confusion->classes; i++) table_column(&table, result->classes[i].name, TABLE_RIGHT);
    for (int label = 0; label < confusion->classes; label++) {
        table_cell(&table, "%s", result->classes[label].name);
        for (int i = 0; i < confusion->classes; i++)
            table_cell(&table, "%lld", (long long)confusion_at(confusion, label, i));
    }
    table_markdown(&table, text);
}

struct mistake {
    int label, prediction;
    int64_t count;
};

/* Keeps the most frequent mistakes, falling; of equal ones the first stays ahead. */
static void keep_mistake(struct mistake *mistakes, int *count, struct mistake mistake) {
    int at = *count < CONFUSIONS_SHOWN ? (*count)++ : CONFUSIONS_SHOWN - 1;
    if (at == CONFUSIONS_SHOWN - 1 && mistakes[at].count >= mistake.count) return;
    for (; at > 0 && mistakes[at - 1].count < mistake.count; at--) mistakes[at] = mistakes[at - 1];
    mistakes[at] = mistake;
}

static void add_mistakes(const struct run_result *result, const struct confusion *confusion, struct text *text) {
    struct table table = {0};
    struct mistake mistakes[CONFUSIONS_SHOWN] = {{0, 0, 0}};
    int count = 0;
    for (int label = 0; label < confusion->classes; label++)
        for (int i = 0; i < confusion->classes; i++) {
            int64_t images = confusion_at(confusion, label, i);
            if (i != label && images > 0) keep_mistake(mistakes, &count, (struct mistake){label, i, images});
        }
    text_print(text,
               "The most frequent mistakes on the test set; the whole matrix of %d classes is in "
               "`confusion.csv`.\n\n",
               confusion->classes);
    table_column(&table, "True", TABLE_LEFT);
    table_column(&table, "Predicted", TABLE_LEFT);
    table_column(&table, "Images", TABLE_RIGHT);
    for (int i = 0; i < count; i++) {
        table_cell(&table, "%s", result->classes[mistakes[i].label].name);
        table_cell(&table, "%s", result->classes[mistakes[i].prediction].name);
        table_cell(&table, "%lld", (long long)mistakes[i].count);
    }
    table_markdown(&table, text);
}

static void add_confusion(const struct run_result *result, const struct confusion *confusion, struct text *text) {
    markdown_heading(2, "Confusion matrix", text);
    if (confusion->classes <= MATRIX_CLASSES_MAX)
        add_matrix(result, confusion, text);
    else
        add_mistakes(result, confusion, text);
    text_add(text, "\n");
}

void run_report_markdown(const struct run_report *report, struct text *text) {
    const struct run_result *result = report->result;
    struct text title = {0};
    text_print(&title, "Run %s", result->name ? result->name : "without a name");
    if (title.failed)
        text->failed = true;
    else
        markdown_heading(1, title.bytes, text);
    text_free(&title);
    add_verdict(result, text);
    add_facts(result, text);
    add_splits(result, text);
    if (report->summary) add_model(report->summary, text);
    if (report->history && report->history->count > 0) add_history(report->history, text);
    if (result->classes) add_classes(result, text);
    if (result->classes && report->confusion && report->confusion->classes == result->class_count)
        add_confusion(result, report->confusion, text);
    if (!report->command) return;
    markdown_heading(2, "To repeat it", text);
    markdown_code(report->command, text);
}
