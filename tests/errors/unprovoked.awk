# awk -f unprovoked.awk MESSAGES EXCEPTIONS TEXTS: prints what is amiss: texts (texts.awk) that stand in no message and
# are no exception, and exceptions without a text or with a message. An exception that ends with * stands for all texts
# that begin so; it is a line of the file below the reason, which begins with "## ".

FILENAME == ARGV[1] { messages = messages $0 "\n"; next }
FILENAME == ARGV[2] {
    if ($0 == "" || /^## /) next
    if (/\*$/) beginnings[substr($0, 1, length($0) - 1)] = 0
    else exceptions[$0] = 0
    next
}
{
    place = $0
    text = $0
    sub(/\t.*/, "", place)
    sub(/^[^\t]*\t/, "", text)
    if (text in said) next
    said[text] = 1
    is_provoked = messages ~ expression(text)
    if (text in exceptions) {
        exceptions[text] = 1
        if (is_provoked) print "is provoked, but an exception: " text
        next
    }
    for (beginning in beginnings)
        if (index(text, beginning) == 1) {
            beginnings[beginning] = 1
            next
        }
    if (!is_provoked) print place ": no case provokes: " text
}
END {
    for (text in exceptions) if (!exceptions[text]) print "no message any more, but an exception: " text
    for (text in beginnings) if (!beginnings[text]) print "no message any more, but an exception: " text "*"
}

# The regular expression of what a format prints.
function expression(format,    result, conversion) {
    result = ""
    gsub(/%%/, "\001", format)
    while (match(format, /%[-+0]*[0-9]*(\.([0-9]+|\*))?[hlztj]*[a-zA-Z]/)) {
        conversion = substr(format, RSTART + RLENGTH - 1, 1)
        result = result plain(substr(format, 1, RSTART - 1)) (conversion == "s" ? "[^\n]*" : "[-+.0-9a-fein]+")
        format = substr(format, RSTART + RLENGTH)
    }
    return result plain(format)
}

function plain(text) {
    gsub(/[][\\.*+?(){}|^$\/]/, "\\\\&", text)
    gsub(/\001/, "%", text)
    return text
}
