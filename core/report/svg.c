#include "core/report/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/report/html.h"
#include "core/report/html_page.h"

enum { TICK_LENGTH = 4, LEGEND_ROW = 18, LEGEND_SAMPLE = 30, LEGEND_GAP = 14, MARKERS_MAX = 40 };

/* Of a character of names in the widest of the style's typefaces. */
static const double character_width = 6.7;

void svg_open(const struct svg_drawing *drawing, struct text *text) {
    text_print(text, "<svg class=\"chart\" role=\"img\" aria-labelledby=\"%s-t %s-d\"", drawing->id, drawing->id);
    svg_attribute("x", drawing->x, text);
    svg_attribute("y", drawing->y, text);
    svg_attribute("width", drawing->width, text);
    svg_attribute("height", drawing->height, text);
    text_print(text, " viewBox=\"0 0 %.0f %.0f\">\n<title id=\"%s-t\">", drawing->width, drawing->height, drawing->id);
    html_escape(drawing->title, text);
    text_print(text, "</title><desc id=\"%s-d\">", drawing->id);
    html_escape(drawing->description, text);
    text_add(text, "</desc>\n");
}

void svg_close(struct text *text) {
    text_add(text, "</svg>\n");
}

void svg_open_file(double width, double height, const char *title, struct text *text) {
    text_print(text, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\"", width, height);
    text_print(text, " viewBox=\"0 0 %.0f %.0f\">\n<title>", width, height);
    html_escape(title, text);
    text_add(text, "</title>\n<style>\n");
    for (const char *const *piece = html_page_colors; *piece; piece++) text_add(text, *piece);
    for (const char *const *piece = html_chart_style; *piece; piece++) text_add(text, *piece);
    text_add(text, "</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n");
}

void svg_number(double value, struct text *text) {
    double tenths = round(value * 10);
    if (tenths == 0) tenths = 0; /* no "-0" */
    bool is_whole = fmod(tenths, 10) == 0;
    text_print(text, is_whole ? "%.0f" : "%.1f", tenths / 10);
}

void svg_attribute(const char *name, double value, struct text *text) {
    text_print(text, " %s=\"", name);
    svg_number(value, text);
    text_add(text, "\"");
}

void svg_text(double x, double y, const char *anchor, const char *class_name, const char *string, struct text *text) {
    text_print(text, "<text class=\"%s\" text-anchor=\"%s\"", class_name, anchor);
    svg_attribute("x", x, text);
    svg_attribute("y", y, text);
    text_add(text, ">");
    html_escape(string, text);
    text_add(text, "</text>\n");
}

double svg_text_width(const char *string) {
    return character_width * text_columns(string);
}

const char *svg_short(const char *string, int characters, char buffer[SVG_LABEL_SIZE]) {
    static const char ellipsis[] = "…";
    bool whole = text_columns(string) <= characters && strlen(string) < SVG_LABEL_SIZE;
    size_t length = 0, room = SVG_LABEL_SIZE - sizeof ellipsis;
    for (int i = 0; string[length] && (whole || i < characters - 1); i++) {
        size_t size = text_utf8_sequence(string + length, strnlen(string + length, 4));
        if (size == 0) size = 1;
        if (length + size > room) break;
        length += size;
    }
    memcpy(buffer, string, length);
    snprintf(buffer + length, SVG_LABEL_SIZE - length, "%s", string[length] ? ellipsis : "");
    return buffer;
}

void svg_title(const char *string, struct text *text) {
    text_add(text, "<title>");
    for (const char *line = string; *line;) {
        size_t length = strcspn(line, "\n");
        struct text one = {0};
        text_add_bytes(&one, line, length);
        if (one.failed)
            text->failed = true;
        else if (one.bytes)
            html_escape(one.bytes, text);
        text_free(&one);
        line += length;
        if (*line) text_add(text, "\n");
        if (*line) line++;
    }
    text_add(text, "</title>");
}

