#!/bin/sh
# Brings what a bundle of Stowage carries into the containerd of a node that has nothing but containerd: no link, no
# registry and no Stowage is needed, because it comes out of the bundle. To be repeated after an interruption.
set -eu

usage() {
  cat <<'USAGE'
Usage: sh import.sh [--socket SOCKET] [--data DIRECTORY] BUNDLE

  --socket SOCKET   containerd's (default: /run/containerd/containerd.sock, or that of k3s and RKE2 where it is)
  --data DIRECTORY  what the agent remembers (default: /var/lib/stowage/agent, as the agent of the chart has it)

All images of the bundle are under their names afterwards, pinned, so that a full disk does not cost them.
CTR names another program than ctr, such as CTR="k3s ctr".
USAGE
}

fail() {
  echo "import.sh: $1" >&2
  exit 1
}

here=$(CDPATH='' cd -P "$(dirname "$0")" && pwd -P)
socket='' data=/var/lib/stowage/agent bundle=''
while [ $# -gt 0 ]; do
  case $1 in
    --socket | --data)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --socket) socket=$2 ;;
        --data) data=$2 ;;
      esac
      shift 2
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    -*)
      usage >&2
      fail "there is no option $1"
      ;;
    *)
      [ -z "$bundle" ] || fail "one bundle at a time: $bundle, then $1"
      bundle=$1
      shift
      ;;
  esac
done
if [ -z "$bundle" ]; then
  usage >&2
  fail 'a bundle is needed'
fi
[ -r "$bundle" ] || fail "$bundle cannot be read"
[ "$(id -u)" = 0 ] || fail 'run it as root'
if [ -z "$socket" ]; then
  socket=/run/containerd/containerd.sock
  if [ -S /run/k3s/containerd/containerd.sock ]; then socket=/run/k3s/containerd/containerd.sock; fi
fi
[ -S "$socket" ] || fail "there is no containerd at $socket; name its socket by --socket"

ctr=${CTR:-}
if [ -z "$ctr" ]; then
  PATH=$PATH:/var/lib/rancher/rke2/bin
  if command -v ctr >/dev/null; then ctr=ctr; elif command -v k3s >/dev/null; then ctr='k3s ctr'; else fail 'there is no ctr here; name one by CTR'; fi
fi
# Not quoted, because it may be two words.
in_containerd() { $ctr --address "$socket" --namespace k8s.io "$@"; }

image=localhost/stowage:$(cat "$here/VERSION")
in_containerd images import "$bundle"

# The program runs out of its own image, by the libraries there, as a process of the node.
root=$(mktemp -d)
unmount() {
  in_containerd images unmount --rm "$root" >/dev/null
  rmdir "$root"
}
trap unmount EXIT
in_containerd images mount "$image" "$root" >/dev/null
for loader in "$root"/lib64/ld-linux-*.so.* "$root"/lib/ld-linux-*.so.*; do
  if [ -e "$loader" ]; then break; fi
done
for libraries in "$root"/usr/lib/*-linux-gnu; do :; done
mkdir -p "$data"
"$loader" --library-path "$libraries" "$root/usr/bin/node" "$root/usr/lib/stowage/node_modules/stowage/dist/main.js" \
  bundle import "$bundle" --data "$data" --runtime "containerd:$socket"
