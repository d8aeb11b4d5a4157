#include "core/report/plot.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LABEL = 8, /* columns of the labels left of the y axis, and the axis */
    FRAME = 3, /* rows of title, x axis and its labels */
    COLUMNS_LEAST = 16,
    ROWS_LEAST = FRAME + 2,
    COLUMNS_MOST = 400,
    ROWS_MOST = 200,
    SERIES_MOST = 4,
    NUMBER = 32,
};

/* Where values lie on a scale, and the scale's ends. */
struct scale {
    double low, high; /* on a logarithmic one, of the logarithms */
    bool is_log;
};

/* Points are `across` by `down` to a character. */
struct canvas {
    const struct plot *plot;
    int columns, rows, across, down;
    struct scale x, y;
    unsigned char dots[SERIES_MOST][ROWS_MOST][COLUMNS_MOST]; /* bits of braille; without it, 1 */
};

static double on_scale(const struct scale *scale, double value) {
    return scale->is_log ? log10(value) : value;
}

static bool has_place(const struct scale *scale, double value) {
    return isfinite(value) && (!scale->is_log || value > 0);
}

static struct scale scale_empty(enum plot_axis axis) {
    return (struct scale){INFINITY, -INFINITY, axis == PLOT_LOG};
}

static void scale_take(struct scale *scale, double value) {
    if (!has_place(scale, value)) return;
    scale->low = fmin(scale->low, on_scale(scale, value));
    scale->high = fmax(scale->high, on_scale(scale, value));
}

/* A scale has an extent, even without values. */
static void scale_close(struct scale *scale) {
    if (scale->low > scale->high) scale->low = scale->high = 0;
    if (scale->high - scale->low > 1e-12 * fmax(fabs(scale->high), 1e-300)) return;
    double pad = scale->low == 0 ? 1 : fabs(scale->low) * 0.1;
    scale->low -= pad;
    scale->high += pad;
}

/* ---- drawing ---- */

/* The bit of the braille character for a dot, from the left and from the top. */
static unsigned char braille_bit(int x, int y) {
    static const unsigned char bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    return bits[y][x];
}

static void set_dot(struct canvas *canvas, int series, int x, int y) {
    int column = x / canvas->across, row = y / canvas->down;
    if (x < 0 || y < 0 || column >= canvas->columns || row >= canvas->rows) return;
    canvas->dots[series][row][column] |= canvas->plot->has_braille ? braille_bit(x % 2, y % 4) : 1;
}

/* From one point to the next, in steps of a dot; dashes where there are no colours to tell curves apart. */
static void draw_line(struct canvas *canvas, int series, const int from[2], const int to[2]) {
    int dx = to[0] - from[0], dy = to[1] - from[1];
    int steps = abs(dx) > abs(dy) ? abs(dx) : abs(dy);
    bool dashes = canvas->plot->series[series].is_dashed && canvas->plot->has_braille && !canvas->plot->has_color;
    for (int i = 0; i <= steps; i++) {
        int x = from[0] + (steps ? (int)lround((double)dx * i / steps) : 0);
        int y = from[1] + (steps ? (int)lround((double)dy * i / steps) : 0);
        if (!dashes || (x + y) % 4 < 2) set_dot(canvas, series, x, y);
    }
}

static int place(const struct scale *scale, double value, int dots) {
    return (int)lround((on_scale(scale, value) - scale->low) / (scale->high - scale->low) * (dots - 1));
}

static void draw_series(struct canvas *canvas, int series) {
    const struct plot *plot = canvas->plot;
    const int width = canvas->columns * canvas->across, height = canvas->rows * canvas->down;
    int last[2] = {0, 0};
    bool has_last = false;
    for (int i = 0; i < plot->count; i++) {
        double x = plot->x[i], y = plot->series[series].y[i];
        bool is_there = has_place(&canvas->x, x) && has_place(&canvas->y, y);
        if (is_there) {
            int next[2] = {place(&canvas->x, x, width), height - 1 - place(&canvas->y, y, height)};
            draw_line(canvas, series, has_last && !plot->series[series].is_points ? last : next, next);
            last[0] = next[0];
            last[1] = next[1];
        }
        has_last = is_there;
    }
}

/* ---- text ---- */

static void add_padded(struct text *text, const char *line, int columns) {
    size_t cut = text_cut_columns(line, columns);
    struct text part = {0};
    text_add_bytes(&part, line, cut);
    text_add_bytes(text, line, cut);
    text_repeat(text, " ", columns - (part.bytes && cut ? text_columns(part.bytes) : 0));
    text_free(&part);
}

