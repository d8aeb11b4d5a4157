/* What follows the end of a gzip file, which zlib's gzread passes over in silence. */
#ifndef CNNTRAIN_DATA_GZIP_END_H
#define CNNTRAIN_DATA_GZIP_END_H

#include <stddef.h>

#include "core/error.h"

/* For a file that was read to its end and has `length` bytes unpacked: ERROR_DATA where bytes follow that are no gzip
 * data (zeros may, as tapes leave them), ERROR_IO, ERROR_RUN. */
int gzip_check_end(const char *path, size_t length, struct error *error);

#endif
