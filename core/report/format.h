/* How reports print numbers: one place, so that all of them agree. Absent values (NAN, negative counts) are "-". */
#ifndef CNNTRAIN_CORE_REPORT_FORMAT_H
#define CNNTRAIN_CORE_REPORT_FORMAT_H

#include <stddef.h>

#include "core/shape.h"

enum { FORMAT_SIZE = 64 };

/* Room for one formatted number; each function below fills it and returns its characters. */
struct format {
    char text[FORMAT_SIZE];
};

const char *format_percent(struct format *format, double share); /* 0.83214 -> "83.21 %" */
const char *format_decimal(struct format *format, double value, int decimals);
const char *format_significant(struct format *format, double value);        /* 0.00025, 1e-05: 4 digits at most */
const char *format_count(struct format *format, double count);              /* 72906 -> "72,906" */
const char *format_bytes(struct format *format, double bytes);              /* "284.79 KB", as Keras: steps of 1024 */
const char *format_seconds(struct format *format, double seconds);          /* "0.42 s", "1 min 05 s", "2 h 03 min" */
const char *format_p(struct format *format, double p);                      /* "0.031", "< 0.001" */
const char *format_shape(struct format *format, const struct shape *shape); /* "(None, 30, 30, 32)" */

/* The shortest of %.15g, %.16g and %.17g that reads back as the same double; "" for NAN and infinity. */
const char *format_exact(struct format *format, double value);
#endif
