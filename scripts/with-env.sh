#!/usr/bin/env bash
# Runs a command with the settings of a file, one NAME=value per line:
#
#   scripts/with-env.sh .env.staging ./k6 run scripts/e2e-load.js
#
# Like `docker run --env-file`, it takes each value literally: nothing in it is run or replaced. What a shell would read in another way, such as
# quotes or a comment behind a value, is refused. Errors name the number of the line and not the line, which may hold a secret.
set -u

file=$1 number=0 settings=()
shift

refuse() {
  echo "$file, line $number: $1" >&2
  exit 2
}

[[ -f $file && -r $file ]] || { echo "no $file: copy .env.example to it and fill it in" >&2; exit 2; }
tr -d '\0' <"$file" | cmp -s - "$file" || { echo "$file, line 1: it holds NUL bytes, as UTF-16 does: save the file as UTF-8" >&2; exit 2; }
while IFS= read -r line || [[ $line ]]; do
  ((number++))
  line=${line%$'\r'}
  [[ $line == $'\xEF\xBB\xBF'* ]] && refuse 'it begins with a byte order mark: save the file as UTF-8 without one'
  [[ $line == *$'\r'* ]] && refuse 'it holds a carriage return, which ends no line here: save the file with the line ends of Unix'
  [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
  [[ $line =~ ^[[:space:]]*export[[:space:]] ]] && refuse 'it begins with export, which only a shell understands: remove that word'
  [[ $line =~ ^([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] || refuse 'expected NAME=value, without spaces before the name or around the ='
  value=${BASH_REMATCH[2]}
  [[ $value =~ ^[[:space:]]*[\"\'] ]] && refuse "${line%%=*} begins with a quote, which would become part of the value: remove the quotes"
  [[ $value =~ (^|[[:space:]])# ]] && refuse "${line%%=*} has a blank and a # in it, where a shell begins a comment: give the comment a line of its own"
  settings+=("$line")
done <"$file"

((${#settings[@]})) && { export "${settings[@]}" || exit 2; } # all at once, so that no name in the file changes how it is read
exec "$@"
