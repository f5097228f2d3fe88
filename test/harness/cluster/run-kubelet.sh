#!/bin/sh
# Becomes a kubelet for which the machine has other settings and other files than it really has, so that it changes none:
#
#   unshare --mount --propagation unchanged run-kubelet.sh DIRECTORY KUBELET ARGUMENT...
#
# DIRECTORY is the kubelet's own, a shared mount: the runtime must see the volumes that are mounted there.
set -eu
directory=$1
shift

while read -r _ _ _ _ place _; do
  case $place in
    "$directory" | "$directory"/*) ;;
    *) mount --make-private "$place" ;;
  esac
done </proc/self/mountinfo

# Sockets of device plugins and links to logs, whose places cannot be configured.
mount -t tmpfs kubelet /var/lib
mount -t tmpfs kubelet /var/log

# What the kubelet would set if it were not so.
setting() {
  echo "$2" >"/var/lib/$(basename "$1")"
  mount --bind "/var/lib/$(basename "$1")" "/proc/sys/$1"
}
setting vm/overcommit_memory 1
setting vm/panic_on_oom 0
setting kernel/panic 10
setting kernel/panic_on_oops 1
setting kernel/keys/root_maxkeys 1000000
setting kernel/keys/root_maxbytes 25000000

exec "$@"
