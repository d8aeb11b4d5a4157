/* BatchNormalization (Ioffe and Szegedy 2015): every channel is brought to mean 0 and variance 1 over the whole batch,
 * then scaled and shifted by learned numbers. At inference moving averages stand for the batch's mean and variance.
 *
 * x (n,...,c)  gamma, beta, moving_mean, moving_variance (c)  y (n,...,c)
 * xhat = (x - mean) / sqrt(variance + epsilon)  y = gamma * xhat + beta
 *
 * A batch is several shards. Each contributes its images, means and sums of squared deviations, which are put together
 * without cancellation by Chan, Golub and LeVeque 1979; the backward pass needs the sums of dy and dy*xhat likewise. */
#include <math.h>
#include <string.h>

#include "core/graph.h"
#include "layers/parts.h"

struct batch_normalization {
    struct layer_common common;
    struct int_list axis;
    double momentum, epsilon;
    bool center, scale;
    struct component beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer,
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint;
};

static const struct field fields[] = {
    {FIELD_AT(batch_normalization, axis), .type = FIELD_INTS, .single = true, .fallback = "-1",
     .minimum = -SHAPE_RANK_MAX, .maximum = SHAPE_RANK_MAX, .help = "the axis of the channels: -1, the last one"},
    {FIELD_AT(batch_normalization, momentum), .type = FIELD_NUMBER, .fallback = "0.99", .minimum = 0, .maximum = 1,
     .help = "share of the old moving average that a step keeps"},
    {FIELD_AT(batch_normalization, epsilon), .type = FIELD_NUMBER, .fallback = "0.001", .minimum = 0, .maximum = 1e300,
     .above = true, .help = "added to the variance"},
    {FIELD_AT(batch_normalization, center), .type = FIELD_BOOL, .fallback = "true", .help = "add a learned beta"},
    {FIELD_AT(batch_normalization, scale), .type = FIELD_BOOL, .fallback = "true",
     .help = "multiply by a learned gamma"},
    FIELD_INITIALIZER(batch_normalization, beta_initializer, "zeros"),
    FIELD_INITIALIZER(batch_normalization, gamma_initializer, "ones"),
    FIELD_INITIALIZER(batch_normalization, moving_mean_initializer, "zeros"),
    FIELD_INITIALIZER(batch_normalization, moving_variance_initializer, "ones"),
    FIELD_REGULARIZER(batch_normalization, beta_regularizer),
    FIELD_REGULARIZER(batch_normalization, gamma_regularizer),
    FIELD_CONSTRAINT(batch_normalization, beta_constraint),
    FIELD_CONSTRAINT(batch_normalization, gamma_constraint),
    {0},
};

static int declare(struct layer *layer, int channels, const struct place *place, struct error *error) {
    const struct batch_normalization *config = layer->config;
    const struct shape shape = {1, {channels}};
    const struct {
        const char *name;
        const struct component *initializer, *regularizer, *constraint;
        bool wanted, trainable;
    } wanted[] = {
        {"gamma", &config->gamma_initializer, &config->gamma_regularizer, &config->gamma_constraint, config->scale,
         true},
        {"beta", &config->beta_initializer, &config->beta_regularizer, &config->beta_constraint, config->center, true},
        {"moving_mean", &config->moving_mean_initializer, NULL, NULL, true, false},
        {"moving_variance", &config->moving_variance_initializer, NULL, NULL, true, false},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (!wanted[i].wanted) continue;
        struct parameter *parameter = layer_declare(layer, wanted[i].name, shape, wanted[i].initializer, place, error);
        if (!parameter) return -1;
        parameter->trainable = wanted[i].trainable;
        if (wanted[i].regularizer) parameter->regularizer = *wanted[i].regularizer;
        if (wanted[i].constraint) parameter->constraint = *wanted[i].constraint;
    }
    return 0;
}

/* Positions of the parameters; -1 for one that the config leaves out. */
struct positions {
    int gamma, beta, moving_mean, moving_variance;
};

