#!/usr/bin/env bash
# Runs e2e-load.js in N processes on this machine, each with its segment of the work, and merges their results:
#
#   scripts/distributed.sh N [options of k6 run]
#
# Each process leaves its log and its own report in results/distributed/1 and so on. The merged report is in results/, and the exit
# code is the one that k6 would give the whole run. k6 has no common start: each process runs setup() itself and then begins, as under
# k6-operator. The verdict says how far apart they began.
set -um # each process has its own group, so that Ctrl-C in a terminal reaches it once, through us (k6 aborts at the second)

home=$(cd "$(dirname "$0")/.." && pwd)
n=${1-}
[[ $n =~ ^[1-9][0-9]*$ ]] || { echo "set N, the number of processes: make distributed N=3"; exit 2; }
shift

interrupted=105 # k6's exit code for that
sequence=0 summaries=() pids=() stopped=0 failed=0
for ((i = 1; i <= n; i++)); do sequence+=,$i/$n; done
trap 'kill -INT "${pids[@]}"' INT TERM
rm -rf results/distributed
for ((i = 1; i <= n; i++)); do
  folder=results/distributed/$i
  mkdir -p $folder
  summaries+=("$folder/results/e2e-load-summary.json")
  (cd $folder && exec "$home/k6" run --execution-segment $((i - 1))/$n:$i/$n --execution-segment-sequence $sequence \
    "$@" "$home/scripts/e2e-load.js" >k6.log 2>&1) &
  pids+=($!)
done
echo "$n processes; their logs: results/distributed/*/k6.log. To follow the first: tail -f results/distributed/1/k6.log"

for ((i = 1; i <= n; i++)); do
  until wait "${pids[i - 1]}"; code=$?; ! kill -0 "${pids[i - 1]}" 2>/dev/null; do :; done # a signal ends a wait early
  case $code in
  0 | 99) ;; # its verdict on its own part
  "$interrupted") stopped=$code ;;
  *)
    echo "process $i exited with code $code; the end of its log:"
    tail -n 3 "results/distributed/$i/k6.log"
    failed=$code
    ;;
  esac
done
((failed)) && exit $failed

K6_AUTO_EXTENSION_RESOLUTION=false "$home/k6" x sparkmotion merge "${summaries[@]}"
merged=$?
exit $((stopped ? stopped : merged))
