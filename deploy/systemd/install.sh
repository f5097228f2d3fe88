#!/bin/sh
# Installs the agent of Stowage on a node with systemd and glibc 2.28 or newer; run it again to upgrade.
set -eu

usage() {
  cat <<'USAGE'
Usage: install.sh --central URL [--node NAME] [--runtime RUNTIME]
       install.sh --uninstall

  --central URL      the centre, such as http://10.0.0.1:5080
  --node NAME        name of this node, as the centre knows it (default: its host name)
  --runtime RUNTIME  containerd (default), or containerd:SOCKET; found by itself for k3s and RKE2
  --uninstall        takes the agent away; images stay, and so does what it remembers, in /var/lib/stowage

What is in /etc/stowage/agent.env already stays: without options, a second run only upgrades.
DESTDIR=DIRECTORY installs below that directory, and starts nothing.
USAGE
}

fail() {
  echo "install.sh: $1" >&2
  exit 1
}

here=$(CDPATH='' cd -P "$(dirname "$0")" && pwd -P)
root=${DESTDIR:-}
opt=$root/opt/stowage
settings=$root/etc/stowage/agent.env
unit=$root/etc/systemd/system/stowage-agent.service

is_live() { [ -z "$root" ]; }

uninstall() {
  if is_live; then systemctl disable --now stowage-agent.service || true; fi
  rm -rf "$opt" "$unit"
  if is_live; then systemctl daemon-reload; fi
  echo "The agent is gone. Images stay; what it remembered is in $root/var/lib/stowage, its settings in $settings."
}

central='' node='' runtime='' wants=install
while [ $# -gt 0 ]; do
  case $1 in
    --central | --node | --runtime)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --central) central=$2 ;;
        --node) node=$2 ;;
        --runtime) runtime=$2 ;;
      esac
      shift 2
      ;;
    --uninstall)
      wants=uninstall
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      fail "there is no option $1"
      ;;
  esac
done

if is_live; then
  [ "$(id -u)" = 0 ] || fail 'run it as root'
  command -v systemctl >/dev/null || fail 'there is no systemd here; start "stowage agent" by what starts programs here'
fi
if [ "$wants" = uninstall ]; then
  uninstall
  exit 0
fi

version=$(cat "$here/VERSION")
program=$here/node_modules/stowage/bin/stowage
"$program" --version >/dev/null || fail "Stowage does not run here: is this archive for $(uname -m), and is glibc 2.28 or newer there?"

if [ ! -e "$settings" ]; then
  [ -n "$central" ] || fail '--central is needed'
  if [ -z "$runtime" ]; then
    runtime=containerd
    if [ -S "$root/run/k3s/containerd/containerd.sock" ]; then runtime=containerd:/run/k3s/containerd/containerd.sock; fi
  fi
  mkdir -p "$root/etc/stowage"
  # Written beside and renamed: half a file would be taken for what was wanted.
  cat >"$settings.new" <<SETTINGS
# Settings of the agent, as "stowage agent --help" names them; "systemctl restart stowage-agent" takes them up.
STOWAGE_CENTRAL=$central
STOWAGE_NODE=${node:-$(uname -n)}
STOWAGE_RUNTIME=$runtime
STOWAGE_DATA=/var/lib/stowage
SETTINGS
  mv "$settings.new" "$settings"
elif [ -n "$central$node$runtime" ]; then
  fail "$settings is there: change it, and run this without options"
fi

mkdir -p "$opt" "$(dirname "$unit")"
rm -rf "$opt/$version.new"
mkdir "$opt/$version.new"
cp -R "$here/node_modules" "$here/VERSION" "$opt/$version.new/"
rm -rf "${opt:?}/$version.old"
if [ -e "$opt/$version" ]; then mv "$opt/$version" "$opt/$version.old"; fi
mv "$opt/$version.new" "$opt/$version"
ln -sfn "$version" "$opt/current.new"
mv -T "$opt/current.new" "$opt/current"
rm -rf "${opt:?}/$version.old"
cp "$here/stowage-agent.service" "$unit"

if is_live; then
  systemctl daemon-reload
  systemctl enable stowage-agent.service
  systemctl restart stowage-agent.service
  echo "Stowage $version runs: systemctl status stowage-agent, journalctl --unit stowage-agent"
else
  echo "Stowage $version is below $root"
fi