static void number_text(enum plot_axis axis, double value, char buffer[NUMBER]) {
    if (axis == PLOT_PERCENT)
        snprintf(buffer, NUMBER, "%.*f %%", fabs(value) < 0.0995 ? 1 : 0, 100 * value);
    else
        snprintf(buffer, NUMBER, "%.3g", value);
}

static double value_at(const struct scale *scale, double share) {
    double value = scale->low + share * (scale->high - scale->low);
    return scale->is_log ? pow(10, value) : value;
}

static const char *color_of(const struct plot *plot, int series) {
    return plot->has_color && plot->series[series].color ? plot->series[series].color : NULL;
}

/* The title, then each curve's name with what it is drawn with, as far as there is room. */
static void add_title(const struct plot *plot, struct text *text) {
    char title[128];
    snprintf(title, sizeof title, "%*s%s", LABEL, "", plot->title);
    int left = plot->columns - text_columns(title);
    if (left < 0) {
        add_padded(text, title, plot->columns);
        text_add(text, "\n");
        return;
    }
    text_add(text, title);
    for (int i = 0; i < plot->series_count; i++) {
        const struct plot_series *series = &plot->series[i];
        const char *color = color_of(plot, i);
        char key[64], mark[3] = {series->mark, series->mark, '\0'};
        const char *line =
            series->is_dashed && !color ? "\xE2\xA0\xA4 \xE2\xA0\xA4" : "\xE2\xA0\xA4\xE2\xA0\xA4\xE2\xA0\xA4";
        if (series->is_points) line = "\xE2\xA0\x82 \xE2\xA0\x84";
        snprintf(key, sizeof key, "   %s %s", plot->has_braille ? line : mark, series->name);
        if (text_columns(key) > left) break;
        if (color) text_print(text, "\033[%sm", color);
        text_add(text, key);
        if (color) text_add(text, "\033[0m");
        left -= text_columns(key);
    }
    text_repeat(text, " ", left);
    text_add(text, "\n");
}

static void add_cell(const struct canvas *canvas, int row, int column, int *colored, struct text *text) {
    const struct plot *plot = canvas->plot;
    unsigned bits = 0;
    int shown = -1, curves = 0;
    for (int i = 0; i < plot->series_count; i++) {
        unsigned char dots = canvas->dots[i][row][column];
        if (!dots) continue;
        bits |= dots;
        shown = i;
        curves++;
    }
    const char *color = shown >= 0 ? color_of(plot, shown) : NULL;
    if (*colored != (color ? shown : -1)) {
        if (*colored >= 0) text_add(text, "\033[0m");
        if (color) text_print(text, "\033[%sm", color);
        *colored = color ? shown : -1;
    }
    if (!bits)
        text_add(text, " ");
    else if (plot->has_braille) /* U+2800 and the bits */
        text_print(text, "\xE2%c%c", (char)(0xA0 | bits >> 6), (char)(0x80 | (bits & 0x3F)));
    else
        text_print(text, "%c", curves > 1 ? '#' : plot->series[shown].mark);
}

static void add_row(const struct canvas *canvas, int row, struct text *text) {
    const struct plot *plot = canvas->plot;
    char number[NUMBER] = "";
    int colored = -1, last = canvas->rows - 1;
    if (row == 0 || row == last || (row == last / 2 && last >= 4))
        number_text(plot->y_axis, value_at(&canvas->y, 1 - (double)row / last), number);
    text_print(text, "%*.*s%s", LABEL - 1, LABEL - 1, number, plot->has_braille ? "\xE2\x94\x82" : "|");
    for (int column = 0; column < canvas->columns; column++) add_cell(canvas, row, column, &colored, text);
    text_add(text, colored >= 0 ? "\033[0m\n" : "\n");
}

/* The label into the line from a column on; false where it would meet another. */
static bool put_label(char *line, int columns, int at, const char *label) {
    int length = (int)strlen(label);
    if (at + length > columns) at = columns - length;
    if (at < 0) at = 0;
    for (int i = at > 0 ? at - 1 : 0; i < at + length + 1 && i < columns; i++)
        if (line[i] != ' ') return false;
    if (at + length <= columns) memcpy(line + at, label, (size_t)length);
    return true;
}

