/* Bars and points with intervals. */
#include <math.h>
#include <stdlib.h>

#include "core/report/chart.h"
#include "core/report/format.h"

enum { ROW = 26, BAR = 14, TOP = 30, BELOW = 42, NAME_MAX = 22, VALUE_WIDTH = 54 };

static bool has_interval(const struct chart_item *item) {
    return isfinite(item->low) && isfinite(item->high);
}

static void add_tip(const struct chart_item *item, const char *cost_name, struct text *text) {
    struct text tip = {0};
    struct format value, low, high, cost;
    text_print(&tip, "%s: %s", item->name, format_percent(&value, item->value));
    if (has_interval(item))
        text_print(&tip, "\n95 %% interval: %s to %s", format_decimal(&low, 100 * item->low, 2),
                   format_percent(&high, item->high));
    if (cost_name) text_print(&tip, "\n%s: %s", cost_name, format_count(&cost, item->cost));
    if (tip.failed)
        text->failed = true;
    else
        svg_title(tip.bytes, text);
    text_free(&tip);
}

/* Bars */

double chart_bars_height(const struct chart_items *chart) {
    return TOP + ROW * chart->count + BELOW;
}

static double names_width(const struct chart_items *chart) {
    double width = 0;
    char label[SVG_LABEL_SIZE];
    for (int i = 0; i < chart->count; i++)
        width = fmax(width, svg_text_width(svg_short(chart->items[i].name, NAME_MAX, label)));
    return width + 12;
}

static void add_bar(const struct svg_frame *frame, const struct chart_item *item, int index, struct text *text) {
    char label[SVG_LABEL_SIZE];
    struct format format;
    double middle = frame->top + ROW * index + ROW / 2.0;
    svg_text(frame->left - 7, middle + 4, "end", "label", svg_short(item->name, NAME_MAX, label), text);
    svg_text(frame->left + frame->width + VALUE_WIDTH, middle + 4, "end", "label", format_percent(&format, item->value),
             text);
    text_add(text, "<g>");
    add_tip(item, NULL, text);
    text_add(text, "<rect class=\"hit\"");
    svg_attribute("x", frame->left, text);
    svg_attribute("y", middle - ROW / 2.0, text);
    svg_attribute("width", frame->width, text);
    svg_attribute("height", ROW, text);
    text_add(text, "/>\n");
    if (isfinite(item->value)) {
        text_print(text, "<rect class=\"bar s%d\" pointer-events=\"none\"", index % SVG_STYLES);
        svg_attribute("x", frame->left, text);
        svg_attribute("y", middle - BAR / 2.0, text);
        svg_attribute("width", svg_x(frame, item->value) - frame->left, text);
        svg_attribute("height", BAR, text);
        text_add(text, "/>\n");
    }
    if (has_interval(item))
        svg_interval(svg_x(frame, item->low), middle, svg_x(frame, item->high), middle, index, text);
    text_add(text, "</g>\n");
}

static double highest(const struct chart_items *chart) {
    double high = 0;
    for (int i = 0; i < chart->count; i++) {
        if (isfinite(chart->items[i].value)) high = fmax(high, chart->items[i].value);
        if (has_interval(&chart->items[i])) high = fmax(high, chart->items[i].high);
    }
    return high;
}

void chart_bars(const struct chart_items *chart, struct text *text) {
    const struct chart_place *place = &chart->place;
    char label[SVG_TICK_SIZE];
    struct svg_frame frame = {.left = names_width(chart),
                              .top = TOP,
                              .height = ROW * chart->count,
                              .x = svg_axis(0, highest(chart), SVG_PERCENT)};
    frame.width = CHART_WIDTH - frame.left - VALUE_WIDTH - 6;
    double bottom = frame.top + frame.height;
    svg_open(&(struct svg_drawing){place->id, place->title, place->description, place->x, place->y, CHART_WIDTH,
                                   chart_bars_height(chart)},
             text);
    svg_text(frame.left, TOP - 12, "start", "name", chart->x_name, text);
    for (int i = 0; i < frame.x.tick_count; i++) {
        double x = svg_x(&frame, frame.x.ticks[i]);
        svg_rule(x, frame.top, x, bottom, "grid", text);
        svg_text(x, bottom + 16, "middle", "tick", svg_axis_label(&frame.x, frame.x.ticks[i], label), text);
    }
    for (int i = 0; i < chart->count; i++) add_bar(&frame, &chart->items[i], i, text);
    svg_rule(frame.left, frame.top, frame.left, bottom, "axis", text);
    svg_close(text);
}

/* Points */

static bool is_drawn(const struct chart_item *item) {
    return isfinite(item->value) && isfinite(item->cost) && item->cost >= 0;
}

struct box {
    double left, top, right, bottom;
};

enum { LABEL_HEIGHT = 12, BOXES_MAX = 200 };