static struct positions positions_of(const struct batch_normalization *config) {
    const int learned = config->scale + config->center;
    return (struct positions){config->scale ? 0 : -1, config->center ? learned - 1 : -1, learned, learned + 1};
}

/* What all shards share: forward leaves the first two for backward. */
struct shared {
    float *mean, *inverse; /* (c) of the batch; inverse = 1 / sqrt(variance + epsilon) */
    float *mean_dy, *mean_dy_xhat;
};

static struct shared shared_of(const struct pass *pass, int channels) {
    float *at = pass->shared;
    return (struct shared){at, at + channels, at + 2 * (ptrdiff_t)channels, at + 3 * (ptrdiff_t)channels};
}

/* A shard's contribution: its number of images, and two numbers a channel. */
struct partial {
    float *images, *first, *second;
};

static struct partial partial_at(float *partials, int shard, int channels) {
    float *at = partials + (ptrdiff_t)shard * (1 + 2 * (ptrdiff_t)channels);
    return (struct partial){at, at + 1, at + 1 + channels};
}

/* Work space: sums of one image in float, of the shard in double; or two factors a channel. */
struct work {
    float *sums[2];
    double *totals[2];
};

static struct work work_take(struct pieces *pieces, int channels) {
    struct work work;
    for (int i = 0; i < 2; i++) {
        work.sums[i] = pieces_take(pieces, (size_t)channels, sizeof(float));
        work.totals[i] = pieces_take(pieces, (size_t)channels, sizeof(double));
    }
    return work;
}

static struct work work_of(const struct pass *pass, int channels) {
    return work_take(&(struct pieces){.memory = pass->scratch}, channels);
}

static int channels_of(const struct layer *layer) {
    return layer->input.size[layer->input.rank - 1];
}

static int pixels_of(const struct layer *layer) {
    return (int)(elements_of(&layer->input) / (size_t)channels_of(layer));
}

static int check_axis(const struct layer *layer, const struct place *place, struct error *error) {
    const struct int_list *axis = &((const struct batch_normalization *)layer->config)->axis;
    const struct place at_axis = place_key(place, "axis");
    const int rank = layer->input.rank;
    if (axis->count == 1 && (axis->values[0] == -1 || axis->values[0] == rank)) return 0;
    return place_error(&at_axis, error, "must be the last axis of the input, -1 or %d", rank);
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const int channels = channels_of(layer);
    struct pieces pieces = {0};
    if (check_axis(layer, place, error) != 0 || declare(layer, channels, place, error) != 0) return -1;
    work_take(&pieces, channels);
    layer->output = layer->input;
    layer->scratch_bytes = pieces.used;
    layer->partial_floats = 1 + 2 * (size_t)channels;
    layer->shared_floats = 4 * (size_t)channels;
    layer->multiplications = (double)elements_of(&layer->input);
    return 0;
}

/* ---- sums over a shard ---- */

static void clear(struct work *work, int channels) {
    for (int i = 0; i < 2; i++) memset(work->totals[i], 0, (size_t)channels * sizeof(double));
}

static void clear_image(struct work *work, int channels) {
    for (int i = 0; i < 2; i++) memset(work->sums[i], 0, (size_t)channels * sizeof(float));
}

static void add_image(struct work *work, int channels) {
    for (int i = 0; i < 2; i++)
        for (int v = 0; v < channels; v++) work->totals[i][v] += (double)work->sums[i][v];
}

/* ---- forward ---- */

/* means (c) of a shard */
static void shard_means(const struct layer *layer, const struct pass *pass, struct work *work, float *means) {
    const int channels = channels_of(layer), pixels = pixels_of(layer);
    const size_t input = elements_of(&layer->input);
    clear(work, channels);
    for (int n = 0; n < pass->images; n++) {
        clear_image(work, channels);
        pass->kernels->column_sums(pixels, channels, pass->x + (size_t)n * input, work->sums[0]);
        add_image(work, channels);
    }
    for (int v = 0; v < channels; v++) means[v] = (float)(work->totals[0][v] / ((double)pass->images * pixels));
}

