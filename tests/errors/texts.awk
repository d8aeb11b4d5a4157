# Prints FILE:LINE<tab>TEXT for each text of an error message in the C sources given: the formats and the parts of
# messages, as they stand between quotes, that are handed to the functions below. A text has more than one word.

BEGIN {
    calls = "(error_set|state_error|error_fill|place_error|place_fill_error|json_syntax_error|line_error|tensor_error|refuse|" \
            "damaged|image_damaged|image_truncated|bad_element|bad_header|snprintf)\\(|" \
            "(return|meaning =|other_format\\[\\] =|CONFIG_NAME_RULE) *\""
}

FNR == 1 && NR > 1 { search() }
FNR == 1 { file = FILENAME; text = ""; lines = 0 }
{
    sub(/\\$/, "") # a macro that goes on
    lines++
    text = text $0 "\n"
}
END { search() }

function search(    line, call, before) {
    line = 1
    while (match(text, calls)) {
        before = substr(text, 1, RSTART - 1)
        call = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH - (call ~ /"$/))
        line += gsub(/\n/, "", before)
        if (before ~ /[a-z_]$/ && call ~ /^(refuse|damaged|snprintf)/) continue
        if (file ~ /^core\/report\// && call ~ /^return/) continue # a sentence of a report
        take(line, call)
    }
}

# Reads the arguments of a call, of which the opening parenthesis is gone, or a text on its own, up to what closes them.
function take(line, call,    depth, part, literal, rest, is_own) {
    is_own = call ~ /"$/
    depth = is_own ? 0 : 1
    literal = ""
    rest = text
    if (call ~ /^snprintf/ && rest !~ /^(message|what|reason)[,]/) return
    do {
        if (match(rest, /^[ \n]+/)) {
        } else if (match(rest, /^"([^"\\]|\\.)*"/)) {
            part = substr(rest, 2, RLENGTH - 2)
            gsub(/\\"/, "\"", part)
            gsub(/\\\\/, "\\", part)
            literal = literal part
        } else if (match(rest, /^PRI[a-z][0-9]+/)) {
            literal = literal "d"
        } else {
            tell(line, literal)
            literal = ""
            if (!match(rest, /^([A-Za-z_0-9]+|'([^'\\]|\\.)'|.)/)) break
            part = substr(rest, 1, RLENGTH)
            if (part == "(") depth++
            if (part == ")") depth--
        }
        rest = substr(rest, RLENGTH + 1)
    } while (rest != "" && (is_own ? literal != "" : depth > 0))
    tell(line, literal)
}

function tell(line, literal) {
    if (literal ~ /[a-z].* |  *[a-z]/) printf "%s:%d\t%s\n", file, line, literal
}
