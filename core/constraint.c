#include "core/constraint.h"

#include <math.h>

/* All kinds share one struct; a kind without one of the fields leaves it 0. */
struct bounds {
    struct int_list axis;
    double minimum, maximum, rate;
};

struct constraint_kind {
    struct component_kind component;
    double (*wanted)(const struct bounds *bounds, double norm); /* the norm instead of `norm`; NULL: not by norms */
};

#define FIELD_AXIS                                                                                                     \
    {                                                                                                                  \
        .key = "axis", .type = FIELD_INTS, .offset = offsetof(struct bounds, axis), .single = true, .fallback = "0",   \
        .minimum = -SHAPE_RANK_MAX, .maximum = SHAPE_RANK_MAX - 1,                                                     \
        .help = "axes along which a norm is taken: 0 for Dense, [0, 1, 2] for each filter of Conv2D"                   \
    }
#define FIELD_NORM(name, member, value, text)                                                                          \
    {                                                                                                                  \
        .key = name, .type = FIELD_NUMBER, .offset = offsetof(struct bounds, member), .fallback = value, .minimum = 0, \
        .maximum = 1e300, .help = text                                                                                 \
    }

static const struct field max_norm_fields[] = {
    FIELD_NORM("max_value", maximum, "2", "the largest norm"), FIELD_AXIS, {0}};
static const struct field min_max_norm_fields[] = {FIELD_NORM("min_value", minimum, "0.0", "the smallest norm"),
                                                   FIELD_NORM("max_value", maximum, "1.0", "the largest norm"),
                                                   {.key = "rate",
                                                    .type = FIELD_NUMBER,
                                                    .offset = offsetof(struct bounds, rate),
                                                    .fallback = "1.0",
                                                    .minimum = 0,
                                                    .maximum = 1,
                                                    .help = "share of the way there that is gone in a step"},
                                                   FIELD_AXIS,
                                                   {0}};
static const struct field unit_norm_fields[] = {FIELD_AXIS, {0}};

static double clip(double norm, double minimum, double maximum) {
    if (norm < minimum) return minimum;
    return norm > maximum ? maximum : norm;
}

static double max_norm(const struct bounds *bounds, double norm) {
    return clip(norm, 0, bounds->maximum);
}

static double min_max_norm(const struct bounds *bounds, double norm) {
    return bounds->rate * clip(norm, bounds->minimum, bounds->maximum) + (1 - bounds->rate) * norm;
}

static double unit_norm(const struct bounds *bounds, double norm) {
    (void)bounds, (void)norm;
    return 1;
}

static const struct constraint_kind max_norm_kind = {.component = {.name = "MaxNorm",
                                                                   .alias = "max_norm",
                                                                   .summary = "norms of at most max_value",
                                                                   .fields = max_norm_fields,
                                                                   .size = sizeof(struct bounds)},
                                                     .wanted = max_norm};
static const struct constraint_kind min_max_norm_kind = {.component = {.name = "MinMaxNorm",
                                                                       .alias = "min_max_norm",
                                                                       .summary = "norms from min_value to max_value",
                                                                       .fields = min_max_norm_fields,
                                                                       .size = sizeof(struct bounds)},
                                                         .wanted = min_max_norm};
static const struct constraint_kind unit_norm_kind = {.component = {.name = "UnitNorm",
                                                                    .alias = "unit_norm",
                                                                    .summary = "norms of 1",
                                                                    .fields = unit_norm_fields,
                                                                    .size = sizeof(struct bounds)},
                                                      .wanted = unit_norm};
static const struct constraint_kind non_neg_kind = {
    .component = {
        .name = "NonNeg", .alias = "non_neg", .summary = "weights below 0 become 0", .size = sizeof(struct bounds)}};

static const struct component_kind *const kinds[] = {&max_norm_kind.component, &min_max_norm_kind.component,
                                                     &unit_norm_kind.component, &non_neg_kind.component, NULL};

const struct component_registry constraint_registry = {.what = "constraint", .kinds = kinds};

static const struct constraint_kind *kind_of(const struct component *constraint) {
    return (const struct constraint_kind *)(const void *)constraint->kind; /* its first member */
}

int constraint_check(const struct component *constraint, const char *name, const struct shape *shape,
                     const struct place *place, struct error *error) {
    if (!constraint->kind || !kind_of(constraint)->wanted) return 0;
    const struct bounds *bounds = constraint->config;
    char text[SHAPE_TEXT_SIZE];
    for (int i = 0; i < bounds->axis.count; i++)
        if (bounds->axis.values[i] < -shape->rank || bounds->axis.values[i] >= shape->rank)
            return place_error(place, error, "the %s of %s has axis %d, but %s has the shape %s; give it %d to %d",
                               constraint->kind->name, name, bounds->axis.values[i], name,
                               shape_text(shape, text, sizeof text), -shape->rank, shape->rank - 1);
    return 0;
}

