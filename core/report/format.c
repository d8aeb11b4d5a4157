#include "core/report/format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/text.h"

static const char *absent(struct format *format) {
    snprintf(format->text, sizeof format->text, "-");
    return format->text;
}

const char *format_percent(struct format *format, double share) {
    if (!isfinite(share)) return absent(format);
    snprintf(format->text, sizeof format->text, "%.2f %%", 100 * share);
    return format->text;
}

const char *format_decimal(struct format *format, double value, int decimals) {
    if (!isfinite(value)) return absent(format);
    snprintf(format->text, sizeof format->text, "%.*f", decimals, value);
    return format->text;
}

const char *format_significant(struct format *format, double value) {
    if (!isfinite(value)) return absent(format);
    snprintf(format->text, sizeof format->text, "%.4g", value);
    return format->text;
}

const char *format_count(struct format *format, double count) {
    if (!isfinite(count) || count < 0) return absent(format);
    if (count < 1e15) return text_thousands(format->text, sizeof format->text, llround(count));
    snprintf(format->text, sizeof format->text, "%.3e", count);
    return format->text;
}

const char *format_bytes(struct format *format, double bytes) {
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
    if (!isfinite(bytes) || bytes < 0) return absent(format);
    size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++) bytes /= 1024;
    snprintf(format->text, sizeof format->text, "%.2f %s", bytes, units[unit]);
    return format->text;
}

const char *format_seconds(struct format *format, double seconds) {
    if (!isfinite(seconds) || seconds < 0) return absent(format);
    if (seconds < 59.95) {
        snprintf(format->text, sizeof format->text, "%.*f s", seconds < 9.995 ? 2 : 1, seconds);
        return format->text;
    }
    long long whole = seconds < 1e15 ? llround(seconds) : 1000000000000000;
    if (whole < 3600)
        snprintf(format->text, sizeof format->text, "%lld min %02lld s", whole / 60, whole % 60);
    else
        snprintf(format->text, sizeof format->text, "%lld h %02lld min", whole / 3600, whole % 3600 / 60);
    return format->text;
}

const char *format_p(struct format *format, double p) {
    if (!isfinite(p)) return absent(format);
    if (p < 0.001)
        snprintf(format->text, sizeof format->text, "< 0.001");
    else
        snprintf(format->text, sizeof format->text, "%.3f", p);
    return format->text;
}

const char *format_shape(struct format *format, const struct shape *shape) {
    size_t at = (size_t)snprintf(format->text, sizeof format->text, "(None%s", shape->rank ? "" : ",");
    for (int i = 0; i < shape->rank && at < sizeof format->text; i++)
        at += (size_t)snprintf(format->text + at, sizeof format->text - at, ", %d", shape->size[i]);
    if (at < sizeof format->text) snprintf(format->text + at, sizeof format->text - at, ")");
    return format->text;
}

const char *format_exact(struct format *format, double value) {
    format->text[0] = '\0';
    if (!isfinite(value)) return format->text;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(format->text, sizeof format->text, "%.*g", digits, value);
        if (strtod(format->text, NULL) == value) break;
    }
    return format->text;
}
