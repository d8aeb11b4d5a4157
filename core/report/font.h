/* Letters of a few pixels, for the labels in pictures: a drawing of each printable ASCII character. */
#ifndef CNNTRAIN_CORE_REPORT_FONT_H
#define CNNTRAIN_CORE_REPORT_FONT_H

enum { FONT_ASCENT = 7, FONT_HEIGHT = 9 }; /* rows above the baseline; rows of all letters */

/* The drawing of a character, rows from the top divided by '/', '#' for ink; rows may end early and at most FONT_HEIGHT
 * are there. What is no printable ASCII is drawn as '?'. The width is that of the longest row; letters stand one column
 * apart. */
const char *font_drawing(unsigned char character);

#endif
