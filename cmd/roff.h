/* Text as manual pages want it: escaped, with what is to be typed in bold. */
#ifndef CNNTRAIN_CMD_ROFF_H
#define CNNTRAIN_CMD_ROFF_H

#include "core/text.h"

/* A string as it is to be typed: no hyphen that a reader could not copy. */
void roff_add_literal(struct text *text, const char *string);
/* Paragraphs, each ended by a newline; words in `backticks` and options become bold, lines that begin with a space are
 * kept as they are. */
void roff_add_prose(struct text *text, const char *paragraphs);
/* "--config FILE | MODEL [options]": words of capitals in italics, options in bold. */
void roff_add_usage(struct text *text, const char *usage);
/* Lines that keep their breaks. */
void roff_add_lines(struct text *text, const char *lines);

#endif
