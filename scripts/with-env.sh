#!/usr/bin/env bash
# Runs a command with the settings of a file, one NAME=value per line:
#
#   scripts/with-env.sh .env.staging ./k6 run scripts/e2e-load.js
#
# Like `docker run --env-file`, it takes each value literally: nothing in it is run or replaced. Errors name the number of the line and
# not the line, which may hold a secret.
set -u

file=$1 number=0 settings=()
shift

refuse() {
  echo "$file, line $number: $1" >&2
  exit 2
}

[[ -f $file && -r $file ]] || { echo "no $file: copy .env.example to it and fill it in" >&2; exit 2; }
while IFS= read -r line || [[ $line ]]; do
  ((number++))
  line=${line%$'\r'}
  [[ $line == $'\xEF\xBB\xBF'* ]] && refuse 'it begins with a byte order mark: save the file as UTF-8 without one'
  [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
  [[ $line =~ ^[[:space:]]*export[[:space:]] ]] && refuse 'it begins with export, which only a shell understands: remove that word'
  [[ $line =~ ^([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] || refuse 'expected NAME=value, without spaces before the name or around the ='
  [[ ${BASH_REMATCH[2]} =~ ^[[:space:]]*(\".*\"|\'.*\')[[:space:]]*$ ]] && refuse "${line%%=*} is in quotes, which would become part of the value: remove them"
  settings+=("$line")
done <"$file"

((${#settings[@]})) && { export "${settings[@]}" || exit 2; } # all at once, so that no name in the file changes how it is read
exec "$@"
