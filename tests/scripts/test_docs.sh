#!/bin/sh
# The pages say what the program does: every key and every name of a config, every command and every option.
set -eu
. tests/scripts/lib.sh

# told PAGE LIST: whether each word of the list stands on the page: in backticks, as a heading, or between spaces,
# brackets and bars.
told() {
    [ -s "$2" ] || return 1
    missing=0
    while read -r word; do
        grep -qE -- "(^|[][ |\`])$word([][ |;,\`]|\$)" "$1" && continue
        echo "$1 does not tell of $word"
        missing=1
    done <"$2"
    return $missing
}

# Keys that are JSON schema's own, and the registries, which are names of definitions.
cat >"$scratch/schema_words" <<'END'
additionalProperties
allOf
anyOf
class_name
config
const
default
definitions
description
enum
exclusiveMaximum
exclusiveMinimum
items
maxItems
maximum
minItems
minimum
properties
required
title
activation
augmentation
callback
constraint
initializer
layer
normalization
optimizer
regularizer
schedule
source
type
END
"$program" config --schema >"$scratch/schema.json"
grep -oE '^[[:space:]]*"[A-Za-z0-9_]+":' "$scratch/schema.json" | tr -d '":[:blank:]' | sort -u |
    grep -vxFf "$scratch/schema_words" | grep -v '_list$' >"$scratch/keys"
check "docs/config.md has every key" told docs/config.md "$scratch/keys"

grep -E '"(enum|const)":' "$scratch/schema.json" | sed 's/^[^:]*://' | grep -o '"[^"]*"' | tr -d '"' |
    sort -u >"$scratch/names"
check "docs/config.md has every name and choice" told docs/config.md "$scratch/names"

sed -n 's/^COMMAND(\(.*\))$/\1/p' cmd/registry.def | tr _ - >"$scratch/commands"
"$program" --help | sed -n '/^Commands:/,/^$/p' >"$scratch/help"
check "the help has every command" told "$scratch/help" "$scratch/commands"

while read -r command; do
    "$program" "$command" --help
done <"$scratch/commands" | grep -oE '^ +(-[a-z], )?--[a-z-]+' | sed 's/.*--/--/' | sort -u >"$scratch/options"

# The other way round: commands and options that README.md shows in its blocks exist.
awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 } inside && /^cnntrain / { sub(/ #.*/, ""); print }' README.md \
    >"$scratch/shown"
exist() {
    while read -r _ command rest; do
        case $command in -*) rest="$command $rest" command=train ;; esac
        grep -qx "$command" "$scratch/commands" || {
            echo "no command $command"
            return 1
        }
        for word in $rest; do
            case $word in
                --*) grep -qx -- "$word" "$scratch/options" || {
                    echo "no option $word"
                    return 1
                } ;;
            esac
        done
    done <"$scratch/shown"
    [ -s "$scratch/shown" ]
}
check "README.md shows only what there is" exist

links() {
    broken=0
    for page in README.md docs/*.md; do
        for target in $(grep -o '](\([^)#]*\)' "$page" | sed 's/](//' | grep -v '^http' || true); do
            [ -e "$(dirname "$page")/$target" ] || {
                echo "$page: no file $target"
                broken=1
            }
        done
    done
    return $broken
}
check "links lead somewhere" links
finish
