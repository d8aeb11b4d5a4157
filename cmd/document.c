#include "cmd/document.h"

struct document document_object(void) {
    cJSON *root = cJSON_CreateObject();
    return (struct document){root, !root};
}

struct document document_list(void) {
    cJSON *root = cJSON_CreateArray();
    return (struct document){root, !root};
}

void document_add(struct document *document, cJSON *parent, const char *key, cJSON *value) {
    bool added = key ? json_add(parent, key, value) : json_append(parent, value);
    if (!added) document->failed = true;
}

void document_add_number(struct document *document, cJSON *parent, const char *key, double value) {
    document_add(document, parent, key, cJSON_CreateNumber(value));
}

void document_add_string(struct document *document, cJSON *parent, const char *key, const char *value) {
    document_add(document, parent, key, cJSON_CreateString(value));
}

cJSON *document_add_object(struct document *document, cJSON *parent, const char *key) {
    cJSON *object = cJSON_CreateObject();
    document_add(document, parent, key, object);
    return document->failed ? NULL : object;
}

cJSON *document_add_list(struct document *document, cJSON *parent, const char *key) {
    cJSON *list = cJSON_CreateArray();
    document_add(document, parent, key, list);
    return document->failed ? NULL : list;
}

void document_free(struct document *document) {
    cJSON_Delete(document->root);
    document->root = NULL;
}

int document_print(struct session *session, struct document *document) {
    if (document->failed) document_free(document);
    cJSON *root = document->root;
    document->root = NULL;
    return session_print_json(session, root);
}
