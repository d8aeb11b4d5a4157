#include <math.h>

#include "core/report/chart.h"
#include "core/report/format.h"

enum { LEFT = 52, RIGHT = 14, TOP = 34, PLOT_HEIGHT = 190, BELOW = 44 };

static double legend_height(const struct chart_lines *chart) {
    const char *names[CHART_SERIES_MAX];
    for (int i = 0; i < chart->series_count; i++) names[i] = chart->series[i].name;
    return chart->has_no_legend ? 0 : svg_legend_height(names, chart->series_count, CHART_WIDTH - LEFT - RIGHT);
}

double chart_lines_height(const struct chart_lines *chart) {
    return TOP + PLOT_HEIGHT + BELOW + legend_height(chart);
}

static void widen(const double *values, int count, double *low, double *high) {
    for (int i = 0; i < count && values; i++) {
        if (!isfinite(values[i])) continue;
        if (!(*low <= values[i])) *low = values[i];
        if (!(*high >= values[i])) *high = values[i];
    }
}

static struct svg_axis value_axis(const struct chart_lines *chart) {
    double low = chart->begins_at_zero && !chart->logarithmic ? 0 : NAN, high = low;
    for (int i = 0; i < chart->series_count; i++) {
        widen(chart->series[i].values, chart->points, &low, &high);
        widen(chart->series[i].low, chart->points, &low, &high);
        widen(chart->series[i].high, chart->points, &low, &high);
    }
    return chart->logarithmic ? svg_axis_logarithmic(low, high, chart->unit) : svg_axis(low, high, chart->unit);
}

static struct svg_frame make_frame(const struct chart_lines *chart) {
    double first = chart->points ? chart->epochs[0] : 0, last = chart->points ? chart->epochs[chart->points - 1] : 1;
    return (struct svg_frame){.left = LEFT,
                              .top = TOP,
                              .width = CHART_WIDTH - LEFT - RIGHT,
                              .height = PLOT_HEIGHT,
                              .x = svg_axis(first, last, SVG_EPOCH),
                              .y = value_axis(chart)};
}

/* Every so many points are drawn. */
static int stride_of(const struct chart_lines *chart) {
    return 1 + (chart->points - 1) / CHART_POINTS_MAX;
}

/* Every stride-th value and the last; returns how many. */
static int thin(const struct chart_lines *chart, const double *values, double thinned[CHART_POINTS_MAX + 1]) {
    int stride = stride_of(chart), count = 0;
    for (int i = 0; i < chart->points; i += stride) thinned[count++] = values[i];
    if (chart->points > 0 && (chart->points - 1) % stride != 0) thinned[count++] = values[chart->points - 1];
    return count;
}

static void add_series(const struct chart_lines *chart, const struct svg_frame *frame, int index, struct text *text) {
    const struct chart_series *series = &chart->series[index];
    double x[CHART_POINTS_MAX + 1], y[CHART_POINTS_MAX + 1], low[CHART_POINTS_MAX + 1], high[CHART_POINTS_MAX + 1];
    int count = thin(chart, chart->epochs, x);
    thin(chart, series->values, y);
    if (series->low && series->high) {
        thin(chart, series->low, low);
        thin(chart, series->high, high);
        svg_band(frame, x, low, high, count, index, text);
    }
    svg_line(frame, x, y, count, index, text);
}

static void add_best(const struct chart_lines *chart, const struct svg_frame *frame, struct text *text) {
    double best = chart->best_epoch;
    if (best < 1 || best < frame->x.low || best > frame->x.high) return;
    double x = svg_x(frame, best);
    struct text label = {0};
    text_print(&label, "best: epoch %d", chart->best_epoch);
    svg_rule(x, frame->top - 4, x, frame->top + frame->height, "best", text);
    if (label.failed) {
        text->failed = true;
    } else {
        /* Between the axis' name and the right edge. */
        double half = svg_text_width(label.bytes) / 2 + 4;
        double middle = fmax(x, frame->left + svg_text_width(chart->y_name) + half);
        svg_text(fmin(middle, frame->left + frame->width - half + 4), frame->top - 10, "middle", "label strong",
                 label.bytes, text);
    }
    text_free(&label);
}

static const char *value_text(const struct chart_lines *chart, double value, struct format *format) {
    if (chart->unit == SVG_PERCENT) return format_percent(format, value);
    return chart->begins_at_zero ? format_significant(format, value) : format_decimal(format, value, 4);
}

static void add_tip(const struct chart_lines *chart, int point, struct text *text) {
    struct text tip = {0};
    struct format format, low, high;
    text_print(&tip, "Epoch %.0f%s", chart->epochs[point],
               (int)chart->epochs[point] == chart->best_epoch ? " (best)" : "");
    for (int i = 0; i < chart->series_count; i++) {
        const struct chart_series *series = &chart->series[i];
        text_print(&tip, "\n%s: %s", series->name, value_text(chart, series->values[point], &format));
        if (series->low && series->high && series->low[point] < series->high[point])
            text_print(&tip, " (%s to %s)", value_text(chart, series->low[point], &low),
                       value_text(chart, series->high[point], &high));
    }
    if (tip.failed)
        text->failed = true;
    else
        svg_title(tip.bytes, text);
    text_free(&tip);
}

/* Columns that belong to a point each, under the pointer. */
static void add_hits(const struct chart_lines *chart, const struct svg_frame *frame, struct text *text) {
    int stride = stride_of(chart);
    for (int i = 0; i < chart->points; i += stride) {
        double here = svg_x(frame, chart->epochs[i]);
        double before = i >= stride ? svg_x(frame, chart->epochs[i - stride]) : 2 * frame->left - here;
        double after = i + stride < chart->points ? svg_x(frame, chart->epochs[i + stride])
                                                  : 2 * (frame->left + frame->width) - here;
        double left = fmax((here + before) / 2, frame->left), right = (here + after) / 2;
        text_add(text, "<rect class=\"hit\"");
        svg_attribute("x", left, text);
        svg_attribute("y", frame->top, text);
        svg_attribute("width", fmin(right, frame->left + frame->width) - left, text);
        svg_attribute("height", frame->height, text);
        text_add(text, ">");
        add_tip(chart, i, text);
        text_add(text, "</rect>\n");
    }
}

void chart_lines(const struct chart_lines *chart, struct text *text) {
    const struct chart_place *place = &chart->place;
    struct svg_frame frame = make_frame(chart);
    const char *names[CHART_SERIES_MAX];
    for (int i = 0; i < chart->series_count; i++) names[i] = chart->series[i].name;
    svg_open(&(struct svg_drawing){place->id, place->title, place->description, place->x, place->y, CHART_WIDTH,
                                   chart_lines_height(chart)},
             text);
    svg_frame(&frame, "Epoch", chart->y_name, text);
    for (int i = 0; i < chart->series_count; i++) add_series(chart, &frame, i, text);
    add_best(chart, &frame, text);
    if (!chart->has_no_legend)
        svg_legend(names, chart->series_count, frame.left, TOP + PLOT_HEIGHT + BELOW, frame.width, text);
    add_hits(chart, &frame, text);
    svg_close(text);
}
