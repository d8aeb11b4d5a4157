/* Winograd's transforms. Part of template.h.
 *
 * Each is a small matrix applied down the columns of a tile and then along its rows, for a vector of channels at a
 * time. The matrices hold small powers of two apart from a 5 and a 3, which are taken as 4 + 1 and 2 + 1, so that every
 * product is exact and additions are all that rounds, whether or not a compiler fuses them; the factors that are no
 * powers of two are taken once, at the end. */

/* ---- lines of three taps ---- */

/* r = B d */
KERNEL_INLINE void input_line_3(const vector d[6], vector r[6]) {
    const vector even = d[4] - 4 * d[2], odd = d[3] - 4 * d[1];
    const vector near = d[4] - d[2], far = d[3] - d[1];
    r[0] = near + 4 * (d[0] - d[2]);
    r[1] = even + odd;
    r[2] = even - odd;
    r[3] = near + 2 * far;
    r[4] = near - 2 * far;
    r[5] = (d[5] - d[3]) + 4 * (d[1] - d[3]);
}

/* r = K g, without S */
KERNEL_INLINE void kernel_line_3(const vector g[3], vector r[6]) {
    const vector outer = g[0] + g[2], wide = g[0] + 4 * g[2];
    r[0] = g[0];
    r[1] = outer + g[1];
    r[2] = outer - g[1];
    r[3] = wide + 2 * g[1];
    r[4] = wide - 2 * g[1];
    r[5] = g[2];
}

/* r = A y, without S */
KERNEL_INLINE void output_gradient_line_3(const vector y[4], vector r[6]) {
    const vector even = y[0] + y[2], odd = y[1] + y[3];
    const vector wide_even = y[0] + 4 * y[2], wide_odd = y[1] + 4 * y[3];
    r[0] = y[0];
    r[1] = even + odd;
    r[2] = even - odd;
    r[3] = wide_even + 2 * wide_odd;
    r[4] = wide_even - 2 * wide_odd;
    r[5] = y[3];
}

/* y = A' m */
KERNEL_INLINE void output_line_3(const vector m[6], vector y[4]) {
    const vector sum = m[1] + m[2], difference = m[1] - m[2];
    const vector wide_sum = m[3] + m[4], wide_difference = m[3] - m[4];
    y[0] = m[0] + sum + wide_sum;
    y[1] = difference + 2 * wide_difference;
    y[2] = sum + 4 * wide_sum;
    y[3] = (m[5] + difference) + 8 * wide_difference;
}

/* g = K' m */
KERNEL_INLINE void kernel_gradient_line_3(const vector m[6], vector g[3]) {
    const vector sum = m[1] + m[2], wide_sum = m[3] + m[4];
    g[0] = m[0] + sum + wide_sum;
    g[1] = (m[1] - m[2]) + 2 * (m[3] - m[4]);
    g[2] = (m[5] + sum) + 4 * wide_sum;
}

/* S, whose elements are taken twice: by row and by column */
static const float winograd_scale_3[6] = {1.0f / 4, -1.0f / 6, -1.0f / 6, 1.0f / 24, 1.0f / 24, 1};

/* ---- the same of two taps ---- */

KERNEL_INLINE void input_line_2(const vector d[5], vector r[5]) {
    const vector low = d[2] - d[1], high = d[3] - d[2], far = d[3] - d[1];
    r[0] = far - 2 * (d[2] - d[0]);
    r[1] = high - 2 * d[1];
    r[2] = high - 2 * low;
    r[3] = far;
    r[4] = (d[4] - d[2]) - 2 * far;
}

KERNEL_INLINE void kernel_line_2(const vector g[2], vector r[5]) {
    r[0] = g[0];
    r[1] = g[0] + g[1];
    r[2] = g[0] - g[1];
    r[3] = g[0] + 2 * g[1];
    r[4] = g[1];
}

KERNEL_INLINE void output_gradient_line_2(const vector y[4], vector r[5]) {
    const vector even = y[0] + y[2], odd = y[1] + y[3];
    r[0] = y[0];
    r[1] = even + odd;
    r[2] = even - odd;
    r[3] = (y[0] + 4 * y[2]) + 2 * (y[1] + 4 * y[3]);
    r[4] = y[3];
}

