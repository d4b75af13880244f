#!/bin/sh
# What the telephony tests need: Asterisk 22 unpacked in a directory of its own, SIPp, and `ip` for the network namespace.
#
#   install.sh [DIRECTORY]    default: ${XDG_CACHE_HOME:-$HOME/.cache}/manualdial
#
# Debian stable has no Asterisk, but the same mirror has it for `sid`. Its packages are unpacked, not installed:
# nothing of this system changes, nothing is started, and the tests run Asterisk through the tree's own loader.
# Safe to repeat; the second run does nothing. Where something cannot be had it says so and ends with 0,
# because the tests that need it skip themselves.
set -eu

# A newer number here makes everybody unpack again.
recipe=1
cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/manualdial}
tree=$cache/asterisk
stamp=$tree/.manualdial-recipe
# Seconds after which a slow mirror counts as none.
tools_limit=300
tree_limit=900

give_up() {
    echo "$*; the tests that need it are skipped." >&2
    exit 0
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# Debian keeps administrators' programs in directories that are not on everybody's path.
PATH=$PATH:/usr/sbin:/sbin

missing_packages() {
    has debootstrap || [ -e "$stamp" ] || printf '%s ' debootstrap
    has sipp || printf '%s ' sip-tester
    has ip || printf '%s ' iproute2
}

install_tools() {
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    has apt-get || give_up "This is no Debian, and these packages are not here: $missing"
    [ "$(id -u)" = 0 ] || give_up "Only root can install these packages: $missing"
    export DEBIAN_FRONTEND=noninteractive
    # The lists may be there and fresh enough already, so a failed update decides nothing.
    timeout "$tools_limit" apt-get update -qq || true
    # shellcheck disable=SC2086  # a list of words, on purpose
    timeout "$tools_limit" apt-get install -y -qq --no-install-recommends $missing >&2 ||
        give_up "apt-get could not install: $missing"
}

# The mirror that this machine's apt uses for Debian's main archive; nothing where it uses none.
mirror() {
    # shellcheck disable=SC2016  # apt fills these in
    apt-get indextargets --format '$(CREATED_BY) $(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)' 2>/dev/null |
        awk '$1 == "Packages" && $2 == "Debian" && $3 == "main" && $4 !~ /-/ { print $5; exit }'
}

# debootstrap fetches by wget, which does not read apt's configuration.
use_the_proxy_of_apt() {
    [ -z "${http_proxy:-}" ] || return 0
    proxy=$(apt-config dump --format '%v' Acquire::http::Proxy 2>/dev/null || true)
    case $proxy in
        '' | DIRECT) ;;
        *) http_proxy=$proxy && export http_proxy ;;
    esac
}

is_current() {
    [ "$(cat "$stamp" 2>/dev/null)" = "$recipe" ]
}

unpack_asterisk() {
    is_current && return 0
    [ "$(id -u)" = 0 ] || give_up "debootstrap needs root to fetch Asterisk"
    has debootstrap || give_up "There is no debootstrap to fetch Asterisk with"

    # A name of its own, renamed when complete: half a tree is never found under the final name.
    new=$(mktemp -d "$cache/asterisk.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    trap 'exit 1' HUP INT TERM
    chmod 755 "$new"
    use_the_proxy_of_apt
    echo "Fetching Asterisk from Debian sid into $tree; this takes about a minute." >&2
    # Only downloads: the packages' own scripts never run, and nothing is mounted that could be left behind.
    # shellcheck disable=SC2046  # no mirror is no word: debootstrap's own default
    timeout "$tree_limit" debootstrap --download-only --variant=minbase --include=asterisk \
        sid "$new/download" $(mirror) >"$new/log" 2>&1 || {
        tail -n 5 "$new/log" >&2
        give_up "debootstrap could not fetch Asterisk"
    }
    mkdir "$new/tree"
    # base-files first: it brings the links (lib64 and the like) that the others are unpacked through.
    for package in "$new"/download/var/cache/apt/archives/base-files_*.deb \
        "$new"/download/var/cache/apt/archives/*.deb; do
        dpkg-deb --extract "$package" "$new/tree" || give_up "A package of Asterisk could not be unpacked"
    done
    [ -x "$new/tree/usr/sbin/asterisk" ] || give_up "Debian sid has no Asterisk now"
    echo "$recipe" >"$new/tree/${stamp##*/}"
    rm -rf "$tree"
    mv "$new/tree" "$tree"
    echo "Asterisk is in $tree." >&2
}

mkdir -p "$cache"
# Two runs at once would fetch twice and rename over each other.
if has flock; then
    exec 9>"$cache/asterisk.lock"
    flock -w "$tree_limit" 9 || give_up "Another run has been fetching Asterisk for too long"
fi
install_tools
unpack_asterisk
