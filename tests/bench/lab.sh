# What scripts/bench and scripts/bench-curves share: servers on 127.0.77.x in a folder of its own, pinned to one core, and the load on
# another. Sourced, in the folder of the project; sets $work, which is removed at the end unless keep=yes.

bin="$PWD/build/release"
report() { python3 tests/bench/report.py "$@"; }
work=$(mktemp -d -t first-attach-bench.XXXXXX)
keep=""
declare -A pid_of=()
server_core=0 load_core=0
if [ "$(nproc)" -gt 1 ]; then load_core=1; fi
ulimit -n "$(ulimit -Hn)"

finish() {
  local status=$? name
  for name in "${!pid_of[@]}"; do stop "$name"; done
  if [ $status -ne 0 ] || [ -n "$keep" ]; then echo "what the servers left is in $work" >&2; else rm -rf "$work"; fi
  exit $status
}
trap finish EXIT

build_all() {
  scripts/install-dependencies build bench
  cmake --preset release >/dev/null
  cmake --build build/release -j "$(nproc)" --target nf-arpf nf-d-ausf nf-ausf-ext ue-sim bench-load bench-seed -- --quiet
}

# await NAME ADDRESS PORT: until it listens; fails if it has ended.
await() {
  local _
  for _ in $(seq 600); do
    if (exec 3<>"/dev/tcp/$2/$3") 2>/dev/null; then return 0; fi
    kill -0 "${pid_of[$1]}" 2>/dev/null || break
    sleep 0.05
  done
  echo "$1 does not start:" >&2
  tail -n 5 "$work/$1.out" >&2
  return 1
}

# serve NAME ADDRESS PORT COMMAND...: a server on the servers' core.
serve() {
  local name="$1" address="$2" port="$3"
  shift 3
  if (exec 3<>"/dev/tcp/$address/$port") 2>/dev/null; then echo "something listens at $address:$port already" >&2; return 1; fi
  taskset -c "${pinned_to:-$server_core}" "$@" >>"$work/$name.out" 2>&1 &
  pid_of[$name]=$!
  await "$name" "$address" "$port"
}

stop() {
  local pid="${pid_of[$1]:-}"
  if [ -z "$pid" ]; then return 0; fi
  kill -TERM "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  unset "pid_of[$1]"
}

pki() {
  [ -d "$work/pki" ] || "$bin/ue-sim" pki --out "$work/pki" --arpf-uri http://127.0.77.30:7777 >"$work/pki.log"
}

# start_nf NF [NAME [HOST]]: arpf, d-ausf or ausf-ext with its configuration as it is in config/, in the lab's folder; the database is
# NAME.db. NAME with -tls: HTTP/2 over TLS, without client certificates.
start_nf() {
  local nf="$1" name="${2:-$1}" host
  case "$nf" in arpf) host=30 ;; d-ausf) host=40 ;; ausf-ext) host=50 ;; esac
  host="127.0.77.${3:-$host}"
  pki
  sed -e "s#lab/$nf\.#$work/$name.#; s#lab/#$work/#" -e "s#address: 127\.0\.0\.[345]0#address: $host#" -e 's#127\.0\.0\.#127.0.77.#g' \
    "config/$nf.yaml" >"$work/$name.yaml"
  if [[ "$name" == *-tls ]]; then
    sed -i '/^    server:/,/^    http1:/s/^#~\( *\(tls:\|certificate:\|private_key:\)\)/  \1/' "$work/$name.yaml"
  fi
  serve "$name" "$host" 7777 "$bin/nf-$nf" -c "$work/$name.yaml"
}

remove_database() { rm -rf "$work/$1".db*; }

# start_nghttpd [tls]: one worker; it answers a POST with a static file that is as large as our answer, see answer_of.
start_nghttpd() {
  mkdir -p "$work/htdocs/nausf-auth/v1"
  if [ "${1:-}" = tls ]; then
    serve nghttpd 127.0.77.10 9443 nghttpd -n1 -a 127.0.77.10 -d "$work/htdocs" 9443 "$work/pki/tls-d-ausf.key" "$work/pki/tls-d-ausf.pem"
  else
    serve nghttpd 127.0.77.10 9080 nghttpd -n1 --no-tls -a 127.0.77.10 -d "$work/htdocs" 9080
  fi
}

# answer_of HOST IMSI: makes nghttpd's file as large as the answer of a function to a challenge for that IMSI.
answer_of() {
  local size
  mkdir -p "$work/htdocs/nausf-auth/v1"
  size=$(curl -sf -X POST -H 'content-type: application/json' \
    -d "{\"supiOrSuci\":\"imsi-$2\",\"servingNetworkName\":\"5G:mnc001.mcc001.3gppnetwork.org\"}" \
    "http://$1:8080/nausf-auth/v1/ue-authentications" | wc -c)
  [ "$size" -gt 100 ] || { echo "no challenge at $1 for $2" >&2; return 1; }
  head -c "$size" /dev/zero | tr '\0' x >"$work/htdocs/nausf-auth/v1/ue-authentications"
}

# load FILE SERVER ARGUMENTS...: one run of bench-load on the load's core; its line goes to the end of FILE, and to the screen.
load() {
  local file="$1" server="$2"
  shift 2
  taskset -c "$load_core" "$bin/bench-load" --pid "${pid_of[$server]}" "$@" | tee -a "$file" | cut -c 1-200 >&2
}

load_nghttpd() { load "$1" nghttpd --uri http://127.0.77.10:9080 --mode fixed --path /nausf-auth/v1/ue-authentications "${@:2}"; }

# seed_vectors NAME HOST COUNT: so many vectors, in ascending order.
seed_vectors() {
  echo "  seeding $3 vectors" >&2
  load "$work/seed.jsonl" "$1" --uri "http://127.0.77.$2:7777" --mode bulk --count "$3"
}
