#include "layers/depthwise_parts.h"

#include <string.h>

/* Whether all of the vectors' floats are used (more than three quarters). */
static bool fills(int floats, int vector, bool nearly) {
    if (!nearly || floats < vector) return floats % vector == 0;
    return 4 * floats > 3 * ((floats + vector - 1) / vector) * vector;
}

static int pixels_together(int pixels, int channels, int vector, bool nearly) {
    int together = 1;
    while (!fills(together * channels, vector, nearly) && together < DEPTHWISE_TOGETHER_MOST &&
           2 * together <= pixels && channels <= DEPTHWISE_PERIOD_MOST / (2 * together))
        together *= 2;
    return together;
}

int depthwise_pixels_filling(int pixels, int channels, int vector) {
    return pixels_together(pixels, channels, vector, false);
}

int depthwise_pixels_of_sums(int pixels, int channels, int taps) {
    enum { FEW_TAPS = 4 };
    if (taps > FEW_TAPS) return pixels_together(pixels, channels, DEPTHWISE_TOGETHER_MOST, false);
    int together = 1;
    while (2 * together <= pixels && channels <= DEPTHWISE_PERIOD_MOST / (2 * together)) together *= 2;
    return together;
}

int depthwise_pixels_nearly_filling(int pixels, int channels, int vector) {
    return pixels_together(pixels, channels, vector, true);
}

void depthwise_repeat_pixel(const float *from, int channels, int period, float *to) {
    memcpy(to, from, (size_t)channels * sizeof *to);
    for (int done = channels; done < period; done *= 2)
        memcpy(to + done, to, (size_t)smaller(done, period - done) * sizeof *to);
}