KERNEL_INLINE void output_line_2(const vector m[5], vector y[4]) {
    const vector sum = m[1] + m[2], difference = m[1] - m[2];
    y[0] = m[0] + sum + m[3];
    y[1] = difference + 2 * m[3];
    y[2] = sum + 4 * m[3];
    y[3] = (m[4] + difference) + 8 * m[3];
}

KERNEL_INLINE void kernel_gradient_line_2(const vector m[5], vector g[2]) {
    g[0] = m[0] + (m[1] + m[2]) + m[3];
    g[1] = (m[4] + (m[1] - m[2])) + 2 * m[3];
}

static const float winograd_scale_2[5] = {1.0f / 2, -1.0f / 2, -1.0f / 6, 1.0f / 6, 1};

/* ---- of three taps and three outputs, whose polynomials are alike; the points are those of two taps ---- */

KERNEL_INLINE void values_line(const vector g[3], vector r[5]) {
    const vector outer = g[0] + g[2];
    r[0] = g[0];
    r[1] = outer + g[1];
    r[2] = outer - g[1];
    r[3] = (g[0] + 4 * g[2]) + 2 * g[1];
    r[4] = g[2];
}

KERNEL_INLINE void values_gradient_line(const vector m[5], vector g[3]) {
    const vector sum = m[1] + m[2];
    g[0] = m[0] + sum + m[3];
    g[1] = (m[1] - m[2]) + 2 * m[3];
    g[2] = (m[4] + sum) + 4 * m[3];
}

/* ---- of a whole image of two pixels an axis: y[0] = g[1] x[0] + g[2] x[1], y[1] = g[0] x[0] + g[1] x[1] ---- */

KERNEL_INLINE void input_line_pair(const vector d[2], vector r[3]) {
    r[0] = d[0] + d[1];
    r[1] = d[1];
    r[2] = d[0];
}

KERNEL_INLINE void kernel_line_pair(const vector g[3], vector r[3]) {
    r[0] = g[1];
    r[1] = g[2] - g[1];
    r[2] = g[0] - g[1];
}

KERNEL_INLINE void output_gradient_line_pair(const vector y[2], vector r[3]) {
    r[0] = y[0] + y[1];
    r[1] = y[0];
    r[2] = y[1];
}

KERNEL_INLINE void output_line_pair(const vector m[3], vector y[2]) {
    y[0] = m[0] + m[1];
    y[1] = m[0] + m[2];
}

KERNEL_INLINE void kernel_gradient_line_pair(const vector m[3], vector g[3]) {
    g[0] = m[2];
    g[1] = m[0] - (m[1] + m[2]);
    g[2] = m[1];
}

/* ---- of one pixel ---- */

KERNEL_INLINE void same_line(const vector from[1], vector to[1]) {
    to[0] = from[0];
}

/* ---- tiles ---- */

/* What a tile sees of the image along its columns: where column c is not in the image, another that is, hidden. */
struct tile_columns {
    ptrdiff_t offset[6];
    mask inside[6];
};

static void tile_columns_of(const struct winograd_tile *tile, int size, struct tile_columns *columns) {
    for (int c = 0; c < size; c++) {
        const int nearest = smaller(larger(c, tile->left), tile->right - 1);
        columns->offset[c] = nearest * tile->pixel;
        columns->inside[c] = every(nearest == c ? -1 : 0);
    }
}

typedef void line_function(const vector from[], vector to[]);

/* Row by row into the spectrum (points,points), a tile of size x size image; all but the addresses is constant: also
 * whether there is a scale, and hidden image (columns). */
