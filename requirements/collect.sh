#!/bin/sh
# Copy what has changed in this system since a file was made into a folder: collect.sh FILE FOLDER
#
# Left out are mount points of the build, logs and caches.
set -eu
list=$(mktemp) archive=$(mktemp)
mkdir "$2"
cd /
find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp -o -path ./mnt \
    -o -path "./${2#/}" -o -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt \
    -o -path ./etc/resolv.conf -o -path ./etc/hosts -o -path ./etc/hostname \) \
    -prune -o ! -path . -cnewer "$1" -print0 >"$list"
tar --create --file "$archive" --no-recursion --null --files-from "$list"
tar --extract --file "$archive" --directory "$2"
