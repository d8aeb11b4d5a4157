#include "core/config_changes.h"

#include <string.h>

#include "core/json.h"

/* As many changes and as much of a value as a message has room for. */
enum { CHANGES_SHOWN = 8, VALUE_SHOWN = 60 };

struct comparison {
    bool paths;
    int count;
    struct text *text;
};

static void compare(struct comparison *comparison, const struct place *place, const cJSON *before, const cJSON *after);

static const char *type_of(const cJSON *object) {
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(object, "type");
    return cJSON_GetStringValue(type ? type : cJSON_GetObjectItemCaseSensitive(object, "source"));
}

/* Components by their type alone: a whole list of layers stays readable. */
static void describe(const cJSON *value, struct text *text) {
    const char *type = cJSON_IsObject(value) ? type_of(value) : NULL;
    if (!value) {
        text_add(text, "absent");
    } else if (type) {
        text_add(text, type);
    } else if (cJSON_IsArray(value)) {
        text_add(text, "[");
        for (const cJSON *item = value->child; item; item = item->next) {
            describe(item, text);
            if (item->next) text_add(text, ", ");
        }
        text_add(text, "]");
    } else {
        json_write(value, text);
    }
}

/* Cut to what a message has room for, between characters. */
static void add_description(struct text *text, const cJSON *value) {
    struct text whole = {0};
    describe(value, &whole);
    size_t shown = 0;
    while (shown < whole.length && shown < VALUE_SHOWN) shown += text_utf8_sequence(whole.bytes + shown, whole.length);
    if (whole.bytes) text_add_bytes(text, whole.bytes, shown);
    if (shown < whole.length) text_add(text, "...");
    if (whole.failed) text->failed = true;
    text_free(&whole);
}

static void note_change(struct comparison *comparison, const struct place *place, const cJSON *before,
                        const cJSON *after) {
    char where[128];
    if (comparison->count++ >= CHANGES_SHOWN) return;
    if (comparison->count > 1) text_add(comparison->text, "; ");
    text_print(comparison->text, "%s was ", place_text(place, where, sizeof where) + strlen(": "));
    add_description(comparison->text, before);
    text_add(comparison->text, ", now ");
    add_description(comparison->text, after);
}

/* The place is one of a few that are not compared. */
static bool is_left_out(const struct comparison *comparison, const struct place *place, const char *key) {
    if (!place->parent) return strcmp(key, "$schema") == 0;
    bool in_data = !place->parent->parent && strcmp(place->key, "data") == 0;
    bool in_training = !place->parent->parent && strcmp(place->key, "training") == 0;
    if (in_training && strcmp(key, "tensorboard") == 0) return true; /* changes nothing of the training */
    return in_data && !comparison->paths && strcmp(key, "path") == 0;
}

static void compare_members(struct comparison *comparison, const struct place *place, const cJSON *before,
                            const cJSON *after) {
    for (const cJSON *item = before->child; item; item = item->next) {
        struct place inner = place_key(place, item->string);
        if (is_left_out(comparison, place, item->string)) continue;
        compare(comparison, &inner, item, cJSON_GetObjectItemCaseSensitive(after, item->string));
    }
    for (const cJSON *item = after->child; item; item = item->next) {
        struct place inner = place_key(place, item->string);
        if (is_left_out(comparison, place, item->string)) continue;
        if (!cJSON_GetObjectItemCaseSensitive(before, item->string)) compare(comparison, &inner, NULL, item);
    }
}

static bool same_type(const cJSON *before, const cJSON *after) {
    const char *a = type_of(before), *b = type_of(after);
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

/* Of plain values and lists of them. cJSON's own comparison takes neighbouring numbers for equal. */
static bool same_value(const cJSON *before, const cJSON *after) {
    if (!before || !after) return false;
    if (cJSON_IsNumber(before) && cJSON_IsNumber(after)) return before->valuedouble == after->valuedouble;
    if (!cJSON_IsArray(before) || !cJSON_IsArray(after)) return cJSON_Compare(before, after, true);
    const cJSON *now = after->child;
    for (before = before->child; before && now && same_value(before, now); now = now->next) before = before->next;
    return !before && !now;
}

static void compare(struct comparison *comparison, const struct place *place, const cJSON *before, const cJSON *after) {
    bool lists = before && after && cJSON_IsArray(before) && cJSON_IsArray(after) && cJSON_IsObject(before->child);
    if (before && after && cJSON_IsObject(before) && cJSON_IsObject(after) && same_type(before, after)) {
        compare_members(comparison, place, before, after);
    } else if (lists && cJSON_GetArraySize(before) == cJSON_GetArraySize(after)) {
        const cJSON *now = after->child;
        int index = 0;
        for (const cJSON *item = before->child; item && now; item = item->next, now = now->next) {
            struct place inner = place_item(place, index++);
            compare(comparison, &inner, item, now);
        }
    } else if (!same_value(before, after)) {
        note_change(comparison, place, before, after);
    }
}

int config_changes(const cJSON *before, const cJSON *after, bool paths, struct text *text) {
    struct comparison comparison = {paths, 0, text};
    struct place document = place_document("");
    compare(&comparison, &document, before, after);
    if (comparison.count > CHANGES_SHOWN) text_print(text, "; and %d more", comparison.count - CHANGES_SHOWN);
    return comparison.count;
}