KERNEL_INLINE void to_spectrum(const struct winograd_tile *tile, const float *image, float *spectrum, const int size,
                               const int points, line_function *const line, const float *const scale,
                               const struct tile_columns *columns) {
    const ptrdiff_t matrix = tile->matrix;
    for (int v = 0; v < tile->channels; v += VECTOR) {
        vector half[6][6];
        KERNEL_UNROLL for (int c = 0; c < size; c++) {
            vector from[6], to[6];
            const float *cell = opaque(image + v + (columns != NULL ? columns->offset[c] : c * tile->pixel));
            KERNEL_UNROLL for (int r = 0; r < size; r++, cell += tile->row) {
                from[r] = (vector){0};
                if (columns != NULL && (r < tile->top || r >= tile->bottom)) continue;
                from[r] = load(cell);
                if (columns != NULL) from[r] = (vector)((mask)from[r] & columns->inside[c]);
            }
            line(from, to);
            KERNEL_UNROLL for (int i = 0; i < points; i++) half[i][c] = to[i];
        }
        float *out = spectrum + v;
        KERNEL_UNROLL for (int i = 0; i < points; i++) {
            vector to[6];
            line(half[i], to);
            KERNEL_UNROLL for (int j = 0; j < points; j++, out += matrix) {
                store(out, scale != NULL ? (scale[i] * scale[j]) * to[j] : to[j]);
            }
        }
    }
}

static bool tile_is_cut(const struct winograd_tile *tile, int size) {
    return tile->top > 0 || tile->left > 0 || tile->bottom < size || tile->right < size;
}

/* The same of a tile that may be cut. */
KERNEL_INLINE void cut_to_spectrum(const struct winograd_tile *tile, const float *image, float *spectrum,
                                   const int size, const int points, line_function *const line,
                                   const float *const scale) {
    if (!tile_is_cut(tile, size)) {
        to_spectrum(tile, image, spectrum, size, points, line, scale, NULL);
        return;
    }
    struct tile_columns columns;
    tile_columns_of(tile, size, &columns);
    to_spectrum(tile, image, spectrum, size, points, line, scale, &columns);
}

static void winograd_input(const struct winograd_tile *tile, const float *image, float *spectrum) {
    if (tile->outputs == 1)
        to_spectrum(tile, image, spectrum, 1, 1, same_line, NULL, NULL);
    else if (tile->outputs == 2)
        to_spectrum(tile, image, spectrum, 2, 3, input_line_pair, NULL, NULL);
    else if (tile->taps == 2 || tile->outputs == 3)
        cut_to_spectrum(tile, image, spectrum, 5, 5, input_line_2, NULL);
    else
        cut_to_spectrum(tile, image, spectrum, 6, 6, input_line_3, NULL);
}

static void winograd_kernel(const struct winograd_tile *tile, const float *image, float *spectrum) {
    if (tile->outputs == 1)
        to_spectrum(tile, image, spectrum, 1, 1, same_line, NULL, NULL);
    else if (tile->outputs == 2)
        to_spectrum(tile, image, spectrum, 3, 3, kernel_line_pair, NULL, NULL);
    else if (tile->outputs == 3)
        cut_to_spectrum(tile, image, spectrum, 3, 5, values_line, winograd_scale_2);
    else if (tile->taps == 2)
        cut_to_spectrum(tile, image, spectrum, 2, 5, kernel_line_2, winograd_scale_2);
    else
        cut_to_spectrum(tile, image, spectrum, 3, 6, kernel_line_3, winograd_scale_3);
}

static void winograd_output_gradient(const struct winograd_tile *tile, const float *image, float *spectrum) {
    if (tile->outputs == 1)
        to_spectrum(tile, image, spectrum, 1, 1, same_line, NULL, NULL);
    else if (tile->outputs == 2)
        to_spectrum(tile, image, spectrum, 2, 3, output_gradient_line_pair, NULL, NULL);
    else if (tile->outputs == 3)
        cut_to_spectrum(tile, image, spectrum, 3, 5, values_line, winograd_scale_2);
    else if (tile->taps == 2)
        cut_to_spectrum(tile, image, spectrum, 4, 5, output_gradient_line_2, winograd_scale_2);
    else
        cut_to_spectrum(tile, image, spectrum, 4, 6, output_gradient_line_3, winograd_scale_3);
}

