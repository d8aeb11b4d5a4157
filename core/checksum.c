#include "core/checksum.h"

#include <stdio.h>
#include <xxhash.h>

int checksum_pieces(const struct file_piece *pieces, size_t count, char digits[CHECKSUM_DIGITS + 1],
                    struct error *error) {
    XXH3_state_t *state = XXH3_createState();
    if (!state) return error_set(error, ERROR_RUN, NULL, "not enough memory for a checksum");
    XXH3_128bits_reset(state);
    for (size_t i = 0; i < count; i++) XXH3_128bits_update(state, pieces[i].bytes, pieces[i].length);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    for (size_t i = 0; i < sizeof canonical.digest; i++) snprintf(digits + 2 * i, 3, "%02x", canonical.digest[i]);
    return 0;
}
