/* The checksum that files of ours carry. */
#ifndef CNNTRAIN_CORE_INTEROP_SAFETENSORS_CHECKSUM_H
#define CNNTRAIN_CORE_INTEROP_SAFETENSORS_CHECKSUM_H

#include "core/file.h"

/* How the header of a file of ours begins; the digits follow. */
#define SAFETENSORS_CHECKSUM_PREFIX "{\"__metadata__\":{\"checksum\":\""
#define SAFETENSORS_WRITER "cnntrain"
enum { SAFETENSORS_CHECKSUM_DIGITS = 32 };

/* The XXH3-128 of the pieces one after the other, as hexadecimal digits with a 0 behind. */
int safetensors_checksum(const struct file_piece *pieces, size_t count, char digits[SAFETENSORS_CHECKSUM_DIGITS + 1],
                         struct error *error);

#endif
