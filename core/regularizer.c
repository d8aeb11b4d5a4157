#include "core/regularizer.h"

#include <math.h>

#define FACTOR(name, value)                                                                                            \
    {                                                                                                                  \
        .key = #name, .type = FIELD_NUMBER, .offset = offsetof(struct l1_l2, name), .fallback = value, .minimum = 0,   \
        .maximum = 1e300, .help = "factor of the penalty"                                                              \
    }

static const struct field l1_fields[] = {FACTOR(l1, "0.01"), {0}};
static const struct field l2_fields[] = {FACTOR(l2, "0.01"), {0}};
static const struct field l1_l2_fields[] = {FACTOR(l1, "0.0"), FACTOR(l2, "0.0"), {0}};

static const struct component_kind l1_kind = {
    .name = "L1", .alias = "l1", .summary = "l1 * sum of |w|", .fields = l1_fields, .size = sizeof(struct l1_l2)};
static const struct component_kind l2_kind = {
    .name = "L2", .alias = "l2", .summary = "l2 * sum of w^2", .fields = l2_fields, .size = sizeof(struct l1_l2)};
static const struct component_kind l1_l2_kind = {.name = "L1L2",
                                                 .alias = "l1_l2",
                                                 .summary = "l1 * sum of |w| + l2 * sum of w^2",
                                                 .fields = l1_l2_fields,
                                                 .size = sizeof(struct l1_l2)};

static const struct component_kind *const kinds[] = {&l1_kind, &l2_kind, &l1_l2_kind, NULL};

const struct component_registry regularizer_registry = {.what = "regularizer", .kinds = kinds, .untyped = &l1_l2_kind};

enum { LANES = 8 };

/* Lane i % LANES sums every LANES-th weight: a fixed order that vectorizes. */
static inline void add_magnitudes(const float *weights, size_t count, double *absolute, double *squares) {
    for (size_t lane = 0; lane < count; lane++) {
        absolute[lane] += fabs((double)weights[lane]);
        squares[lane] += (double)weights[lane] * (double)weights[lane];
    }
}

static double sum_of_lanes(const double *lanes) {
    double sum = 0;
    for (size_t lane = 0; lane < LANES; lane++) sum += lanes[lane];
    return sum;
}

double regularizer_penalty(const struct component *regularizer, const float *weights, size_t count) {
    if (!regularizer->kind) return 0;
    const struct l1_l2 *factors = regularizer->config;
    double absolute[LANES] = {0}, squares[LANES] = {0};
    for (size_t i = 0; i + LANES <= count; i += LANES) add_magnitudes(weights + i, LANES, absolute, squares);
    add_magnitudes(weights + count - count % LANES, count % LANES, absolute, squares);
    return factors->l1 * sum_of_lanes(absolute) + factors->l2 * sum_of_lanes(squares);
}

void regularizer_gradient(const struct component *regularizer, double scale, const float *weights, float *gradient,
                          size_t count) {
    if (!regularizer->kind) return;
    const struct l1_l2 *factors = regularizer->config;
    const float l1 = (float)(scale * factors->l1), twice_l2 = (float)(scale * 2 * factors->l2);
    for (size_t i = 0; i < count; i++) {
        float sign = (float)((weights[i] > 0) - (weights[i] < 0));
        gradient[i] += l1 * sign + twice_l2 * weights[i];
    }
}
