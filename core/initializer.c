#include "core/initializer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "core/initializer_kind.h"

static size_t count_of(const struct shape *shape) {
    size_t count = 0;
    bool fits = shape_elements(shape, &count);
    assert(fits);
    return fits ? count : 0;
}

/* ---- one number everywhere ---- */

static int fill_with(const struct shape *shape, float value, float *values) {
    for (size_t i = 0, count = count_of(shape); i < count; i++) values[i] = value;
    return 0;
}

static int fill_zeros(const void *config, const struct shape *shape, struct rng rng, float *values,
                      struct error *error) {
    (void)config, (void)rng, (void)error;
    return fill_with(shape, 0, values);
}

static int fill_ones(const void *config, const struct shape *shape, struct rng rng, float *values,
                     struct error *error) {
    (void)config, (void)rng, (void)error;
    return fill_with(shape, 1, values);
}

struct constant {
    double value;
};

static int fill_constant(const void *config, const struct shape *shape, struct rng rng, float *values,
                         struct error *error) {
    (void)rng, (void)error;
    return fill_with(shape, (float)((const struct constant *)config)->value, values);
}

/* ---- random numbers ---- */

static float truncated_normal(struct rng *rng) {
    float value = rng_normal(rng);
    while (fabsf(value) > 2) value = rng_normal(rng);
    return value;
}

static void fill_uniform(double minimum, double maximum, size_t count, struct rng rng, float *values) {
    for (size_t i = 0; i < count; i++) values[i] = (float)(minimum + (maximum - minimum) * (double)rng_uniform(&rng));
}

static void fill_truncated(double mean, double deviation, size_t count, struct rng rng, float *values) {
    for (size_t i = 0; i < count; i++) values[i] = (float)(mean + deviation * (double)truncated_normal(&rng));
}

struct normal {
    double mean, stddev;
};

static int fill_random_normal(const void *config, const struct shape *shape, struct rng rng, float *values,
                              struct error *error) {
    (void)error;
    const struct normal *normal = config;
    for (size_t i = 0, count = count_of(shape); i < count; i++)
        values[i] = (float)(normal->mean + normal->stddev * (double)rng_normal(&rng));
    return 0;
}

static int fill_truncated_normal(const void *config, const struct shape *shape, struct rng rng, float *values,
                                 struct error *error) {
    (void)error;
    const struct normal *normal = config;
    fill_truncated(normal->mean, normal->stddev, count_of(shape), rng, values);
    return 0;
}

struct interval {
    double minval, maxval;
};

static int fill_random_uniform(const void *config, const struct shape *shape, struct rng rng, float *values,
                               struct error *error) {
    (void)error;
    const struct interval *interval = config;
    fill_uniform(interval->minval, interval->maxval, count_of(shape), rng, values);
    return 0;
}

static int check_interval(const void *config, const struct place *place, struct error *error) {
    const struct interval *interval = config;
    if (interval->minval <= interval->maxval) return 0;
    return place_error(place, error, "minval %g is above maxval %g; swap them", interval->minval, interval->maxval);
}

/* ---- variance scaling ---- */

enum fan_mode { FAN_IN, FAN_OUT, FAN_AVERAGE };
enum distribution { TRUNCATED, UNTRUNCATED, UNIFORM };

static const char *const mode_names[] = {"fan_in", "fan_out", "fan_avg", NULL};
static const char *const distribution_names[] = {"truncated_normal", "untruncated_normal", "uniform", NULL};

struct scaling {
    double scale;
    int mode, distribution;
};

static double fan_of(const struct shape *shape, int mode) {
    double receptive = 1;
    for (int i = 0; i + 2 < shape->rank; i++) receptive *= shape->size[i];
    double last = shape->rank ? shape->size[shape->rank - 1] : 1;
    double in = receptive * (shape->rank > 1 ? shape->size[shape->rank - 2] : last), out = receptive * last;
    return mode == FAN_IN ? in : mode == FAN_OUT ? out : (in + out) / 2;
}

/* Values of variance scale/fan. A normal cut off at two deviations keeps only 0.87962566103423978 of its deviation,
 * so it starts that much wider. */
static int fill_scaled(const void *config, const struct shape *shape, struct rng rng, float *values,
                       struct error *error) {
    (void)error;
    const struct scaling *scaling = config;
    double variance = scaling->scale / fmax(1, fan_of(shape, scaling->mode)), limit = sqrt(3 * variance);
    struct normal normal = {0, sqrt(variance)};
    if (scaling->distribution == UNTRUNCATED) return fill_random_normal(&normal, shape, rng, values, error);
    if (scaling->distribution == UNIFORM)
        fill_uniform(-limit, limit, count_of(shape), rng, values);
    else
        fill_truncated(0, normal.stddev / 0.87962566103423978, count_of(shape), rng, values);
    return 0;
}

