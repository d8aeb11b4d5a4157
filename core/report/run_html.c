/* report.html of one run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/report/format.h"
#include "core/report/html.h"
#include "core/report/run_html.h"
#include "core/report/run_tables.h"

enum {
    HISTORY_SHOWN = 12, /* epochs; a longer history is folded */
    CONFUSIONS_SHOWN = 10,
};

static const struct html_part part_results = {"results", "Results"}, part_curves = {"curves", "Curves"},
                              part_model = {"model", "Model and its cost"},
                              part_confusion = {"confusion", "Confusion matrix"}, part_classes = {"classes", "Classes"},
                              part_config = {"config", "Config"}, part_repeat = {"repeat", "To repeat it"};

static bool has_history(const struct run_report *report) {
    return report->history && report->history->count > 0;
}

/* The sections that this run has. */
enum { PARTS_MAX = 12 };
static void list_parts(const struct run_report *report, struct html_part parts[PARTS_MAX]) {
    int count = 0;
    parts[count++] = part_results;
    if (report->summary) parts[count++] = part_model;
    if (has_history(report)) parts[count++] = part_curves;
    if (run_has_confusion(report)) parts[count++] = part_confusion;
    if (report->result->classes) parts[count++] = part_classes;
    count += run_images_parts(report, parts + count);
    if (report->config) parts[count++] = part_config;
    if (report->command) parts[count++] = part_repeat;
    parts[count] = (struct html_part){NULL, NULL};
}

/* Top */

static void add_status(const struct run_result *result, struct text *text) {
    struct text line = {0};
    if (result->status == RUN_FINISHED) return;
    text_print(&line, "The run is not complete (%s)", run_status_name(result->status));
    if (result->message && *result->message) text_print(&line, ": %s", result->message);
    if (line.bytes && line.bytes[line.length - 1] != '.') text_add(&line, ".");
    html_printed("warn", &line, text);
}

static void add_verdict(const struct run_result *result, struct text *text) {
    struct text line = {0};
    struct format correct, images, low, high;
    if (isnan(result->test_accuracy)) {
        html_paragraph("lead", "The model was not tested: there is no test accuracy.", text);
        return;
    }
    text_print(&line, "%s of %s test images classified correctly.",
               format_count(&correct, round(result->test_accuracy * (double)result->test_images)),
               format_count(&images, (double)result->test_images));
    if (!isnan(result->test_low) && !isnan(result->test_high))
        text_print(&line, " The 95 %% interval of the test accuracy is %s to %s %s",
                   format_decimal(&low, 100 * result->test_low, 2), format_percent(&high, result->test_high),
                   run_interval_note);
    html_printed("lead", &line, text);
}

static void add_tile(const char *name, const char *value, const char *note, struct text *text) {
    if (strcmp(value, "-") != 0) html_tile(name, value, note, text);
}

static void add_accuracy_tiles(const struct run_result *result, struct text *text) {
    struct format value, low, high;
    char note[2 * FORMAT_SIZE + 8] = "";
    if (!isnan(result->test_low) && !isnan(result->test_high))
        snprintf(note, sizeof note, "%s to %s", format_decimal(&low, 100 * result->test_low, 2),
                 format_percent(&high, result->test_high));
    add_tile("Test accuracy", format_percent(&value, result->test_accuracy), *note ? note : NULL, text);
    add_tile("Validation accuracy", format_percent(&value, result->validation_accuracy), NULL, text);
    add_tile("Train accuracy", format_percent(&value, result->train_accuracy), NULL, text);
}

static void add_tiles(const struct run_result *result, struct text *text) {
    struct format value;
    char note[FORMAT_SIZE];
    html_tiles_open(text);
    add_accuracy_tiles(result, text);
    if (result->parameters > 0) add_tile("Parameters", format_count(&value, (double)result->parameters), NULL, text);
    add_tile("Multiplications", format_count(&value, result->multiplications), "of one image, forward", text);
    snprintf(note, sizeof note, "%d epoch%s", result->epochs, result->epochs == 1 ? "" : "s");
    add_tile("Training time", format_seconds(&value, result->seconds), note, text);
    html_tiles_close(text);
}

static void add_top(const struct run_report *report, const char *title, struct text *text) {
    struct html_part parts[PARTS_MAX];
    list_parts(report, parts);
    text_add(text, "<header>\n<h1>");
    html_escape(title, text);
    text_add(text, "</h1>\n");
    add_status(report->result, text);
    add_verdict(report->result, text);
    add_tiles(report->result, text);
    html_contents(parts, text);
    text_add(text, "</header>\n");
}

/* Sections */

