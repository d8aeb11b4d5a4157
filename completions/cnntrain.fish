# fish completion for cnntrain: the program itself knows the candidates (cnntrain complete -- WORDS).
# Installed as share/fish/vendor_completions.d/cnntrain.fish; to use it without: source completions/cnntrain.fish

function __cnntrain_candidates
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    $program complete -- $words (commandline -ct) 2>/dev/null
end
complete -c cnntrain -f -a '(__cnntrain_candidates)'
