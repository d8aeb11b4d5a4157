/* Axes with ends and ticks on round numbers. */
#include <math.h>
#include <stdio.h>

#include "core/report/svg.h"

enum { STEPS_WANTED = 5 };

/* The least of 1, 2, 2.5, 5 and 10 times a power of ten that is `least` or more. */
static double round_step(double least) {
    static const double factors[] = {1, 2, 2.5, 5};
    double power = pow(10, floor(log10(least)));
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        if (factors[i] * power >= least * (1 - 1e-9)) return factors[i] * power;
    return 10 * power;
}

/* Digits behind the point that tell multiples of `step` apart. */
static int decimals_of(double step) {
    for (int decimals = 0; decimals < 9; decimals++) {
        double scaled = step * pow(10, decimals);
        if (fabs(scaled - round(scaled)) < 1e-6 * scaled) return decimals;
    }
    return 9;
}

/* Neither NaN nor without width nor the wrong way round. */
static void make_proper(double *low, double *high, enum svg_unit unit) {
    if (!isfinite(*low)) *low = isfinite(*high) ? *high : 0;
    if (!isfinite(*high)) *high = *low;
    if (!isfinite(*high - *low)) {
        *low = 0;
        *high = 1;
    }
    if (*low > *high) {
        double swapped = *low;
        *low = *high;
        *high = swapped;
    }
    double least = unit == SVG_PERCENT ? 0.01 : unit == SVG_EPOCH ? 0.5 : 1e-6 * fmax(fabs(*low), fabs(*high));
    if (*high - *low > least) return;
    double around = unit == SVG_PERCENT ? 0.05 : unit == SVG_EPOCH ? 1 : 0.1 * fabs(*low) + (*low == 0);
    *low -= around;
    *high += around;
}

static void add_ticks(struct svg_axis *axis, double step) {
    double first = ceil(axis->low / step - 1e-6);
    for (int i = 0; i < SVG_TICKS_MAX; i++) {
        double value = (first + i) * step;
        if (value > axis->high + 1e-6 * step) return;
        axis->ticks[axis->tick_count++] = value;
    }
}

struct svg_axis svg_axis(double low, double high, enum svg_unit unit) {
    struct svg_axis axis = {.unit = unit};
    make_proper(&low, &high, unit);
    double step = round_step((high - low) / STEPS_WANTED);
    if (unit == SVG_EPOCH) step = ceil(step);
    /* Epochs end where they end; other values at the next round number. */
    axis.low = unit == SVG_EPOCH ? fmax(low, 0) : floor(low / step + 1e-6) * step;
    axis.high = unit == SVG_EPOCH ? high : ceil(high / step - 1e-6) * step;
    if (unit == SVG_PERCENT) {
        axis.low = fmax(axis.low, 0);
        axis.high = fmin(axis.high, 1);
    }
    axis.decimals = decimals_of(unit == SVG_PERCENT ? 100 * step : step);
    add_ticks(&axis, step);
    return axis;
}

struct svg_axis svg_axis_logarithmic(double low, double high, enum svg_unit unit) {
    static const double factors[] = {1, 2, 5};
    if (!(low > 0) || !(high > 0) || !isfinite(low) || !isfinite(high)) return svg_axis(low, high, unit);
    struct svg_axis axis = {.low = fmin(low, high) / 1.3, .high = fmax(low, high) * 1.3, .logarithmic = true};
    axis.unit = unit;
    bool all = axis.high / axis.low < 200; /* else powers of ten alone */
    double power = pow(10, floor(log10(axis.low)));
    while (power <= axis.high) {
        for (int i = 0; i < (all ? 3 : 1); i++) {
            double value = factors[i] * power;
            if (value < axis.low || value > axis.high || axis.tick_count == SVG_TICKS_MAX) continue;
            axis.ticks[axis.tick_count++] = value;
        }
        power *= 10;
    }
    return axis;
}

double svg_axis_share(const struct svg_axis *axis, double value) {
    if (axis->logarithmic) return log(value / axis->low) / log(axis->high / axis->low);
    return (value - axis->low) / (axis->high - axis->low);
}

static const char *count_label(double value, char *buffer) {
    static const char *const units[] = {"", "k", "M", "G", "T", "P"};
    size_t unit = 0;
    for (; fabs(value) >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++) value /= 1000;
    snprintf(buffer, SVG_TICK_SIZE, "%.4g%s", value, units[unit]);
    return buffer;
}

const char *svg_axis_label(const struct svg_axis *axis, double value, char buffer[SVG_TICK_SIZE]) {
    if (axis->unit == SVG_COUNT) return count_label(value, buffer);
    if (axis->unit == SVG_PERCENT)
        snprintf(buffer, SVG_TICK_SIZE, "%.*f %%", axis->decimals, 100 * value);
    else if (axis->logarithmic || fabs(axis->high) >= 1e6 || axis->decimals > 3)
        snprintf(buffer, SVG_TICK_SIZE, "%.3g", value);
    else
        snprintf(buffer, SVG_TICK_SIZE, "%.*f", axis->decimals, value == 0 ? 0 : value);
    return buffer;
}