static bool overlaps(const struct box *a, const struct box *b) {
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* Places that are taken: labels and markers. */
struct boxes {
    int count;
    struct box boxes[BOXES_MAX];
};

static void take(struct boxes *boxes, struct box box) {
    if (boxes->count < BOXES_MAX) boxes->boxes[boxes->count++] = box;
}

static bool is_free(const struct boxes *boxes, const struct svg_frame *frame, const struct box *box) {
    if (box->left < frame->left || box->right > CHART_WIDTH) return false;
    if (box->top < frame->top - LABEL_HEIGHT || box->bottom > frame->top + frame->height) return false;
    for (int i = 0; i < boxes->count; i++)
        if (overlaps(box, &boxes->boxes[i])) return false;
    return true;
}

enum { LABEL_APART = 7 };

/* The nearest free place beside the point, on its right or left; false where none is. */
static bool place_label(struct boxes *boxes, const struct svg_frame *frame, double x, double y, double width,
                        struct box *box) {
    static const double up[] = {0, -13, 13, -26, 26, -39, 39};
    for (int ring = 0; ring < 6; ring++)
        for (size_t i = 0; i < sizeof up / sizeof *up; i++)
            for (int side = 0; side < 2; side++) {
                double apart = LABEL_APART + 11 * ring, left = side ? x - apart - width : x + apart;
                double top = y + up[i] - LABEL_HEIGHT / 2.0;
                *box = (struct box){left, top, left + width, top + LABEL_HEIGHT};
                if (!is_free(boxes, frame, box)) continue;
                take(boxes, *box);
                return true;
            }
    return false;
}

/* From a point to its label, where that is not beside it. */
static void add_leader(const struct box *box, double x, double y, struct text *text) {
    double end = box->left > x ? box->left - 1 : box->right + 1, middle = (box->top + box->bottom) / 2;
    if (fabs(end - x) > LABEL_APART || fabs(middle - y) > LABEL_HEIGHT) svg_rule(x, y, end, middle, "leader", text);
}

static struct svg_frame points_frame(const struct chart_items *chart) {
    double least = NAN, most = NAN, low = NAN, high = NAN;
    for (int i = 0; i < chart->count; i++) {
        const struct chart_item *item = &chart->items[i];
        if (!is_drawn(item)) continue;
        least = fmin(least, item->cost); /* fmin passes over NAN */
        most = fmax(most, item->cost);
        low = fmin(low, has_interval(item) ? item->low : item->value);
        high = fmax(high, has_interval(item) ? item->high : item->value);
    }
    return (struct svg_frame){.left = 52,
                              .top = 34,
                              .width = CHART_WIDTH - 52 - 16,
                              .height = CHART_POINTS_HEIGHT - 34 - 46,
                              .x = svg_axis_logarithmic(least, most, SVG_COUNT),
                              .y = svg_axis(low, high, SVG_PERCENT)};
}

/* Where each item stands: those that would hide each other, side by side. NAN: not drawn. */
static void place_points(const struct chart_items *chart, const struct svg_frame *frame, double *x) {
    enum { APART = 11, LIKE = 6 };
    for (int i = 0; i < chart->count; i++) {
        int before = 0, all = 0;
        x[i] = is_drawn(&chart->items[i]) ? svg_x(frame, chart->items[i].cost) : NAN;
        for (int k = 0; k < chart->count && !isnan(x[i]); k++) {
            const struct chart_item *other = &chart->items[k];
            if (!is_drawn(other) || fabs(svg_x(frame, other->cost) - x[i]) > LIKE) continue;
            before += k < i;
            all++;
        }
        if (all > 1 && all <= SVG_STYLES) x[i] += APART * (before - (all - 1) / 2.0);
    }
}

static void add_labels(const struct chart_items *chart, const struct svg_frame *frame, const double *x,
                       struct text *text) {
    enum { HALF = 6, WHISKER = 4 };
    struct boxes boxes = {0};
    char label[SVG_LABEL_SIZE];
    for (int i = 0; i < chart->count; i++) {
        const struct chart_item *item = &chart->items[i];
        if (!is_drawn(item)) continue;
        double y = svg_y(frame, item->value);
        take(&boxes, (struct box){x[i] - HALF, y - HALF, x[i] + HALF, y + HALF});
        if (!has_interval(item)) continue;
        take(&boxes, (struct box){x[i] - WHISKER, svg_y(frame, item->high), x[i] + WHISKER, svg_y(frame, item->low)});
    }
    for (int i = 0; i < chart->count; i++) {
        const struct chart_item *item = &chart->items[i];
        struct box box;
        if (!is_drawn(item)) continue;
        svg_short(item->name, NAME_MAX, label);
        double y = svg_y(frame, item->value);
        if (!place_label(&boxes, frame, x[i], y, svg_text_width(label), &box)) continue;
        add_leader(&box, x[i], y, text);
        svg_text(box.left, box.bottom - 2, "start", "label", label, text);
    }
}

static void add_point(const struct chart_items *chart, const struct svg_frame *frame, int index, double x,
                      struct text *text) {
    const struct chart_item *item = &chart->items[index];
    text_print(text, "<g class=\"point s%d\">", index % SVG_STYLES);
    add_tip(item, chart->x_name, text);
    if (has_interval(item)) svg_interval(x, svg_y(frame, item->low), x, svg_y(frame, item->high), index, text);
    svg_marker(x, svg_y(frame, item->value), index, text);
    text_add(text, "</g>\n");
}

void chart_points(const struct chart_items *chart, struct text *text) {
    const struct chart_place *place = &chart->place;
    struct svg_frame frame = points_frame(chart);
    double *x = calloc((size_t)chart->count + 1, sizeof *x);
    if (!x) {
        text->failed = true;
        return;
    }
    place_points(chart, &frame, x);
    svg_open(&(struct svg_drawing){place->id, place->title, place->description, place->x, place->y, CHART_WIDTH,
                                   CHART_POINTS_HEIGHT},
             text);
    svg_frame(&frame, chart->x_name, chart->y_name, text);
    add_labels(chart, &frame, x, text);
    for (int i = 0; i < chart->count; i++)
        if (!isnan(x[i])) add_point(chart, &frame, i, x[i], text);
    svg_close(text);
    free(x);
}
