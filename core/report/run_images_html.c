#include <stdio.h>
#include <stdlib.h>

#include "core/report/format.h"
#include "core/report/run_html.h"
#include "core/report/run_tables.h"

enum {
    SHOWN_WIDTH = 112,
    PICTURE_SIDE = 96,
    SHEET_SIDE = 48,
    SHEET_PICTURES = 120,
    SHEET_ROW = 8,
    SHEET_CLASSES = 300
};

static const struct html_part part_mistakes = {"mistakes", "Most confident mistakes"},
                              part_right = {"right", "Some right answers"}, part_kernels = {"kernels", "First kernels"},
                              part_data = {"data", "Data set"};

static bool has_mistakes(const struct run_report *report) {
    struct run_samples samples;
    run_find_mistakes(report, &samples);
    return samples.count > 0;
}

static bool has_right(const struct run_report *report) {
    struct run_samples samples;
    run_find_right(report, &samples);
    return samples.count > 0;
}

static bool has_data(const struct run_report *report) {
    return report->splits && report->splits->train.count > 0;
}

int run_images_parts(const struct run_report *report, struct html_part parts[RUN_IMAGES_PARTS]) {
    int count = 0;
    if (has_mistakes(report)) parts[count++] = part_mistakes;
    if (has_right(report)) parts[count++] = part_right;
    if (run_find_kernels(report->model).layer) parts[count++] = part_kernels;
    if (has_data(report)) parts[count++] = part_data;
    return count;
}

/* Encodes the picture and shows it `width` pixels wide. */
static void add_picture(const struct picture *picture, int width, const char *alternative, struct text *text) {
    struct error error = {0};
    char *png = NULL;
    size_t length = 0;
    if (picture_encode(picture, &png, &length, &error) == 0)
        html_picture(png, length, width, alternative, text);
    else
        text->failed = true;
    free(png);
}

static void add_image(const struct dataset *dataset, int64_t index, int side, int width, const char *alternative,
                      struct text *text) {
    struct error error = {0};
    struct picture picture = {0};
    if (run_image(dataset, index, side, &picture, &error) == 0)
        add_picture(&picture, width, alternative, text);
    else
        text->failed = true;
    picture_free(&picture);
}

/* Answers */

static void add_answer(const struct run_report *report, int64_t image, struct text *text) {
    const struct predictions *answers = report->predictions;
    struct visual_classes classes = run_classes(report);
    char predicted[VISUAL_NAME_SIZE], real[VISUAL_NAME_SIZE], alternative[48];
    struct format probability;
    bool is_right = answers->predicted[image] == answers->labels[image];
    snprintf(alternative, sizeof alternative, "test image %lld", (long long)image);
    text_add(text, "<li><figure>\n");
    add_image(&report->splits->test, image, PICTURE_SIDE, SHOWN_WIDTH, alternative, text);
    text_add(text, "\n<figcaption><b>");
    html_escape(visual_class_name(&classes, answers->predicted[image], predicted), text);
    text_print(text, "</b> <span class=\"whole\">%s</span>",
               format_percent(&probability, (double)answers->probabilities[image]));
    if (!is_right) {
        text_add(text, "<br>is ");
        html_escape(visual_class_name(&classes, answers->labels[image], real), text);
    }
    text_print(text, "<br>image %lld</figcaption>\n</figure></li>\n", (long long)image);
}

static void add_answers(const struct run_report *report, const struct html_part *part, const char *note,
                        const struct run_samples *samples, struct text *text) {
    html_section(part, text);
    html_paragraph("note", note, text);
    text_add(text, "<ul class=\"pictures\">\n");
    for (int i = 0; i < samples->count; i++) add_answer(report, samples->images[i], text);
    text_add(text, "</ul>\n");
    html_section_end(text);
}

/* Kernels */

static void describe_kernels(const struct run_kernels *kernels, struct text *text) {
    text_print(text, kernels->count == kernels->total ? "The %d" : "The first %d of %d", kernels->count,
               kernels->total);
    text_print(text,
               " kernels of the layer %s with %d x %d weights each, all to the same scale: ", kernels->layer->name,
               kernels->height, kernels->width);
    text_add(text, kernels->is_color ? "the three input channels are red, green and blue, and a weight of 0 is half "
                                       "bright."
                                     : "blue is below 0, white is 0, red is above.");
}

static void add_kernels(const struct run_kernels *kernels, struct text *text) {
    struct error error = {0};
    struct picture picture = {0};
    struct text note = {0};
    describe_kernels(kernels, &note);
    html_section(&part_kernels, text);
    if (note.failed || run_draw_kernels(kernels, &picture, &error) != 0) {
        text->failed = true;
    } else {
        html_paragraph("note", note.bytes, text);
        add_picture(&picture, picture.width, note.bytes, text);
    }
    html_section_end(text);
    text_free(&note);
    picture_free(&picture);
}

/* Data set */

/* Counts of one class, and its first training images. */
struct class_sheet {
    int64_t train, validation, test;
    int pictures;
    int64_t images[SHEET_ROW];
};

static void count_classes(const struct dataset *dataset, size_t offset, struct class_sheet *sheets, int classes) {
    for (int64_t i = 0; i < dataset->count; i++)
        if (dataset->labels[i] < classes) ++*(int64_t *)(void *)((char *)&sheets[dataset->labels[i]] + offset);
}

static void find_pictures(const struct dataset *train, int each, struct class_sheet *sheets, int classes) {
    for (int64_t i = 0; i < train->count; i++) {
        if (train->labels[i] >= classes) continue;
        struct class_sheet *sheet = &sheets[train->labels[i]];
        if (sheet->pictures < each) sheet->images[sheet->pictures++] = i;
    }
}

