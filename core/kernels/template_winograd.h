/* Winograd's transforms. Part of template.h.
 *
 * Each is a small matrix applied down the columns of a tile and then along its rows, for a vector of channels at a
 * time. The matrices hold small powers of two apart from one 5, which is taken as 4 + 1, so that every product is exact
 * and additions are all that rounds, whether or not a compiler fuses them; the factors that are no powers of two are
 * taken once, at the end. */

/* r = B d */
KERNEL_INLINE void input_line(const vector d[6], vector r[6]) {
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
KERNEL_INLINE void kernel_line(const vector g[3], vector r[6]) {
    const vector outer = g[0] + g[2], wide = g[0] + 4 * g[2];
    r[0] = g[0];
    r[1] = outer + g[1];
    r[2] = outer - g[1];
    r[3] = wide + 2 * g[1];
    r[4] = wide - 2 * g[1];
    r[5] = g[2];
}

/* r = A y, without S */
KERNEL_INLINE void output_gradient_line(const vector y[4], vector r[6]) {
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
KERNEL_INLINE void output_line(const vector m[6], vector y[4]) {
    const vector sum = m[1] + m[2], difference = m[1] - m[2];
    const vector wide_sum = m[3] + m[4], wide_difference = m[3] - m[4];
    y[0] = m[0] + sum + wide_sum;
    y[1] = difference + 2 * wide_difference;
    y[2] = sum + 4 * wide_sum;
    y[3] = (m[5] + difference) + 8 * wide_difference;
}

/* g = K' m */
KERNEL_INLINE void kernel_gradient_line(const vector m[6], vector g[3]) {
    const vector sum = m[1] + m[2], wide_sum = m[3] + m[4];
    g[0] = m[0] + sum + wide_sum;
    g[1] = (m[1] - m[2]) + 2 * (m[3] - m[4]);
    g[2] = (m[5] + sum) + 4 * wide_sum;
}

/* S, whose elements are taken twice: by row and by column */
static const float winograd_scale[6] = {1.0f / 4, -1.0f / 6, -1.0f / 6, 1.0f / 24, 1.0f / 24, 1};

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

/* Row by row into the spectrum, a tile of size x size image; size, line and whether it has hidden image are constant.
 */
typedef void line_function(const vector from[], vector to[]);

KERNEL_INLINE void to_spectrum(const struct winograd_tile *tile, const float *image, float *spectrum, const int size,
                               line_function *const line, const bool scaled, const struct tile_columns *columns) {
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
            KERNEL_UNROLL for (int i = 0; i < 6; i++) half[i][c] = to[i];
        }
        float *out = spectrum + v;
        KERNEL_UNROLL for (int i = 0; i < 6; i++) {
            vector to[6];
            line(half[i], to);
            KERNEL_UNROLL for (int j = 0; j < 6; j++, out += matrix) {
                store(out, scaled ? (winograd_scale[i] * winograd_scale[j]) * to[j] : to[j]);
            }
        }
    }
}

/* half (size,6) = the lines of the spectrum's rows */
KERNEL_INLINE void from_spectrum(const struct winograd_tile *tile, const float *spectrum, const int size,
                                 line_function *const line, vector result[4][4]) {
    vector half[4][6];
    KERNEL_UNROLL for (int i = 0; i < 6; i++) {
        vector from[6], to[4];
        KERNEL_UNROLL for (int j = 0; j < 6; j++, spectrum += tile->matrix) from[j] = load(spectrum);
        line(from, to);
        KERNEL_UNROLL for (int c = 0; c < size; c++) half[c][i] = to[c];
    }
    KERNEL_UNROLL for (int c = 0; c < size; c++) {
        vector to[4];
        line(half[c], to);
        KERNEL_UNROLL for (int r = 0; r < size; r++) result[r][c] = to[r];
    }
}

static bool tile_is_cut(const struct winograd_tile *tile, int size) {
    return tile->top > 0 || tile->left > 0 || tile->bottom < size || tile->right < size;
}

static void winograd_input(const struct winograd_tile *tile, const float *image, float *spectrum) {
    if (!tile_is_cut(tile, 6)) {
        to_spectrum(tile, image, spectrum, 6, input_line, false, NULL);
        return;
    }
    struct tile_columns columns;
    tile_columns_of(tile, 6, &columns);
    to_spectrum(tile, image, spectrum, 6, input_line, false, &columns);
}

static void winograd_kernel(const struct winograd_tile *tile, const float *image, float *spectrum) {
    if (!tile_is_cut(tile, 3)) {
        to_spectrum(tile, image, spectrum, 3, kernel_line, true, NULL);
        return;
    }
    struct tile_columns columns;
    tile_columns_of(tile, 3, &columns);
    to_spectrum(tile, image, spectrum, 3, kernel_line, true, &columns);
}

static void winograd_output_gradient(const struct winograd_tile *tile, const float *image, float *spectrum) {
    if (!tile_is_cut(tile, 4)) {
        to_spectrum(tile, image, spectrum, 4, output_gradient_line, true, NULL);
        return;
    }
    struct tile_columns columns;
    tile_columns_of(tile, 4, &columns);
    to_spectrum(tile, image, spectrum, 4, output_gradient_line, true, &columns);
}

static void winograd_output(const struct winograd_tile *tile, const float *spectrum, const float *bias, float *image) {
    for (int v = 0; v < tile->channels; v += VECTOR) {
        const int lanes = lanes_left(tile->channels, v);
        const vector start = bias != NULL ? load(bias + v) : (vector){0};
        vector y[4][4];
        from_spectrum(tile, spectrum + v, 4, output_line, y);
        KERNEL_UNROLL for (int r = 0; r < 4; r++) {
            float *cell = image + v + r * tile->row;
            if (r >= tile->bottom) break;
            KERNEL_UNROLL for (int c = 0; c < 4; c++, cell += tile->pixel) {
                if (c >= tile->right) break;
                if (lanes == VECTOR)
                    store(cell, y[r][c] + start);
                else
                    store_part(cell, y[r][c] + start, lanes);
            }
        }
    }
}

static void winograd_kernel_gradient(const struct winograd_tile *tile, const float *spectrum, float *image) {
    for (int v = 0; v < tile->channels; v += VECTOR) {
        const int lanes = lanes_left(tile->channels, v);
        vector g[4][4];
        from_spectrum(tile, spectrum + v, 3, kernel_gradient_line, g);
        KERNEL_UNROLL for (int t = 0; t < 9; t++) {
            float *cell = image + v + t / 3 * tile->row + t % 3 * tile->pixel;
            if (t / 3 >= tile->bottom || t % 3 >= tile->right) continue;
            if (lanes == VECTOR)
                store(cell, load(cell) + g[t / 3][t % 3]);
            else
                store_part(cell, load_part(cell, lanes) + g[t / 3][t % 3], lanes);
        }
    }
}