/* ---- norms ---- */

enum { COLUMNS = 64 }; /* norms taken at a time */
static const double epsilon = 1e-7;

/* Weights as (a,b,c,d), in front axes of length 1 where they have fewer; the norms are those of all cells that differ
 * along summed axes only. */
struct weights {
    int size[SHAPE_RANK_MAX];
    bool summed[SHAPE_RANK_MAX];
    float *values;
};

/* One norm, or up to COLUMNS that lie side by side along the last axis. */
struct group {
    int at[SHAPE_RANK_MAX]; /* along the axes that are not summed; of the last one, the first column */
    int columns;            /* of a row that belong to it: each to a norm of its own, or all to the one */
    bool apart;
};

static struct weights weights_of(const struct bounds *bounds, const struct shape *shape, float *values) {
    struct weights weights = {.size = {1, 1, 1, 1}, .summed = {true, true, true, true}, .values = values};
    const int front = SHAPE_RANK_MAX - shape->rank;
    for (int i = 0; i < shape->rank; i++) {
        weights.size[front + i] = shape->size[i];
        weights.summed[front + i] = false;
    }
    for (int i = 0; i < bounds->axis.count; i++) {
        const int axis = bounds->axis.values[i];
        weights.summed[axis < 0 ? SHAPE_RANK_MAX + axis : front + axis] = true;
    }
    return weights;
}

/* Calls visit(row, group, norms) for each row of the group's weights, in order. */
static void each_row(const struct weights *weights, const struct group *group,
                     void (*visit)(float *row, const struct group *group, double *norms), double *norms) {
    const int *size = weights->size;
    int from[3], to[3];
    for (int axis = 0; axis < 3; axis++) {
        from[axis] = weights->summed[axis] ? 0 : group->at[axis];
        to[axis] = weights->summed[axis] ? size[axis] : group->at[axis] + 1;
    }
    for (int a = from[0]; a < to[0]; a++)
        for (int b = from[1]; b < to[1]; b++)
            for (int c = from[2]; c < to[2]; c++) {
                const size_t row = ((size_t)a * (size_t)size[1] + (size_t)b) * (size_t)size[2] + (size_t)c;
                visit(weights->values + row * (size_t)size[3] + group->at[3], group, norms);
            }
}

static void add_squares(float *row, const struct group *group, double *norms) {
    for (int i = 0; i < group->columns; i++) norms[group->apart ? i : 0] += (double)row[i] * (double)row[i];
}

static void scale(float *row, const struct group *group, double *factors) {
    for (int i = 0; i < group->columns; i++) row[i] *= (float)factors[group->apart ? i : 0];
}

static void constrain_group(const struct component *constraint, const struct weights *weights,
                            const struct group *group) {
    double norms[COLUMNS] = {0};
    each_row(weights, group, add_squares, norms);
    for (int i = 0; i < (group->apart ? group->columns : 1); i++) {
        const double norm = sqrt(norms[i]);
        norms[i] = kind_of(constraint)->wanted(constraint->config, norm) / (epsilon + norm);
    }
    each_row(weights, group, scale, norms);
}

/* The groups whose first axes stand at a, b, c. */
static void constrain_columns(const struct component *constraint, const struct weights *weights, int a, int b, int c) {
    const int columns = weights->size[3];
    struct group group = {.at = {a, b, c, 0}, .columns = columns, .apart = !weights->summed[3]};
    if (!group.apart) {
        constrain_group(constraint, weights, &group);
        return;
    }
    for (int column = 0; column < columns; column += COLUMNS) {
        group.at[3] = column;
        group.columns = columns - column < COLUMNS ? columns - column : COLUMNS;
        constrain_group(constraint, weights, &group);
    }
}

static void constrain_norms(const struct component *constraint, const struct weights *weights) {
    int count[3];
    for (int axis = 0; axis < 3; axis++) count[axis] = weights->summed[axis] ? 1 : weights->size[axis];
    for (int a = 0; a < count[0]; a++)
        for (int b = 0; b < count[1]; b++)
            for (int c = 0; c < count[2]; c++) constrain_columns(constraint, weights, a, b, c);
}

void constraint_apply(const struct component *constraint, const struct shape *shape, float *weights) {
    size_t count = 0;
    if (!constraint->kind || !shape_elements(shape, &count)) return;
    if (kind_of(constraint)->wanted) {
        const struct weights all = weights_of(constraint->config, shape, weights);
        constrain_norms(constraint, &all);
        return;
    }
    for (size_t i = 0; i < count; i++) weights[i] = weights[i] < 0 ? 0 : weights[i];
}
