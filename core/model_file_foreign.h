/* A model of another program in the terms of a trained model of cnntrain's own. */
#ifndef CNNTRAIN_CORE_MODEL_FILE_FOREIGN_H
#define CNNTRAIN_CORE_MODEL_FILE_FOREIGN_H

#include "core/interop/exchange.h"

/* The two documents that describe a trained model: its config, and what is known of its data. */
struct foreign_documents {
    cJSON *config;
    cJSON *facts;     /* NULL: the file does not say */
    bool takes_bytes; /* without facts: the model scales pixels of 0 to 255 itself */
};

/* Makes them of what the file holds: the config's model and input_shape are the file's, the rest is what cnntrain wrote
 * beside them, or defaults. ERROR_DATA where there is no model in the file, ERROR_CONFIG where it cannot be used. */
int foreign_documents_make(struct foreign_documents *documents, const struct exchange_file *file, const char *path,
                           const struct registries *registries, struct error *error);
void foreign_documents_free(struct foreign_documents *documents);

#endif
