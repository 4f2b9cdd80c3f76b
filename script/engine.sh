# Sourced by demo and dev: an engine on roots, a socket and a bridge of its own, of which nothing is left afterwards.
# shellcheck shell=sh

# engine_prepare NAME: makes a place for it, points clients at it and sets $engine_flags.
engine_prepare() {
  engine_name=gantry-$1-$$
  engine_bridge=gantry$$
  engine_place=$(mktemp -d "/var/tmp/gantry-$1.XXXXXX")
  engine_pid=''
  export GANTRY_HOST="unix://$engine_place/socket" DOCKER_HOST="unix://$engine_place/socket"
  engine_flags="--host=$GANTRY_HOST --data-root=$engine_place/data --exec-root=$engine_place/run
    --pidfile=$engine_place/pid --config-file=$engine_place/daemon.json
    --bridge=$engine_bridge --cgroup-parent=/$engine_name"
  echo '{}' >"$engine_place/daemon.json"
  trap engine_remove EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

# engine_wait PID: returns when the engine answers; shows its log and fails if it ends before.
engine_wait() {
  engine_pid=$1
  until bin/gantry info >/dev/null 2>&1; do
    if ! kill -0 "$engine_pid" 2>/dev/null; then
      cat "$engine_place/log" >&2
      return 1
    fi
    sleep 0.05
  done
}

engine_remove() {
  trap - EXIT
  trap '' INT TERM HUP
  if [ -n "$engine_pid" ] && kill -0 "$engine_pid" 2>/dev/null; then
    containers_removed=yes
    engine_remove_containers || containers_removed=''
    kill "$engine_pid"
    wait "$engine_pid" 2>/dev/null || true
    if [ -z "$containers_removed" ]; then
      echo "The engine did not remove its containers: they are still in $engine_place" >&2
      return 1
    fi
  fi
  umount --lazy "$engine_place/run" 2>/dev/null || true
  ip link delete "$engine_bridge" 2>/dev/null || true
  nft delete table inet "gantry_$engine_bridge" 2>/dev/null || true
  for group in /sys/fs/cgroup/"$engine_name" /sys/fs/cgroup/*/"$engine_name"; do
    [ ! -d "$group" ] || rmdir "$group" 2>/dev/null || true
  done
  rm -rf "$engine_place"
}

# Waits some seconds for an engine that is starting, or that whoever edits its sources has just broken.
engine_remove_containers() {
  attempts=40
  until containers=$(timeout 10 bin/gantry ps --all --quiet 2>/dev/null); do
    # Only what runs needs the engine to be removed.
    ls -d "$engine_place"/run/containers/* >/dev/null 2>&1 || return 0
    attempts=$((attempts - 1))
    [ "$attempts" -gt 0 ] || return 1
    sleep 0.1
  done
  # shellcheck disable=SC2086 # a list of ids
  [ -z "$containers" ] || bin/gantry rm --force --volumes $containers >/dev/null
}
