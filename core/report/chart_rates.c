#include <math.h>
#include <stdio.h>

#include "core/report/chart.h"

enum { LEFT = 52, RIGHT = 14, TOP = 34, PLOT_HEIGHT = 190, LEGEND = 256 };

static void widen(double value, double *low, double *high) {
    if (!isfinite(value)) return;
    if (!(*low <= value)) *low = value;
    if (!(*high >= value)) *high = value;
}

static struct svg_frame make_frame(const struct chart_rates *chart) {
    double low = NAN, high = NAN;
    for (int i = 0; i < chart->points; i++) {
        widen(chart->losses[i], &low, &high);
        widen(chart->smooth[i], &low, &high);
    }
    const double first = chart->points ? chart->rates[0] : NAN;
    const double last = chart->points ? chart->rates[chart->points - 1] : NAN;
    return (struct svg_frame){.left = LEFT,
                              .top = TOP,
                              .width = CHART_WIDTH - LEFT - RIGHT,
                              .height = PLOT_HEIGHT,
                              .x = svg_axis_logarithmic(first, last, SVG_NUMBER),
                              .y = svg_axis(low, high, SVG_NUMBER)};
}

static void add_dot(double x, double y, struct text *text) {
    text_add(text, "<circle class=\"bar s1\" r=\"1.5\"");
    svg_attribute("cx", x, text);
    svg_attribute("cy", y, text);
    text_add(text, "/>\n");
}

/* Every so many of very many points are drawn. */
static int stride_of(const struct chart_rates *chart) {
    return 1 + (chart->points - 1) / CHART_POINTS_MAX;
}

static void add_points(const struct chart_rates *chart, const struct svg_frame *frame, struct text *text) {
    double x[CHART_POINTS_MAX], y[CHART_POINTS_MAX];
    const int stride = stride_of(chart);
    int count = 0;
    for (int i = 0; i < chart->points; i += stride) {
        x[count] = chart->rates[i];
        y[count++] = chart->smooth[i];
        if (isfinite(chart->losses[i])) add_dot(svg_x(frame, chart->rates[i]), svg_y(frame, chart->losses[i]), text);
    }
    svg_line(frame, x, y, count, 0, text);
}

static void add_mark(const struct chart_rates *chart, const struct svg_frame *frame, struct text *text) {
    char label[64];
    if (!(chart->marked >= frame->x.low && chart->marked <= frame->x.high)) return;
    const double x = svg_x(frame, chart->marked), half = 38;
    snprintf(label, sizeof label, "steepest: %.2g", chart->marked);
    svg_rule(x, frame->top - 4, x, frame->top + frame->height, "best", text);
    svg_text(fmin(fmax(x, frame->left + 30 + half), frame->left + frame->width - half), frame->top - 10, "middle",
             "label strong", label, text);
}

void chart_rates(const struct chart_rates *chart, struct text *text) {
    const struct chart_place *place = &chart->place;
    const struct svg_frame frame = make_frame(chart);
    svg_open(&(struct svg_drawing){place->id, place->title, place->description, place->x, place->y, CHART_WIDTH,
                                   CHART_RATES_HEIGHT},
             text);
    svg_frame(&frame, "Learning rate", "Loss", text);
    add_points(chart, &frame, text);
    add_mark(chart, &frame, text);
    svg_rule(LEFT, LEGEND + 14, LEFT + 24, LEGEND + 14, "line s0", text);
    svg_text(LEFT + 30, LEGEND + 18, "start", "label", "smoothed", text);
    add_dot(LEFT + 110, LEGEND + 14, text);
    svg_text(LEFT + 118, LEGEND + 18, "start", "label", "of each batch", text);
    svg_close(text);
}
