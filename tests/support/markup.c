#include "tests/support/markup.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/expect.h"

enum { DEPTH_MAX = 64, NAME_MAX_SIZE = 32, IDS_MAX = 500, ID_SIZE = 64 };

struct document {
    const char *text, *at;
    bool is_xml;
    int depth, id_count, reference_count;
    char open[DEPTH_MAX][NAME_MAX_SIZE];
    char ids[IDS_MAX][ID_SIZE], references[IDS_MAX][ID_SIZE];
};

static void complain(const struct document *document, const char *what) {
    fail_msg("%s at byte %d: %.120s", what, (int)(document->at - document->text), document->at);
}

static bool is_void(const struct document *document, const char *name) {
    static const char *const names[] = {"meta", "img", "br"};
    for (size_t i = 0; !document->is_xml && i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

static void read_name(struct document *document, char name[NAME_MAX_SIZE]) {
    size_t length = 0;
    while (isalnum((unsigned char)*document->at) || strchr("-:", *document->at)) {
        if (!*document->at || length == NAME_MAX_SIZE - 1) complain(document, "a name without end");
        name[length++] = *document->at++;
    }
    name[length] = '\0';
    if (length == 0) complain(document, "no name");
}

/* One of the five entities, or a character's number. */
static void check_entity(struct document *document) {
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (strncmp(document->at, entities[i], strlen(entities[i])) == 0) return;
    complain(document, "a bare &");
}

static void add_words(char words[IDS_MAX][ID_SIZE], int *count, const char *value) {
    while (*value) {
        size_t length = strcspn(value, " ");
        if (*count == IDS_MAX || length >= ID_SIZE) fail_msg("too many or too long ids");
        snprintf(words[(*count)++], ID_SIZE, "%.*s", (int)length, value);
        value += length + (value[length] == ' ');
    }
}

static void note_attribute(struct document *document, const char *name, const char *value) {
    if (strcmp(name, "id") == 0) add_words(document->ids, &document->id_count, value);
    if (strncmp(name, "aria-labelledby", 15) == 0 || strcmp(name, "aria-describedby") == 0)
        add_words(document->references, &document->reference_count, value);
    if (strcmp(name, "href") == 0 && *value == '#')
        add_words(document->references, &document->reference_count, value + 1);
    if (strcmp(name, "src") == 0 && strncmp(value, "data:image/png;base64,", 22) != 0)
        complain(document, "a source elsewhere");
    if (strcmp(name, "href") == 0 && (strstr(value, "//") || strchr(value, ':')))
        complain(document, "a link elsewhere");
}

/* name="value" */
static void read_attribute(struct document *document, char names[][NAME_MAX_SIZE], int *count) {
    char *name = names[*count];
    read_name(document, name);
    for (int i = 0; i < *count; i++)
        if (strcmp(names[i], name) == 0) complain(document, "an attribute that stands twice");
    if (++*count == DEPTH_MAX) complain(document, "too many attributes");
    if (strncmp(document->at, "=\"", 2) != 0) complain(document, "an attribute without quotes");
    document->at += 2;
    const char *value = document->at;
    for (; *document->at != '"'; document->at++) {
        if (!*document->at || *document->at == '<') complain(document, "an attribute without end");
        if (*document->at == '&') check_entity(document);
    }
    char *copy = strndup(value, (size_t)(document->at++ - value));
    assert_non_null(copy);
    note_attribute(document, name, copy);
    free(copy);
}

static void skip_raw(struct document *document, const char *name) {
    char end[NAME_MAX_SIZE + 4];
    snprintf(end, sizeof end, "</%s>", name);
    const char *found = strstr(document->at, end);
    if (!found) complain(document, "no end of it");
    document->at = found;
}

static void read_open_tag(struct document *document) {
    char name[NAME_MAX_SIZE], attributes[DEPTH_MAX][NAME_MAX_SIZE];
    int count = 0;
    read_name(document, name);
    while (*document->at == ' ') {
        document->at++;
        read_attribute(document, attributes, &count);
    }
    bool closed = strncmp(document->at, "/>", 2) == 0;
    if (!closed && *document->at != '>') complain(document, "a tag without end");
    document->at += closed ? 2 : 1;
    if (closed || is_void(document, name)) return;
    if (document->depth == DEPTH_MAX) complain(document, "too deep");
    snprintf(document->open[document->depth++], NAME_MAX_SIZE, "%s", name);
    if (strcmp(name, "style") == 0 || strcmp(name, "script") == 0) skip_raw(document, name);
}

static void read_close_tag(struct document *document) {
    char name[NAME_MAX_SIZE];
    read_name(document, name);
    if (document->depth == 0 || strcmp(document->open[--document->depth], name) != 0)
        complain(document, "closes what is not open");
    if (*document->at++ != '>') complain(document, "a tag without end");
}

static void check_references(const struct document *document) {
    for (int i = 0; i < document->id_count; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(document->ids[i], document->ids[k]) == 0) fail_msg("two ids %s", document->ids[i]);
    for (int i = 0; i < document->reference_count; i++) {
        bool found = false;
        for (int k = 0; k < document->id_count; k++) found |= strcmp(document->references[i], document->ids[k]) == 0;
        if (!found) fail_msg("no element with the id %s", document->references[i]);
    }
}

static void check_words(const char *text, bool is_xml) {
    static const char *const outside[] = {"http:", "https:", "@import", "url(", "fetch(", "XMLHttp"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        int allowed = is_xml && i == 0 ? markup_count(text, "xmlns=\"http:") : 0;
        if (markup_count(text, outside[i]) != allowed) fail_msg("%s is in the document", outside[i]);
    }
    static const char *const numbers[] = {"\"nan", "\"inf", "\"-nan", "\"-inf", " nan", " inf ", ">nan", ">inf"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strstr(text, numbers[i])) fail_msg("%s is in the document: %.80s", numbers[i], strstr(text, numbers[i]));
}

void markup_check(const char *text, bool is_xml) {
    struct document *document = calloc(1, sizeof *document);
    assert_non_null(document);
    *document = (struct document){.text = text, .at = text, .is_xml = is_xml};
    if (!is_xml) {
        if (strncmp(text, "<!DOCTYPE html>", 15) != 0) fail_msg("no doctype");
        document->at += 15;
    }
    while (*document->at) {
        char c = *document->at;
        if (c == '&') check_entity(document);
        document->at++;
        if (c != '<') continue;
        if (*document->at == '/') {
            document->at++;
            read_close_tag(document);
        } else {
            read_open_tag(document);
        }
    }
    if (document->depth != 0) fail_msg("<%s> is not closed", document->open[document->depth - 1]);
    check_references(document);
    free(document);
    check_words(text, is_xml);
}

int markup_count(const char *text, const char *part) {
    int count = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part)) count++;
    return count;
}
