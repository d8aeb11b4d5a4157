#!/bin/sh
# Reports as the program leaves them: the same at any number of threads, in need of nothing from elsewhere, well formed,
# small, and linked with each other.
set -eu
. tests/scripts/lib.sh

case $program in
    /*) ;;
    *) program=$PWD/$program ;;
esac
configs=$PWD/configs
mkdir "$scratch/runs"
cd "$scratch/runs"

# Trained with that many threads; all runs had the same folder when their reports were written.
for threads in 1 3; do
    "$program" train -q --config "$configs/conv_max.json" --data synth:300,120 --epochs 2 --threads $threads \
        --set data.validation_split=0.2 --out same >/dev/null
    mv same "with_$threads"
done

# The page without what may differ: times, threads and memory.
timeless() {
    sed '/<dt>Training time/d; /">\(Training time\|Time an epoch\|Images a second\|Peak memory\|Threads\)/d
        s#<td class="num">[0-9.]*</td></tr>#</tr>#' "$1/report.html"
}
same_page() {
    timeless with_1 >one && timeless with_3 >three && cmp one three
    # What was taken out is little: most of the page was compared.
    [ "$(wc -c <one)" -gt "$(($(wc -c <with_1/report.html) * 9 / 10))" ]
}
check "report.html is the same at any number of threads" same_page
for file in curves.svg confusion.svg mistakes.png; do
    check "$file is the same at any number of threads" cmp with_1/$file with_3/$file
done

"$program" experiments "$configs/six.json" --data synth:200,100 --epochs 1 --seeds 2 --out six >/dev/null 2>&1

# No address but that in the name of SVG's format, and pictures within the page only.
fetches_nothing() {
    cat six/report.html six/*/report.html six/*.svg six/*/*.svg | sed 's#xmlns="http://www.w3.org/2000/svg"##' >pages
    ! LC_ALL=C grep -noE '(https?:|="//|@import|url\(|<link|<iframe| src="[^d]|fetch\().{0,40}' pages
}
check "pages and drawings fetch nothing" fetches_nothing

small() {
    [ "$(wc -c <six/report.html)" -lt 3000000 ] && [ "$(wc -c <six/conv_avg-seed1/report.html)" -lt 3000000 ]
}
check "a report is smaller than 3 MB" small

linked() {
    grep -o 'href="[^#"]*"' six/report.html | sed 's/href="//; s/"$//' >links
    [ "$(wc -l <links)" -eq 12 ]
    while read -r link; do [ -s "six/$link" ] || return 1; done <links
}
check "a batch's report leads to those of its runs" linked

shown() {
    for folder in six six/*-seed?; do
        sed -n 's/.*!\[[^]]*\](\([^)]*\)).*/\1/p' "$folder/report.md" >pictures
        [ "$(wc -l <pictures)" -ge 2 ]
        while read -r picture; do [ -s "$folder/$picture" ] || return 1; done <pictures
    done
}
check "the pictures of report.md are beside it" shown

# Appended to a page: presses keys as a reader without a pointer would, and leaves what was told as the page's only text.
cat >keys.html <<'END'
<script>
const told = [];
const say = name => told.push(name + ': ' + document.getElementById('said').textContent.split('\n')[0]);
const press = (chart, key) => chart.dispatchEvent(new KeyboardEvent('keydown', {key: key, cancelable: true}));
const chart = document.querySelector('svg.chart');
told.push('focus ' + document.querySelectorAll('svg.chart[tabindex="0"]').length);
for (const key of ['ArrowRight', 'ArrowRight', 'ArrowUp', 'End', 'ArrowRight', 'Home']) press(chart, key), say(key);
const matrix = Array.from(document.querySelectorAll('svg.chart')).find(one => one.querySelector('.cell'));
for (const key of ['Home', 'ArrowDown', 'ArrowRight']) press(matrix, key), say(key);
press(matrix, 'Escape');
told.push('hidden ' + document.getElementById('tip').hidden);
document.querySelector('g > .hit').dispatchEvent(new PointerEvent('pointermove', {bubbles: true}));
told.push('bar ' + document.getElementById('tip').textContent.split(':')[0]);
const head = document.querySelector('table.sortable th');
head.querySelector('button').click(), head.querySelector('button').click();
told.push('sort ' + head.getAttribute('aria-sort') + ' ' + document.querySelector('table.sortable tbody th').textContent);
document.body.textContent = told.join(' / ');
</script>
END
keys_tell() {
    cat six/report.html keys.html >pressed.html
    "$chromium" --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/browser" --dump-dom \
        "file://$PWD/pressed.html" 2>/dev/null | sed -n 's/.*<body>//; s/<\/body>.*//; /^focus/p' >told
    cat told
    names='focus 6 / ArrowRight: conv_avg / ArrowRight: conv_max / ArrowUp: conv_avg / End: sep_max'
    names="$names / ArrowRight: sep_max / Home: conv_avg / Home: 0, conv_avg / ArrowDown: 1, conv_avg"
    names="$names / ArrowRight: 1, conv_max / hidden true / bar conv_avg / sort descending sep_max"
    [ "$(sed 's/: [0-9][0-9.]* %//g' told)" = "$names" ]
}
if chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome); then
    check "arrow keys tell a chart's values, keys sort a table" keys_tell
else
    skip "arrow keys tell a chart's values, keys sort a table (chromium is not installed)"
fi

if command -v xmllint >/dev/null; then
    check "drawings are XML" xmllint --noout six/accuracy.svg six/curves.svg with_1/curves.svg with_1/confusion.svg
else
    skip "drawings are XML (xmllint is not installed)"
fi
finish