static int pictures_each(int classes) {
    int each = SHEET_PICTURES / classes;
    return each > SHEET_ROW ? SHEET_ROW : each;
}

/* One picture of a class's images side by side. */
static void add_row_picture(const struct dataset *train, const struct class_sheet *sheet, const char *name,
                            struct text *text) {
    struct error error = {0};
    struct picture pictures[SHEET_ROW] = {0}, row = {0};
    struct picture_cell cells[SHEET_ROW] = {0};
    struct text alternative = {0};
    int status = 0;
    for (int i = 0; i < sheet->pictures && status == 0; i++) {
        status = run_image(train, sheet->images[i], SHEET_SIDE, &pictures[i], &error);
        cells[i].picture = &pictures[i];
    }
    const struct picture_grid grid = {
        .cells = cells, .count = sheet->pictures, .columns = SHEET_ROW, .enlarge = 1, .gap = 2};
    if (status == 0) status = picture_from_grid(&grid, &row, &error);
    text_print(&alternative, "training images of %s", name);
    if (status != 0 || alternative.failed)
        text->failed = true;
    else
        add_picture(&row, row.width, alternative.bytes, text);
    for (int i = 0; i < sheet->pictures; i++) picture_free(&pictures[i]);
    picture_free(&row);
    text_free(&alternative);
}

static void add_class(const struct run_report *report, const struct class_sheet *sheet, int class_index, bool pictured,
                      struct text *text) {
    const struct data_splits *splits = report->splits;
    struct visual_classes classes = run_classes(report);
    char buffer[VISUAL_NAME_SIZE];
    const char *name = visual_class_name(&classes, class_index, buffer);
    struct format train, validation, test;
    text_print(text, "<tr><th scope=\"row\"%s>", text_columns(name) > HTML_LONG_CELL ? " class=\"long\"" : "");
    html_escape(name, text);
    text_print(text, "</th><td class=\"num\">%s</td>", format_count(&train, (double)sheet->train));
    if (splits->validation.count)
        text_print(text, "<td class=\"num\">%s</td>", format_count(&validation, (double)sheet->validation));
    if (splits->test.count) text_print(text, "<td class=\"num\">%s</td>", format_count(&test, (double)sheet->test));
    if (pictured) text_add(text, "<td class=\"sheet\">");
    if (pictured && sheet->pictures > 0) add_row_picture(&splits->train, sheet, name, text);
    text_add(text, pictured ? "</td></tr>\n" : "</tr>\n");
}

static void add_sheet_head(const struct data_splits *splits, bool pictured, struct text *text) {
    text_add(text, "<thead><tr><th scope=\"col\">Class</th><th scope=\"col\" class=\"num\">Train</th>");
    if (splits->validation.count) text_add(text, "<th scope=\"col\" class=\"num\">Validation</th>");
    if (splits->test.count) text_add(text, "<th scope=\"col\" class=\"num\">Test</th>");
    if (pictured) text_add(text, "<th scope=\"col\" class=\"still\">First training images</th>");
    text_add(text, "</tr></thead>\n<tbody>\n");
}

static void add_sheets(const struct run_report *report, struct class_sheet *sheets, int classes, struct text *text) {
    const struct data_splits *splits = report->splits;
    int each = pictures_each(splits->classes);
    count_classes(&splits->train, offsetof(struct class_sheet, train), sheets, classes);
    count_classes(&splits->validation, offsetof(struct class_sheet, validation), sheets, classes);
    count_classes(&splits->test, offsetof(struct class_sheet, test), sheets, classes);
    find_pictures(&splits->train, each, sheets, classes);
    html_table("Images by class", classes, true, text);
    add_sheet_head(splits, each > 0, text);
    for (int i = 0; i < classes; i++) add_class(report, &sheets[i], i, each > 0, text);
    text_add(text, "</tbody>\n");
    html_table_end(text);
}

static void add_data(const struct run_report *report, struct text *text) {
    const struct data_splits *splits = report->splits;
    const struct dataset *train = &splits->train;
    int classes = splits->classes < SHEET_CLASSES ? splits->classes : SHEET_CLASSES;
    struct class_sheet *sheets = calloc((size_t)classes + 1, sizeof *sheets);
    struct format counts[3];
    struct text line = {0};
    text_print(&line,
               "%s: %d classes of %d x %d images with %d channel%s; %s for training, %s for validation, %s for "
               "the test.",
               report->result->data ? report->result->data : "The data", splits->classes, train->width, train->height,
               train->channels, train->channels == 1 ? "" : "s", format_count(&counts[0], (double)train->count),
               format_count(&counts[1], (double)splits->validation.count),
               format_count(&counts[2], (double)splits->test.count));
    if (classes < splits->classes) text_print(&line, " The first %d classes are listed.", classes);
    html_section(&part_data, text);
    if (line.failed || !sheets)
        text->failed = true;
    else {
        html_paragraph(NULL, line.bytes, text);
        add_sheets(report, sheets, classes, text);
    }
    html_section_end(text);
    text_free(&line);
    free(sheets);
}

void run_images_html(const struct run_report *report, struct text *text) {
    struct run_samples mistakes, right;
    struct run_kernels kernels = run_find_kernels(report->model);
    run_find_mistakes(report, &mistakes);
    run_find_right(report, &right);
    if (mistakes.count > 0) add_answers(report, &part_mistakes, run_mistakes_note, &mistakes, text);
    if (right.count > 0)
        add_answers(report, &part_right, "Test images that were classified correctly, from all over the test set.",
                    &right, text);
    if (kernels.layer) add_kernels(&kernels, text);
    if (has_data(report)) add_data(report, text);
}
