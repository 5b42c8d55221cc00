#!/bin/bash
# Three real nodes on loopback, told in plain words; then a partition in the simulator. Ends by itself, leaves no process
# behind; exit code 0 only when everything happened as told.
# Usage: demo.sh DIRECTORY-OF-PROGRAMS DIRECTORY-OF-SCENARIOS
set -euo pipefail

readonly node_program="$1/meshdict-node"
readonly simulator="$1/meshdict-sim"
readonly scenarios="$2"
readonly patience=30  # seconds; only a failure lasts so long

work=$(mktemp -d)
declare -A pid mesh redis

clean_up() {
  local p
  for p in "${pid[@]}"; do kill -KILL "$p" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '\n%s\n' "$*"; }
fail() {
  printf '\nNOT AS TOLD: %s\n' "$*" >&2
  local log
  for log in "$work"/*.log; do
    [[ -e $log ]] || continue
    printf -- '--- %s\n' "$(basename "$log")" >&2
    tail -n 20 "$log" >&2
  done
  exit 1
}

# launch NAME OPTION...: starts a node and learns its ports from the line that it prints.
launch() {
  local name=$1 deadline=$((SECONDS + patience))
  shift
  : > "$work/$name.out"
  "$node_program" --log-level info "$@" > "$work/$name.out" 2>> "$work/$name.log" &
  pid[$name]=$!
  until grep -q ' redis=' "$work/$name.out"; do
    kill -0 "${pid[$name]}" 2>/dev/null || fail "node $name did not start"
    ((SECONDS < deadline)) || fail "node $name did not say where it listens"
    sleep 0.05
  done
  mesh[$name]=$(sed -n 's/.* mesh=\([^ ]*\).*/\1/p' "$work/$name.out")
  redis[$name]=$(sed -n 's/.* redis=\([^ ]*\).*/\1/p' "$work/$name.out")
  printf '  node %s: mesh %s, Redis clients %s\n' "$name" "${mesh[$name]}" "${redis[$name]}"
}

# cli NAME ARGUMENT...: what redis-cli says to a node. The exit code is 0 for an error reply, too.
cli() {
  local name=$1
  shift
  redis-cli -h "${redis[$name]%:*}" -p "${redis[$name]##*:}" "$@" 2>&1 || true
}

# show NAME ARGUMENT...: the same, with the command written out.
show() {
  local name=$1 answer
  shift
  answer=$(cli "$name" "$@")
  printf '  %s> %s\n' "$name" "$*"
  printf '     %s\n' "${answer//$'\n'/$'\n     '}"
}

# expect NAME ANSWER ARGUMENT...: waits until the command gives that answer.
expect() {
  local name=$1 wanted=$2 deadline=$((SECONDS + patience)) answer
  shift 2
  until answer=$(cli "$name" "$@") && [[ $answer == "$wanted" ]]; do
    ((SECONDS < deadline)) || fail "on node $name, '$*' answers '$answer' and not '$wanted'"
    sleep 0.05
  done
  show "$name" "$@"
}

command -v redis-cli > /dev/null || fail 'redis-cli is missing: .ci/setup installs it'

say 'Three nodes of one mesh, in a chain: B joins A, and C joins B.'
launch A --listen 127.0.0.1:0 --resp 127.0.0.1:0
launch B --listen 127.0.0.1:0 --resp 127.0.0.1:0 --join "${mesh[A]}"
launch C --listen 127.0.0.1:0 --resp 127.0.0.1:0 --join "${mesh[B]}"

say 'A key set on A is there on all: C, which was told of B only, shows it.'
expect A OK set greeting hello
expect C hello get greeting

say 'A node that sets a key leases it: for an hour (and a margin for clocks that differ) no other node can overwrite it.'
refusal=$(cli B set greeting 'good morning')
printf '  B> set greeting "good morning"\n     %s\n' "$refusal"
[[ $refusal == LEASED\ *\ holds\ this\ key\ for\ *\ s* ]] || fail "B was not refused: $refusal"
expect B hello get greeting
printf '  C> lease greeting\n'
cli C lease greeting | paste -sd ' \n' | sed 's/^/     /'

say 'A thousand keys more, pipelined into B.'
for ((i = 0; i < 1000; ++i)); do printf 'SET item:%d value-%d\r\n' "$i" "$i"; done |
  redis-cli -h "${redis[B]%:*}" -p "${redis[B]##*:}" --pipe > "$work/pipe.out" || fail "$(cat "$work/pipe.out")"
grep -q 'errors: 0, replies: 1000' "$work/pipe.out" || fail "$(cat "$work/pipe.out")"
for name in A B C; do expect "$name" 1001 dbsize; done

say 'C is killed (kill -9): no goodbye, and nothing on disk.'
kill -KILL "${pid[C]}"
wait "${pid[C]}" 2>/dev/null || true
unset 'pid[C]'
expect A OK set while-c-was-away 'this too'

say 'It is started again, empty, and gets everything from its neighbours.'
launch C --listen "${mesh[C]}" --resp "${redis[C]}" --join "${mesh[A]}"
expect C 1002 dbsize
expect C 'this too' get while-c-was-away
expect C value-999 get item:999

say 'SIGTERM: each node says goodbye to the others and ends with exit code 0.'
for name in A B C; do
  kill -TERM "${pid[$name]}"
  code=0
  wait "${pid[$name]}" || code=$?
  unset "pid[$name]"
  ((code == 0)) || fail "node $name ended with exit code $code"
  printf '  node %s has ended\n' "$name"
done

say 'The same core runs in a simulator: here a mesh is cut in two and heals, always alike for one seed.'
if [[ -x $simulator ]]; then
  printf '  meshdict-sim run scenarios/partition_heal.yaml --seed 7\n'
  "$simulator" run "$scenarios/partition_heal.yaml" --seed 7 > "$work/sim.out" 2>&1 || fail "$(cat "$work/sim.out")"
  tail -n 5 "$work/sim.out" | sed 's/^/     /'
  tail -n 1 "$work/sim.out" | grep -q 'PASS$' || fail 'the simulation did not pass'
else
  fail "$simulator has not been built"
fi

say "All as told. A node of your own:

  $node_program                                    (redis-cli -p 6480 talks to it)
  $node_program --listen 127.0.0.1:0 --resp 127.0.0.1:0 --join 127.0.0.1:44565    (a second one)
  $node_program --help"