/* result (size,size) from the spectrum (points,points): half (size,points) are the lines of its rows. */
KERNEL_INLINE void from_spectrum(const struct winograd_tile *tile, const float *spectrum, const int size,
                                 const int points, line_function *const line, vector result[4][4]) {
    vector half[4][6];
    KERNEL_UNROLL for (int i = 0; i < points; i++) {
        vector from[6], to[4];
        KERNEL_UNROLL for (int j = 0; j < points; j++, spectrum += tile->matrix) from[j] = load(spectrum);
        line(from, to);
        KERNEL_UNROLL for (int c = 0; c < size; c++) half[c][i] = to[c];
    }
    KERNEL_UNROLL for (int c = 0; c < size; c++) {
        vector to[4];
        line(half[c], to);
        KERNEL_UNROLL for (int r = 0; r < size; r++) result[r][c] = to[r];
    }
}

KERNEL_INLINE void outputs_of(const struct winograd_tile *tile, const float *spectrum, const float *bias, float *image,
                              const int size, const int points, line_function *const line) {
    for (int v = 0; v < tile->channels; v += VECTOR) {
        const int lanes = lanes_left(tile->channels, v);
        const vector start = bias != NULL ? load(bias + v) : (vector){0};
        vector y[4][4];
        from_spectrum(tile, spectrum + v, size, points, line, y);
        KERNEL_UNROLL for (int r = 0; r < size; r++) {
            float *cell = image + v + r * tile->row;
            if (r >= tile->bottom) break;
            KERNEL_UNROLL for (int c = 0; c < size; c++, cell += tile->pixel) {
                if (c >= tile->right) break;
                if (lanes == VECTOR)
                    store(cell, y[r][c] + start);
                else
                    store_part(cell, y[r][c] + start, lanes);
            }
        }
    }
}

static void winograd_output(const struct winograd_tile *tile, const float *spectrum, const float *bias, float *image) {
    if (tile->outputs == 1)
        outputs_of(tile, spectrum, bias, image, 1, 1, same_line);
    else if (tile->outputs == 2)
        outputs_of(tile, spectrum, bias, image, 2, 3, output_line_pair);
    else if (tile->outputs == 3)
        outputs_of(tile, spectrum, bias, image, 3, 5, values_gradient_line);
    else if (tile->taps == 2)
        outputs_of(tile, spectrum, bias, image, 4, 5, output_line_2);
    else
        outputs_of(tile, spectrum, bias, image, 4, 6, output_line_3);
}

KERNEL_INLINE void kernel_gradients_of(const struct winograd_tile *tile, const float *spectrum, float *image,
                                       const int taps, const int points, line_function *const line) {
    for (int v = 0; v < tile->channels; v += VECTOR) {
        const int lanes = lanes_left(tile->channels, v);
        vector g[4][4];
        from_spectrum(tile, spectrum + v, taps, points, line, g);
        KERNEL_UNROLL for (int t = 0; t < taps * taps; t++) {
            float *cell = image + v + t / taps * tile->row + t % taps * tile->pixel;
            if (t / taps >= tile->bottom || t % taps >= tile->right) continue;
            if (lanes == VECTOR)
                store(cell, load(cell) + g[t / taps][t % taps]);
            else
                store_part(cell, load_part(cell, lanes) + g[t / taps][t % taps], lanes);
        }
    }
}

static void winograd_kernel_gradient(const struct winograd_tile *tile, const float *spectrum, float *image) {
    if (tile->outputs == 1)
        kernel_gradients_of(tile, spectrum, image, 1, 1, same_line);
    else if (tile->outputs == 2)
        kernel_gradients_of(tile, spectrum, image, 3, 3, kernel_gradient_line_pair);
    else if (tile->outputs == 3)
        kernel_gradients_of(tile, spectrum, image, 3, 5, values_gradient_line);
    else if (tile->taps == 2)
        kernel_gradients_of(tile, spectrum, image, 2, 5, kernel_gradient_line_2);
    else
        kernel_gradients_of(tile, spectrum, image, 3, 6, kernel_gradient_line_3);
}