static void add_results(const struct run_result *result, struct text *text) {
    struct table splits = {0}, facts = {0};
    html_section(&part_results, text);
    text_add(text, "<div class=\"side\">\n<div>\n");
    run_splits_table(result, &splits);
    if (splits.cell_count > 0) {
        table_html(&splits, "Loss and accuracy of the kept weights", false, text);
        html_paragraph("note", run_splits_note, text);
    }
    table_free(&splits);
    text_add(text, "</div>\n");
    run_facts_table(result, &facts);
    table_html(&facts, "How the run was made", false, text);
    text_add(text, "</div>\n");
    html_section_end(text);
}

static void add_curves(const struct run_report *report, struct text *text) {
    struct table history = {0};
    bool folded = report->history->count > HISTORY_SHOWN;
    html_section(&part_curves, text);
    text_add(text, "<div class=\"charts\">\n");
    run_curve_charts(report->history, report->result->best_epoch, text);
    text_add(text, "</div>\n");
    if (folded) html_details("The history as a table", text);
    run_history_table(report->history, &history);
    table_html(&history, "History by epoch", true, text);
    if (folded) html_details_end(text);
    html_section_end(text);
}

static void add_confusion(const struct run_result *result, const struct confusion *confusion, struct text *text) {
    struct table table = {0};
    html_section(&part_confusion, text);
    text_add(text, "<div class=\"side\">\n");
    bool drawn = run_confusion_is_drawn(confusion);
    if (drawn) run_confusion_chart(result, confusion, text);
    text_add(text, "<div>\n");
    html_paragraph("note",
                   drawn ? "In the matrix rows are the true classes, columns the predicted ones; the cells count test "
                           "images and have the stronger colour, the larger their share of the row. confusion.csv has "
                           "all of it."
                         : "A matrix of so many classes is not drawn; confusion.csv has all of it.",
                   text);
    run_confusions_table(result, confusion, CONFUSIONS_SHOWN, &table);
    if (table.cell_count > 0)
        table_html(&table, "The most frequent mistakes", true, text);
    else
        html_paragraph(NULL, "There is no mistake on the test set.", text);
    table_free(&table);
    text_add(text, "</div>\n</div>\n");
    html_section_end(text);
}

static void add_classes(const struct run_result *result, struct text *text) {
    struct table table = {0};
    html_section(&part_classes, text);
    run_classes_table(result, &table);
    table_html(&table, "Precision, recall and F1 by class", true, text);
    html_paragraph("note", run_classes_note, text);
    html_section_end(text);
}

/* Each line in a box of its own; frees them. */
static void add_warnings(struct text *lines, struct text *text) {
    if (lines->failed) text->failed = true;
    char *end;
    for (char *line = lines->failed ? NULL : lines->bytes; line && *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end) *end++ = '\0';
        html_paragraph("warn", line, text);
    }
    text_free(lines);
}

static void add_model(const struct summary *summary, struct text *text) {
    struct table table = {0};
    struct text keras = {0}, warnings = {0};
    html_section(&part_model, text);
    summary_cost_table(summary, true, &table);
    table_html(&table, "Layers, and what each costs for one image, forward", false, text);
    summary_warnings(summary, &warnings);
    add_warnings(&warnings, text);
    html_details("The summary as Keras prints it", text);
    summary_keras2(summary, &keras);
    if (keras.failed)
        text->failed = true;
    else
        html_code(keras.bytes, text);
    text_free(&keras);
    html_details_end(text);
    html_section_end(text);
}

static void add_config(const char *config, struct text *text) {
    html_section(&part_config, text);
    html_details("The resolved config, with every default spelled out", text);
    html_code(config, text);
    html_details_end(text);
    html_section_end(text);
}

static void add_sections(const struct run_report *report, struct text *text) {
    const struct run_result *result = report->result;
    add_results(result, text);
    if (report->summary) add_model(report->summary, text);
    if (has_history(report)) add_curves(report, text);
    if (run_has_confusion(report)) add_confusion(result, report->confusion, text);
    if (result->classes) add_classes(result, text);
    run_images_html(report, text);
    if (report->config) add_config(report->config, text);
    if (report->command) html_code_section(&part_repeat, report->command, text);
}

static const char *generator_of(const struct run_result *result, char *buffer, size_t size) {
    bool known = result->version_count > 0;
    snprintf(buffer, size, "%s%s%s", known ? result->versions[0].name : "cnntrain", known ? " " : "",
             known ? result->versions[0].version : "");
    return buffer;
}

void run_report_html(const struct run_report *report, struct text *text) {
    struct text title = {0};
    char generator[64];
    generator_of(report->result, generator, sizeof generator);
    text_print(&title, "Run %s", report->result->name ? report->result->name : "without a name");
    if (title.failed) {
        text->failed = true;
    } else {
        html_open(title.bytes, generator, text);
        add_top(report, title.bytes, text);
        add_sections(report, text);
        html_close(generator, text);
    }
    text_free(&title);
}