/* The first number of a channel is its mean, the second the sum of squared deviations from it. */
static void forward_partial(const struct layer *layer, const struct pass *pass, float *partial) {
    const int channels = channels_of(layer), pixels = pixels_of(layer);
    const struct partial mine = partial_at(partial, 0, channels);
    struct work work = work_of(pass, channels);
    *mine.images = (float)pass->images;
    shard_means(layer, pass, &work, mine.first);

    clear(&work, channels);
    const float *x = pass->x;
    for (int n = 0; n < pass->images; n++) {
        clear_image(&work, channels);
        for (int pixel = 0; pixel < pixels; pixel++, x += channels)
            for (int v = 0; v < channels; v++) {
                float deviation = x[v] - mine.first[v];
                work.sums[0][v] += deviation * deviation;
            }
        add_image(&work, channels);
    }
    for (int v = 0; v < channels; v++) mine.second[v] = (float)work.totals[0][v];
}

/* Count, mean and sum of squared deviations of several shards together. */
struct moments {
    double count, mean, squares;
};

static struct moments combine(struct moments a, struct moments b) {
    const double count = a.count + b.count, difference = b.mean - a.mean;
    return (struct moments){
        .count = count,
        .mean = a.mean + difference * b.count / count,
        .squares = a.squares + b.squares + difference * difference * a.count * b.count / count,
    };
}

static void forward_combine(const struct layer *layer, const struct pass *pass, const float *partials, int shards) {
    const struct batch_normalization *config = layer->config;
    const struct positions positions = positions_of(config);
    const int channels = channels_of(layer), pixels = pixels_of(layer);
    const struct shared shared = shared_of(pass, channels);
    float *moving_mean = pass->parameters[positions.moving_mean];
    float *moving_variance = pass->parameters[positions.moving_variance];
    const double kept = config->momentum;
    for (int v = 0; v < channels; v++) {
        struct moments all = {0};
        for (int shard = 0; shard < shards; shard++) {
            const struct partial partial = partial_at((float *)partials, shard, channels);
            const struct moments one = {(double)*partial.images * pixels, (double)partial.first[v],
                                        (double)partial.second[v]};
            all = shard ? combine(all, one) : one;
        }
        const double variance = all.squares / all.count;
        shared.mean[v] = (float)all.mean;
        shared.inverse[v] = (float)(1 / sqrt(variance + config->epsilon));
        moving_mean[v] = (float)(kept * (double)moving_mean[v] + (1 - kept) * all.mean);
        moving_variance[v] = (float)(kept * (double)moving_variance[v] + (1 - kept) * variance);
    }
}

static float gamma_at(const struct pass *pass, const struct positions *positions, int channel) {
    return positions->gamma >= 0 ? pass->parameters[positions->gamma][channel] : 1;
}

/* Whether mean and variance are those of the batch and not the moving ones. */
static bool is_of_batch(const struct layer *layer, const struct pass *pass) {
    return pass->training && !pass->steady && !layer->frozen;
}

/* Of the batch, or by the moving variance. */
static float inverse_at(const struct layer *layer, const struct pass *pass, int channel) {
    const struct batch_normalization *config = layer->config;
    const int moving_variance = positions_of(config).moving_variance;
    if (is_of_batch(layer, pass)) return shared_of(pass, channels_of(layer)).inverse[channel];
    return (float)(1 / sqrt((double)pass->parameters[moving_variance][channel] + config->epsilon));
}

