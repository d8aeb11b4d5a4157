#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/text.h"

bool json_add(cJSON *object, const char *key, cJSON *value) {
    if (value && cJSON_AddItemToObject(object, key, value)) return true;
    cJSON_Delete(value);
    return false;
}

bool json_append(cJSON *list, cJSON *value) {
    if (value && cJSON_AddItemToArray(list, value)) return true;
    cJSON_Delete(value);
    return false;
}

/* The code point of a character of one or two bytes, which all control characters are. */
static unsigned code_of(const char *character, size_t size) {
    const unsigned char *bytes = (const unsigned char *)character;
    return size == 1 ? bytes[0] : (bytes[0] & 31U) << 6 | (bytes[1] & 63U);
}

/* Control characters go as escapes, and bytes that are no UTF-8 as U+FFFD, so that what is written can be read again.
 */
void json_write_string(const char *string, struct text *text) {
    text_add(text, "\"");
    for (size_t left = strlen(string), size; left > 0; string += size, left -= size) {
        size = text_utf8_sequence(string, left);
        bool special = size == 1 && (text_is_control(string, 1) || *string == '"' || *string == '\\');
        const char *escape = special ? strchr("\"\"\\\\\nn\tt\rr\bb\ff", *string) : NULL;
        if (size == 0)
            text_add(text, "\\ufffd");
        else if (escape)
            text_print(text, "\\%c", escape[1]);
        else if (text_is_control(string, size))
            text_print(text, "\\u%04x", code_of(string, size));
        else
            text_add_bytes(text, string, size);
        if (size == 0) size = 1;
    }
    text_add(text, "\"");
}

/* The fewest digits that are read back as the same double; 17 always are. JSON knows no infinity: null. */
static void write_number(double value, struct text *text) {
    char digits[40];
    if (!isfinite(value)) {
        text_add(text, "null");
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value) break;
    }
    text_add(text, digits);
}

static bool is_plain(const cJSON *value) {
    return !cJSON_IsArray(value) && !cJSON_IsObject(value);
}

static bool is_plain_list(const cJSON *value) {
    if (!cJSON_IsArray(value)) return false;
    for (const cJSON *child = value->child; child; child = child->next)
        if (!is_plain(child)) return false;
    return true;
}

static void write_value(const cJSON *value, int indent, struct text *text);

static void write_break(int indent, struct text *text) {
    if (indent < 0) return;
    text_add(text, "\n");
    text_repeat(text, "  ", indent);
}

/* indent: levels of the members; negative: everything on one line. */
static void write_members(const cJSON *value, int indent, struct text *text) {
    bool object = cJSON_IsObject(value);
    int inner = indent < 0 || is_plain_list(value) ? -1 : indent;
    text_add(text, object ? "{" : "[");
    for (const cJSON *child = value->child; child; child = child->next) {
        if (child != value->child) text_add(text, inner < 0 ? ", " : ",");
        write_break(inner, text);
        if (object) json_write_string(child->string, text);
        if (object) text_add(text, ": ");
        write_value(child, inner, text);
    }
    if (value->child) write_break(inner < 0 ? -1 : inner - 1, text);
    text_add(text, object ? "}" : "]");
}

static void write_value(const cJSON *value, int indent, struct text *text) {
    if (!is_plain(value))
        write_members(value, indent < 0 ? -1 : indent + 1, text);
    else if (cJSON_IsString(value))
        json_write_string(value->valuestring, text);
    else if (cJSON_IsNumber(value))
        write_number(value->valuedouble, text);
    else if (cJSON_IsRaw(value))
        text_add(text, value->valuestring);
    else
        text_add(text, cJSON_IsTrue(value) ? "true" : cJSON_IsFalse(value) ? "false" : "null");
}

void json_write(const cJSON *value, struct text *text) {
    write_value(value, -1, text);
}

char *json_print(const cJSON *value) {
    struct text text = {0};
    write_value(value, 0, &text);
    text_add(&text, "\n");
    if (!text.failed) return text.bytes;
    text_free(&text);
    return NULL;
}
