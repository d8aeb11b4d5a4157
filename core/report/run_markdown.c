/* report.md of one run. */
#include <math.h>
#include <stdlib.h>

#include "core/report/format.h"
#include "core/report/markdown.h"
#include "core/report/run_pictures.h"
#include "core/report/run_tables.h"

enum { MATRIX_CLASSES_MAX = 20 }; /* a larger confusion matrix is not readable as a table */

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
        text_print(text, " The 95 %% interval is %s to %s %s", format_decimal(&low, 100 * result->test_low, 2),
                   format_percent(&high, result->test_high), run_interval_note);
    text_add(text, "\n\n");
}

/* Writes the table and its note, and frees the table. */
static void add_table(struct table *table, const char *note, struct text *text) {
    table_markdown(table, text);
    text_add(text, "\n");
    if (note) text_print(text, "%s\n\n", note);
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
    markdown_heading(2, "History", text);
    text_add(text, "![Loss and accuracy by epoch](curves.svg)\n\n");
    run_history_table(history, &table);
    add_table(&table, NULL, text);
}

static void add_matrix(const struct run_result *result, const struct confusion *confusion, struct text *text) {
    struct table table = {0};
    text_add(text, "Rows are the true classes, columns the predicted ones; the cells count test images.\n\n");
    table_column(&table, "True", TABLE_LEFT);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): where there is a confusion matrix there are classes */
    for (int i = 0; i < confusion->classes; i++) table_column(&table, result->classes[i].name, TABLE_RIGHT);
    for (int label = 0; label < confusion->classes; label++) {
        table_cell(&table, "%s", result->classes[label].name);
        for (int i = 0; i < confusion->classes; i++)
            table_cell(&table, "%lld", (long long)run_confusion_at(confusion, label, i));
    }
    add_table(&table, NULL, text);
}

static void add_confusions(const struct run_result *result, const struct confusion *confusion, struct text *text) {
    struct table table = {0};
    text_print(text,
               "The most frequent mistakes on the test set; the whole matrix of %d classes is in "
               "`confusion.csv`.\n\n",
               confusion->classes);
    run_confusions_table(result, confusion, RUN_CONFUSIONS_MAX, &table);
    add_table(&table, NULL, text);
}

static void add_confusion(const struct run_result *result, const struct confusion *confusion, struct text *text) {
    markdown_heading(2, "Confusion matrix", text);
    if (run_confusion_is_drawn(confusion)) text_add(text, "![Confusion matrix](confusion.svg)\n\n");
    if (confusion->classes <= MATRIX_CLASSES_MAX)
        add_matrix(result, confusion, text);
    else
        add_confusions(result, confusion, text);
}

static void add_mistakes(const struct run_report *report, struct text *text) {
    struct run_samples mistakes;
    run_find_mistakes(report, &mistakes);
    if (mistakes.count == 0) return;
    markdown_heading(2, "Most confident mistakes", text);
    text_add(text, "![Test images with the classes they were taken for](mistakes.png)\n\n");
    text_add(text, run_mistakes_note);
    text_add(text, "\n\n");
}

void run_report_markdown(const struct run_report *report, struct text *text) {
    const struct run_result *result = report->result;
    struct text title = {0};
    struct table facts = {0}, splits = {0}, classes = {0};
    text_print(&title, "Run %s", result->name ? result->name : "without a name");
    if (title.failed)
        text->failed = true;
    else
        markdown_heading(1, title.bytes, text);
    text_free(&title);
    add_verdict(result, text);
    run_facts_table(result, &facts);
    add_table(&facts, NULL, text);
    run_splits_table(result, &splits);
    if (splits.cell_count > 0) {
        markdown_heading(2, "Results", text);
        add_table(&splits, run_splits_note, text);
    }
    table_free(&splits);
    if (report->summary) add_model(report->summary, text);
    if (report->history && report->history->count > 0) add_history(report->history, text);
    if (result->classes) {
        markdown_heading(2, "Classes", text);
        run_classes_table(result, &classes);
        add_table(&classes, run_classes_note, text);
    }
    if (run_has_confusion(report)) add_confusion(result, report->confusion, text);
    add_mistakes(report, text);
    if (!report->command) return;
    markdown_heading(2, "To repeat it", text);
    markdown_code(report->command, text);
}
