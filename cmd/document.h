/* A JSON document that a command prints. Every piece may fail for want of memory: the first failure sticks, and
 * document_print checks it once, so that nothing is ever left out in silence. */
#ifndef CNNTRAIN_CMD_DOCUMENT_H
#define CNNTRAIN_CMD_DOCUMENT_H

#include "cmd/session.h"

struct document {
    cJSON *root; /* owned */
    bool failed;
};

struct document document_object(void);
struct document document_list(void);

/* Adds `value`, which the document owns from here on, to `parent` under `key` (NULL: `parent` is a list). */
void document_add(struct document *document, cJSON *parent, const char *key, cJSON *value);
void document_add_number(struct document *document, cJSON *parent, const char *key, double value);
void document_add_string(struct document *document, cJSON *parent, const char *key, const char *value);
/* A new object or list within `parent`; NULL, which may be a parent again, once the document has failed. */
cJSON *document_add_object(struct document *document, cJSON *parent, const char *key);
cJSON *document_add_list(struct document *document, cJSON *parent, const char *key);

void document_free(struct document *document);
/* Prints the document to stdout and frees it. */
int document_print(struct session *session, struct document *document);

#endif