void svg_rule(double x1, double y1, double x2, double y2, const char *class_name, struct text *text) {
    text_print(text, "<path class=\"%s\" d=\"M", class_name);
    svg_number(x1, text);
    text_add(text, " ");
    svg_number(y1, text);
    text_add(text, "L");
    svg_number(x2, text);
    text_add(text, " ");
    svg_number(y2, text);
    text_add(text, "\"/>\n");
}

/* Frames */

double svg_x(const struct svg_frame *frame, double value) {
    return frame->left + frame->width * svg_axis_share(&frame->x, value);
}

double svg_y(const struct svg_frame *frame, double value) {
    return frame->top + frame->height * (1 - svg_axis_share(&frame->y, value));
}

static void add_x_ticks(const struct svg_frame *frame, struct text *text) {
    char label[SVG_TICK_SIZE];
    double bottom = frame->top + frame->height;
    for (int i = 0; i < frame->x.tick_count; i++) {
        double x = svg_x(frame, frame->x.ticks[i]);
        svg_rule(x, bottom, x, bottom + TICK_LENGTH, "axis", text);
        svg_text(x, bottom + 17, "middle", "tick", svg_axis_label(&frame->x, frame->x.ticks[i], label), text);
    }
}

static void add_y_ticks(const struct svg_frame *frame, struct text *text) {
    char label[SVG_TICK_SIZE];
    for (int i = 0; i < frame->y.tick_count; i++) {
        double y = svg_y(frame, frame->y.ticks[i]);
        svg_rule(frame->left, y, frame->left + frame->width, y, "grid", text);
        svg_text(frame->left - 7, y + 4, "end", "tick", svg_axis_label(&frame->y, frame->y.ticks[i], label), text);
    }
}

void svg_frame(const struct svg_frame *frame, const char *x_name, const char *y_name, struct text *text) {
    double bottom = frame->top + frame->height, right = frame->left + frame->width;
    add_y_ticks(frame, text);
    add_x_ticks(frame, text);
    svg_rule(frame->left, bottom, right, bottom, "axis", text);
    svg_text(frame->left + frame->width / 2, bottom + 34, "middle", "name", x_name, text);
    svg_text(frame->left - 7, frame->top - 10, "start", "name", y_name, text);
}

/* Series */

static int style_of(int series) {
    return series % SVG_STYLES;
}

/* Forms of about the same area around (0, 0). */
static const char *const marker_forms[SVG_STYLES] = {
    "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",                /* circle */
    "m-3.2-3.2h6.4v6.4h-6.4z",                                     /* square */
    "m0-4.2l4.2 7.2h-8.4z",                                        /* triangle */
    "m0-4.6l4.6 4.6l-4.6 4.6l-4.6-4.6z",                           /* diamond */
    "m0 4.2l4.2-7.2h-8.4z",                                        /* triangle, tip down */
    "m-1.4-4.2h2.8v2.8h2.8v2.8h-2.8v2.8h-2.8v-2.8h-2.8v-2.8h2.8z", /* plus */
    "m-4.4-1.6h8.8v3.2h-8.8z",                                     /* bar */
    "m0-4.4l4.2 3l-1.6 5h-5.2l-1.6-5z",                            /* pentagon */
};

void svg_marker(double x, double y, int series, struct text *text) {
    text_print(text, "<path class=\"mark s%d\" d=\"M", style_of(series));
    svg_number(x, text);
    text_add(text, " ");
    svg_number(y, text);
    /* A colour that comes again comes with another form. */
    text_print(text, "%s\"/>\n", marker_forms[style_of(series + series / SVG_STYLES)]);
}

static void add_point(double x, double y, char letter, struct text *text) {
    text_add_bytes(text, &letter, 1);
    svg_number(x, text);
    text_add(text, " ");
    svg_number(y, text);
}