#define SCALED(function, scale, mode, distribution)                                                                    \
    static int function(const void *config, const struct shape *shape, struct rng rng, float *values,                  \
                        struct error *error) {                                                                         \
        (void)config;                                                                                                  \
        return fill_scaled(&(struct scaling){scale, mode, distribution}, shape, rng, values, error);                   \
    }

SCALED(fill_glorot_uniform, 1, FAN_AVERAGE, UNIFORM)
SCALED(fill_glorot_normal, 1, FAN_AVERAGE, TRUNCATED)
SCALED(fill_he_uniform, 2, FAN_IN, UNIFORM)
SCALED(fill_he_normal, 2, FAN_IN, TRUNCATED)
SCALED(fill_lecun_uniform, 1, FAN_IN, UNIFORM)
SCALED(fill_lecun_normal, 1, FAN_IN, TRUNCATED)

/* ---- orthogonal ---- */

struct orthogonal {
    double gain;
};

static double dot(const double *a, const double *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

/* Makes `vectors` (count, length), count <= length, orthonormal by Gram and Schmidt, each vector cleared of the
 * earlier ones twice so that rounding does not build up. */
static void orthonormalize(double *vectors, size_t count, size_t length) {
    for (size_t i = 0; i < count; i++) {
        double *vector = vectors + i * length;
        for (int round = 0; round < 2; round++)
            for (size_t j = 0; j < i; j++) {
                const double *earlier = vectors + j * length;
                double share = dot(vector, earlier, length);
                for (size_t k = 0; k < length; k++) vector[k] -= share * earlier[k];
            }
        double norm = sqrt(dot(vector, vector, length));
        for (size_t k = 0; k < length; k++) vector[k] /= norm;
    }
}

static int fits_orthogonal(const void *config, const struct shape *shape, const struct place *place,
                           struct error *error) {
    (void)config;
    if (shape->rank >= 2) return 0;
    return place_error(place, error, "Orthogonal needs a tensor of two or more axes; use another initializer here");
}

/* The tensor as a matrix (all axes but the last, the last): orthonormal along the shorter side. */
static int fill_orthogonal(const void *config, const struct shape *shape, struct rng rng, float *values,
                           struct error *error) {
    double gain = ((const struct orthogonal *)config)->gain;
    size_t total = count_of(shape), columns = (size_t)shape->size[shape->rank - 1], rows = total / columns;
    bool tall = rows >= columns;
    size_t count = tall ? columns : rows, length = tall ? rows : columns;
    double *vectors = memory_allocate(total, sizeof *vectors, "an orthogonal initializer", error);
    if (!vectors) return -1;
    for (size_t i = 0; i < total; i++) vectors[i] = (double)rng_normal(&rng);
    orthonormalize(vectors, count, length);
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            values[row * columns + column] =
                (float)(gain * vectors[tall ? column * length + row : row * length + column]);
    free(vectors);
    return 0;
}

/* ---- tables ---- */

#define NUMBER(kind, name, value, from, text)                                                                          \
    {                                                                                                                  \
        .key = #name, .type = FIELD_NUMBER, .offset = offsetof(struct kind, name), .fallback = value, .minimum = from, \
        .maximum = 1e300, .help = text                                                                                 \
    }

static const struct field constant_fields[] = {NUMBER(constant, value, "0.0", -1e300, "the value"), {0}};
static const struct field normal_fields[] = {
    NUMBER(normal, mean, "0.0", -1e300, "mean"), NUMBER(normal, stddev, "0.05", 0, "standard deviation"), {0}};
static const struct field interval_fields[] = {
    NUMBER(interval, minval, "-0.05", -1e300, "lower end"), NUMBER(interval, maxval, "0.05", -1e300, "upper end"), {0}};
static const struct field orthogonal_fields[] = {NUMBER(orthogonal, gain, "1.0", -1e300, "factor"), {0}};
static const struct field scaling_fields[] = {
    NUMBER(scaling, scale, "1.0", 1e-300, "the variance is scale / fan"),
    {.key = "mode",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct scaling, mode),
     .fallback = "\"fan_in\"",
     .choices = mode_names,
     .help = "which connections are counted"},
    {.key = "distribution",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct scaling, distribution),
     .fallback = "\"truncated_normal\"",
     .choices = distribution_names,
     .help = "what the values are drawn from"},
    {0},
};