static void add_x_axis(const struct canvas *canvas, struct text *text) {
    const struct plot *plot = canvas->plot;
    char labels[COLUMNS_MOST + 1], number[NUMBER], mark[128];
    memset(labels, ' ', (size_t)canvas->columns);
    labels[canvas->columns] = '\0';
    int marked = -1;
    if (has_place(&canvas->x, plot->mark_x)) {
        marked = place(&canvas->x, plot->mark_x, canvas->columns);
        snprintf(mark, sizeof mark, "%s %.4g", plot->mark_name, plot->mark_x);
    }
    int length = marked >= 0 ? (int)strlen(mark) : 0;
    if (plot->count > 0 && !(plot->x[0] < plot->x[plot->count - 1])) { /* one place has no ends */
        number_text(plot->x_axis, plot->x[0], number);
        const int middle = place(&canvas->x, plot->x[0], canvas->columns);
        put_label(labels, canvas->columns, middle - length / 2, length ? mark : number);
    } else if (plot->count > 0) {
        number_text(plot->x_axis, value_at(&canvas->x, 0), number);
        put_label(labels, canvas->columns, 0, number);
        number_text(plot->x_axis, value_at(&canvas->x, 1), number);
        put_label(labels, canvas->columns, canvas->columns, number);
        int beside = canvas->columns - (int)strlen(number) - 2 - length;
        if (length && !put_label(labels, canvas->columns, marked - length / 2, mark))
            put_label(labels, canvas->columns, marked < canvas->columns / 2 ? 6 : beside, mark);
    }
    text_repeat(text, " ", LABEL - 1);
    text_add(text, plot->has_braille ? "\xE2\x94\x94" : "+");
    for (int i = 0; i < canvas->columns; i++)
        text_add(text, i == marked ? "^" : plot->has_braille ? "\xE2\x94\x80" : "-");
    text_print(text, "\n%*s%s\n", LABEL, "", labels);
}

/* One value on an axis of whole numbers has no neighbours to make up. */
static void find_scales(struct canvas *canvas) {
    const struct plot *plot = canvas->plot;
    canvas->x = scale_empty(plot->x_axis);
    canvas->y = scale_empty(plot->y_axis);
    for (int i = 0; i < plot->count; i++) {
        scale_take(&canvas->x, plot->x[i]);
        for (int k = 0; k < plot->series_count; k++) scale_take(&canvas->y, plot->series[k].y[i]);
    }
    scale_close(&canvas->x);
    scale_close(&canvas->y);
}

void plot_write(const struct plot *plot, struct text *text) {
    if (plot->columns < COLUMNS_LEAST || plot->rows < ROWS_LEAST || plot->series_count > SERIES_MOST) return;
    struct canvas *canvas = calloc(1, sizeof *canvas);
    if (!canvas) {
        text->failed = true;
        return;
    }
    canvas->plot = plot;
    canvas->columns = plot->columns - LABEL < COLUMNS_MOST ? plot->columns - LABEL : COLUMNS_MOST;
    canvas->rows = plot->rows - FRAME < ROWS_MOST ? plot->rows - FRAME : ROWS_MOST;
    canvas->across = plot->has_braille ? 2 : 1;
    canvas->down = plot->has_braille ? 4 : 1;
    find_scales(canvas);
    for (int i = 0; i < plot->series_count; i++) draw_series(canvas, i);
    add_title(plot, text);
    for (int row = 0; row < canvas->rows; row++) add_row(canvas, row, text);
    add_x_axis(canvas, text);
    free(canvas);
}

void plot_sparkline(const double *y, int count, int columns, bool has_blocks, struct text *text) {
    static const char *const blocks[] = {"\xE2\x96\x81", "\xE2\x96\x82", "\xE2\x96\x83", "\xE2\x96\x84",
                                         "\xE2\x96\x85", "\xE2\x96\x86", "\xE2\x96\x87", "\xE2\x96\x88"};
    static const char *const plain[] = {".", ".", ":", "-", "=", "+", "*", "#"};
    enum { LEVELS = 8 };
    struct scale scale = scale_empty(PLOT_LINEAR);
    int first = count > columns ? count - columns : 0;
    for (int i = first; i < count; i++) scale_take(&scale, y[i]);
    scale_close(&scale);
    for (int i = first; i < count; i++) {
        int level = isfinite(y[i]) ? place(&scale, y[i], LEVELS) : -1;
        text_add(text, level < 0 ? " " : (has_blocks ? blocks : plain)[level]);
    }
}