static bool is_point(const double *x, const double *y, int count, int i) {
    return i >= 0 && i < count && isfinite(x[i]) && isfinite(y[i]);
}

void svg_line(const struct svg_frame *frame, const double *x, const double *y, int count, int series,
              struct text *text) {
    text_print(text, "<path class=\"line s%d\" d=\"", style_of(series));
    for (int i = 0; i < count; i++)
        if (is_point(x, y, count, i))
            add_point(svg_x(frame, x[i]), svg_y(frame, y[i]), is_point(x, y, count, i - 1) ? 'L' : 'M', text);
    text_add(text, "\"/>\n");
    for (int i = 0; i < count; i++) {
        if (!is_point(x, y, count, i)) continue;
        bool alone = !is_point(x, y, count, i - 1) && !is_point(x, y, count, i + 1);
        if (alone || count <= MARKERS_MAX) svg_marker(svg_x(frame, x[i]), svg_y(frame, y[i]), series, text);
    }
}

void svg_band(const struct svg_frame *frame, const double *x, const double *low, const double *high, int count,
              int series, struct text *text) {
    char letter = 'M';
    text_print(text, "<path class=\"band s%d\" d=\"", style_of(series));
    for (int i = 0; i < count; i++, letter = 'L')
        if (is_point(x, low, count, i) && isfinite(high[i]))
            add_point(svg_x(frame, x[i]), svg_y(frame, high[i]), letter, text);
    for (int i = count - 1; i >= 0; i--)
        if (is_point(x, low, count, i) && isfinite(high[i]))
            add_point(svg_x(frame, x[i]), svg_y(frame, low[i]), 'L', text);
    text_add(text, "\"/>\n");
}

void svg_interval(double x1, double y1, double x2, double y2, int series, struct text *text) {
    enum { CAP = 4 };
    char class_name[32];
    double across_x = x1 == x2 ? CAP : 0, across_y = x1 == x2 ? 0 : CAP;
    snprintf(class_name, sizeof class_name, "interval s%d", style_of(series));
    svg_rule(x1, y1, x2, y2, class_name, text);
    svg_rule(x1 - across_x, y1 - across_y, x1 + across_x, y1 + across_y, class_name, text);
    svg_rule(x2 - across_x, y2 - across_y, x2 + across_x, y2 + across_y, class_name, text);
}

/* Legends */

enum { LEGEND_NAME_MAX = 28 };

static double entry_width(const char *name) {
    char label[SVG_LABEL_SIZE];
    return LEGEND_SAMPLE + svg_text_width(svg_short(name, LEGEND_NAME_MAX, label)) + LEGEND_GAP;
}

/* Where the entry that begins at *x, in row *row, really stands. */
static void place_entry(double entry, double width, double *x, int *row) {
    if (*x > 0 && *x + entry > width) {
        *x = 0;
        ++*row;
    }
}

double svg_legend_height(const char *const *names, int count, double width) {
    double x = 0;
    int row = 0;
    for (int i = 0; i < count; i++) {
        double entry = entry_width(names[i]);
        place_entry(entry, width, &x, &row);
        x += entry;
    }
    return count > 0 ? (row + 1) * LEGEND_ROW : 0;
}

void svg_legend(const char *const *names, int count, double left, double top, double width, struct text *text) {
    double x = 0;
    int row = 0;
    char label[SVG_LABEL_SIZE], class_name[32];
    for (int i = 0; i < count; i++) {
        double entry = entry_width(names[i]);
        place_entry(entry, width, &x, &row);
        double y = top + row * LEGEND_ROW + 8;
        snprintf(class_name, sizeof class_name, "line s%d", style_of(i));
        svg_rule(left + x, y, left + x + 24, y, class_name, text);
        svg_marker(left + x + 12, y, i, text);
        svg_text(left + x + LEGEND_SAMPLE, y + 4, "start", "label", svg_short(names[i], LEGEND_NAME_MAX, label), text);
        x += entry;
    }
}