static const struct initializer_kind
    glorot_uniform = {.component = {.name = "GlorotUniform",
                                    .alias = "glorot_uniform",
                                    .summary = "uniform in +-sqrt(6 / (fan_in + fan_out))"},
                      .fill = fill_glorot_uniform},
    glorot_normal = {.component = {.name = "GlorotNormal",
                                   .alias = "glorot_normal",
                                   .summary = "truncated normal of variance 2 / (fan_in + fan_out)"},
                     .fill = fill_glorot_normal},
    he_normal = {.component = {.name = "HeNormal",
                               .alias = "he_normal",
                               .summary = "truncated normal of variance 2 / fan_in"},
                 .fill = fill_he_normal},
    he_uniform = {.component = {.name = "HeUniform", .alias = "he_uniform", .summary = "uniform in +-sqrt(6 / fan_in)"},
                  .fill = fill_he_uniform},
    lecun_normal = {.component = {.name = "LecunNormal",
                                  .alias = "lecun_normal",
                                  .summary = "truncated normal of variance 1 / fan_in"},
                    .fill = fill_lecun_normal},
    lecun_uniform = {.component = {.name = "LecunUniform",
                                   .alias = "lecun_uniform",
                                   .summary = "uniform in +-sqrt(3 / fan_in)"},
                     .fill = fill_lecun_uniform},
    variance_scaling = {.component = {.name = "VarianceScaling",
                                      .alias = "variance_scaling",
                                      .summary = "values of variance scale / fan",
                                      .fields = scaling_fields,
                                      .size = sizeof(struct scaling)},
                        .fill = fill_scaled},
    random_normal = {.component = {.name = "RandomNormal",
                                   .alias = "random_normal",
                                   .summary = "normal",
                                   .fields = normal_fields,
                                   .size = sizeof(struct normal)},
                     .fill = fill_random_normal},
    random_uniform = {.component = {.name = "RandomUniform",
                                    .alias = "random_uniform",
                                    .summary = "uniform",
                                    .fields = interval_fields,
                                    .size = sizeof(struct interval),
                                    .check = check_interval},
                      .fill = fill_random_uniform},
    truncated = {.component = {.name = "TruncatedNormal",
                               .alias = "truncated_normal",
                               .summary = "normal, drawn again beyond two standard deviations",
                               .fields = normal_fields,
                               .size = sizeof(struct normal)},
                 .fill = fill_truncated_normal},
    orthogonal = {.component = {.name = "Orthogonal",
                                .alias = "orthogonal",
                                .summary = "a random orthogonal matrix",
                                .fields = orthogonal_fields,
                                .size = sizeof(struct orthogonal)},
                  .fill = fill_orthogonal,
                  .fits = fits_orthogonal},
    zeros = {.component = {.name = "Zeros", .alias = "zeros", .summary = "0 everywhere"}, .fill = fill_zeros},
    ones = {.component = {.name = "Ones", .alias = "ones", .summary = "1 everywhere"}, .fill = fill_ones},
    constant = {.component = {.name = "Constant",
                              .alias = "constant",
                              .summary = "one value everywhere",
                              .fields = constant_fields,
                              .size = sizeof(struct constant)},
                .fill = fill_constant};

static const struct component_kind *const kinds[] = {
    &glorot_uniform.component, &glorot_normal.component, &he_normal.component,         &he_uniform.component,
    &lecun_normal.component,   &lecun_uniform.component, &random_normal.component,     &random_uniform.component,
    &truncated.component,      &orthogonal.component,    &variance_scaling.component,  &zeros.component,
    &ones.component,           &constant.component,      &initializer_fixed.component, NULL,
};

const struct component_registry initializer_registry = {.what = "initializer", .kinds = kinds};

int initializer_fill(const struct component *initializer, const struct shape *shape, struct rng rng, float *values,
                     struct error *error) {
    const struct initializer_kind *kind = (const struct initializer_kind *)(const void *)initializer->kind;
    return kind->fill(initializer->config, shape, rng, values, error);
}

int initializer_check(const struct component *initializer, const struct shape *shape, const struct place *place,
                      struct error *error) {
    const struct initializer_kind *kind = (const struct initializer_kind *)(const void *)initializer->kind;
    return kind->fits ? kind->fits(initializer->config, shape, place, error) : 0;
}
