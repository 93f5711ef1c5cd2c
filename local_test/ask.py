"""Stands in for curl where there is none: ask.py URL [FILE CONTENT_TYPE ACCEPT] prints the reply, then the status."""

import os
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

url, *post = sys.argv[1:]
request = Request(url)
if post:
    file, content_type, accept = post
    request = Request(url, Path(file).read_bytes(), {"Content-Type": content_type, "Accept": accept})
if os.environ.get("METHOD"):
    request.method = os.environ["METHOD"]
try:
    with urlopen(request) as reply:
        body, status = reply.read(), reply.status
except HTTPError as error:
    body, status = error.read(), error.code
except OSError as error:
    sys.exit(str(error))
sys.stdout.write(f"{body.decode()}\n{status}")
