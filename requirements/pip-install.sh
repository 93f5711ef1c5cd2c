#!/bin/sh
# Install Python packages during the image build: pip-install.sh PIP-INSTALL-ARGUMENT...
#
# Two optional build secrets are honoured, and neither reaches a layer: `pip_conf`, a pip.conf that names a
# package mirror, and `ca`, a PEM certificate to trust besides Debian's.
set -eu

secrets=/run/secrets
if [ -f "$secrets/pip_conf" ]; then
  export PIP_CONFIG_FILE="$secrets/pip_conf"
fi
if [ -f "$secrets/ca" ]; then
  cat /etc/ssl/certs/ca-certificates.crt "$secrets/ca" >/tmp/trusted.pem # /tmp is a tmpfs of this step
  export PIP_CERT=/tmp/trusted.pem
fi
# Without debugging symbols, which name the folder of the build, every build compiles the same bytes.
export CFLAGS=-g0
exec python3 -m pip install --break-system-packages --no-input --disable-pip-version-check --root-user-action=ignore "$@"