/* y = (x - mean) * scale + beta, scale = gamma * inverse */
static void forward(const struct layer *layer, const struct pass *pass) {
    const struct batch_normalization *config = layer->config;
    const struct positions positions = positions_of(config);
    const int channels = channels_of(layer), pixels = pixels_of(layer);
    const bool of_batch = is_of_batch(layer, pass);
    const float *mean = of_batch ? shared_of(pass, channels).mean : pass->parameters[positions.moving_mean];
    struct work work = work_of(pass, channels);
    float *scale = work.sums[0], *beta = work.sums[1];
    for (int v = 0; v < channels; v++) {
        scale[v] = gamma_at(pass, &positions, v) * inverse_at(layer, pass, v);
        beta[v] = positions.beta >= 0 ? pass->parameters[positions.beta][v] : 0;
    }
    const float *x = pass->x;
    float *y = pass->y;
    for (size_t row = 0; row < (size_t)pass->images * (size_t)pixels; row++, x += channels, y += channels)
        for (int v = 0; v < channels; v++) y[v] = (x[v] - mean[v]) * scale[v] + beta[v];
}

/* ---- backward ---- */

/* The first number of a channel is the sum of dy, the second the sum of dy * xhat. */
static void backward_partial(const struct layer *layer, const struct pass *pass, float *partial) {
    const int channels = channels_of(layer), pixels = pixels_of(layer);
    const struct partial mine = partial_at(partial, 0, channels);
    const struct shared shared = shared_of(pass, channels);
    struct work work = work_of(pass, channels);
    *mine.images = (float)pass->images;
    clear(&work, channels);
    const float *x = pass->x, *dy = pass->dy;
    for (int n = 0; n < pass->images; n++) {
        clear_image(&work, channels);
        for (int pixel = 0; pixel < pixels; pixel++, x += channels, dy += channels)
            for (int v = 0; v < channels; v++) {
                work.sums[0][v] += dy[v];
                work.sums[1][v] += dy[v] * (x[v] - shared.mean[v]) * shared.inverse[v];
            }
        add_image(&work, channels);
    }
    for (int v = 0; v < channels; v++) {
        mine.first[v] = (float)work.totals[0][v];
        mine.second[v] = (float)work.totals[1][v];
    }
}

static void backward_combine(const struct layer *layer, const struct pass *pass, const float *partials, int shards) {
    const struct positions positions = positions_of(layer->config);
    const int channels = channels_of(layer), pixels = pixels_of(layer);
    const struct shared shared = shared_of(pass, channels);
    float *gamma = positions.gamma >= 0 ? wanted_gradient(pass, positions.gamma) : NULL;
    float *beta = positions.beta >= 0 ? wanted_gradient(pass, positions.beta) : NULL;
    for (int v = 0; v < channels; v++) {
        double count = 0, sum_dy = 0, sum_dy_xhat = 0;
        for (int shard = 0; shard < shards; shard++) {
            const struct partial partial = partial_at((float *)partials, shard, channels);
            count += (double)*partial.images * pixels;
            sum_dy += (double)partial.first[v];
            sum_dy_xhat += (double)partial.second[v];
        }
        shared.mean_dy[v] = (float)(sum_dy / count);
        shared.mean_dy_xhat[v] = (float)(sum_dy_xhat / count);
        if (beta) beta[v] += (float)sum_dy;
        if (gamma) gamma[v] += (float)sum_dy_xhat;
    }
}

/* dx = scale * dy where mean and variance do not depend on x */
static void backward_frozen(const struct layer *layer, const struct pass *pass, const float *scale) {
    const int channels = channels_of(layer);
    const size_t rows = (size_t)pass->images * (size_t)pixels_of(layer);
    const float *dy = pass->dy;
    float *dx = pass->dx;
    for (size_t row = 0; row < rows; row++, dy += channels, dx += channels)
        for (int v = 0; v < channels; v++) dx[v] = scale[v] * dy[v];
}

