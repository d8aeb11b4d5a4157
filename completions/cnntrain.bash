# bash completion for cnntrain: the program itself knows the candidates (cnntrain complete -- WORDS).
# Installed as share/bash-completion/completions/cnntrain; to use it without: . completions/cnntrain.bash

_cnntrain() {
    # shellcheck disable=SC1003 # a backslash, then a quote
    local words=() word='' raw='' i candidate end settled special='[][ "&;()<>|*?$\'"'"']'
    local line=${COMP_LINE:0:COMP_POINT}
    line=${line#"${COMP_WORDS[0]}"}
    # Bash splits words at = and : too; those without a space between them are put together again.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        raw=${COMP_WORDS[i]}
        if [[ $i -gt 1 && ($line == [[:space:]]* || (-z $line && $raw != [=:]* && $word != *[=:])) ]]; then
            words+=("$word")
            word=''
        fi
        word+=$raw
        line=${line#"${line%%[![:space:]]*}"}
        line=${line#"$raw"}
    done
    words+=("${word//\\/}")

    # What bash keeps of the word as it stands: all up to the part that it asks for.
    [[ $raw == [=:]* ]] && raw=''
    settled=$((${#word} - ${#raw}))

    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        candidate=${candidate:settled}
        end=' '
        [[ $candidate == *[/=:] ]] && end=''
        [[ $candidate =~ $special ]] && printf -v candidate '%q' "$candidate"
        COMPREPLY+=("$candidate$end")
    done < <("${COMP_WORDS[0]/#\~/$HOME}" complete -- "${words[@]}" 2>/dev/null)
}
complete -o nospace -F _cnntrain cnntrain
