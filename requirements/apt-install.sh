#!/bin/sh
# Install Debian packages during the image build: apt-install.sh PACKAGE...
#
# Two optional build secrets are honoured, and neither reaches a layer: `apt_sources`, a sources.list to
# use instead of the base image's, and `ca`, the PEM certificate that an HTTPS mirror is signed with.
set -eu

secrets=/run/secrets
options="-qq -o Dpkg::Use-Pty=0"
if [ -f "$secrets/apt_sources" ]; then
  options="$options -o Dir::Etc::sourcelist=$secrets/apt_sources -o Dir::Etc::sourceparts=-"
fi
if [ -f "$secrets/ca" ]; then
  options="$options -o Acquire::https::CAInfo=$secrets/ca"
fi

export DEBIAN_FRONTEND=noninteractive
# Word splitting is meant: the options hold no spaces of their own.
# shellcheck disable=SC2086
apt-get $options update
# shellcheck disable=SC2086
apt-get $options install -y --no-install-recommends "$@"
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