/* dx = gamma * inverse * (dy - mean(dy) - xhat * mean(dy * xhat)): mean and variance depend on every x, too. */
static void backward(const struct layer *layer, const struct pass *pass) {
    if (!pass->dx) return;
    const struct positions positions = positions_of(layer->config);
    const int channels = channels_of(layer), pixels = pixels_of(layer);
    const struct shared shared = shared_of(pass, channels);
    const struct work work = work_of(pass, channels);
    float *scale = work.sums[0];
    for (int v = 0; v < channels; v++) scale[v] = gamma_at(pass, &positions, v) * inverse_at(layer, pass, v);
    if (!is_of_batch(layer, pass)) {
        backward_frozen(layer, pass, scale);
        return;
    }
    const float *x = pass->x, *dy = pass->dy;
    float *dx = pass->dx;
    for (size_t row = 0; row < (size_t)pass->images * (size_t)pixels; row++) {
        for (int v = 0; v < channels; v++) {
            float xhat = (x[v] - shared.mean[v]) * shared.inverse[v];
            dx[v] = scale[v] * (dy[v] - shared.mean_dy[v] - xhat * shared.mean_dy_xhat[v]);
        }
        x += channels, dy += channels, dx += channels;
    }
}

/* Scale and offset of each channel: y = x * gamma/sqrt(variance + epsilon) + (beta - mean * that factor) */
static int describe(const struct layer *layer, struct graph *graph, int x) {
    const struct batch_normalization *config = layer->config;
    const struct positions positions = positions_of(config);
    const int channels = channels_of(layer);
    const struct shape shape = {1, {channels}};
    double *scale = arena_allocate(&graph->arena, (size_t)channels * sizeof *scale, graph->error);
    double *offset = arena_allocate(&graph->arena, (size_t)channels * sizeof *offset, graph->error);
    if (!scale || !offset) return GRAPH_NONE;
    for (int v = 0; v < channels; v++) {
        const double gamma = positions.gamma >= 0 ? (double)graph->parameters[positions.gamma][v] : 1;
        const double beta = positions.beta >= 0 ? (double)graph->parameters[positions.beta][v] : 0;
        scale[v] = gamma / sqrt((double)graph->parameters[positions.moving_variance][v] + config->epsilon);
        offset[v] = beta - (double)graph->parameters[positions.moving_mean][v] * scale[v];
    }
    const int y = graph_combine(graph, GRAPH_MULTIPLY, x, graph_numbers(graph, "scale", &shape, scale));
    return graph_combine(graph, GRAPH_ADD, y, graph_numbers(graph, "offset", &shape, offset));
}

static const struct layer_example examples[] = {
    {"{}", {3, {3, 4, 5}}},
    {"{}", {1, {6}}},
    {"{\"center\": false, \"epsilon\": 0.1}", {3, {2, 3, 17}}},
    {"{\"scale\": false, \"momentum\": 0.9}", {3, {4, 4, 2}}},
    {0},
};

static const struct layer_page page = {
    .text =
        "Brings each channel to mean 0 and variance 1 over all images and places of the batch, then scales and shifts "
        "it by learned numbers. Training becomes faster and less sensitive to the learning rate. At inference, and "
        "where the layer is frozen, moving averages of mean and variance take the place of the batch's.\n"
        "  y = gamma * (x - mean) / sqrt(variance + epsilon) + beta\n"
        "  moving = moving * momentum + batch * (1 - momentum)\n",
    .shapes = "output as the input\n"
              "gamma, beta, moving mean and moving variance (channels); the latter two are not trained\n",
    .cost = "multiplications: one a number\n"
            "parameters: 4 * channels, of which half are trained\n",
    .references = "Ioffe and Szegedy 2015, Batch normalization: accelerating deep network training by reducing "
                  "internal covariate shift\n",
    .see_also = "LayerNormalization, Activation\n",
    .example = {"{}", {3, {32, 32, 16}}},
};

const struct layer_kind batch_normalization_layer = {
    .component = {.name = "BatchNormalization",
                  .summary = "each channel at mean 0 and variance 1 over the batch",
                  .fields = fields,
                  .size = sizeof(struct batch_normalization)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .forward_partial = forward_partial,
    .forward_combine = forward_combine,
    .backward_partial = backward_partial,
    .backward_combine = backward_combine,
    .examples = examples,
    .page = &page,
};
