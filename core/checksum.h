/* Checksums: the XXH3-128 of bytes as hexadecimal digits. */
#ifndef CNNTRAIN_CORE_CHECKSUM_H
#define CNNTRAIN_CORE_CHECKSUM_H

#include "core/file.h"

enum { CHECKSUM_DIGITS = 32 };

/* Of the pieces one after the other; a 0 stands behind the digits. ERROR_RUN without memory. */
int checksum_pieces(const struct file_piece *pieces, size_t count, char digits[CHECKSUM_DIGITS + 1],
                    struct error *error);

#endif
