# bash completion for cnntrain: the program itself knows the candidates (cnntrain complete -- WORDS).
# Installed as share/bash-completion/completions/cnntrain; to use it without: . completions/cnntrain.bash

_cnntrain() {
    local words=() word='' raw='' i candidate end settled line special='[][ "&;()<>|*?$\'"'"']'
    # Bash splits words at = and : too; they are put together again.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        raw=${COMP_WORDS[i]}
        if [[ $i -gt 1 && -n $word && ($raw == [=:]* || $word == *[=:]) ]]; then
            word+=$raw
        else
            [[ $i -eq 1 ]] || words+=("$word")
            word=$raw
        fi
    done
    # Behind a space a new word begins, whatever the one before ends in.
    line=${COMP_LINE:0:COMP_POINT}
    if [[ -n $line && $line == *[[:space:]] && -z $raw && -n $word ]]; then
        words+=("$word")
        word=''
    fi
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
