"""Sends so many requests from so many clients at once: load.py URL FILE REQUESTS CLIENTS prints what came of them."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

url, body = urlsplit(sys.argv[1]), Path(sys.argv[2]).read_bytes()
requests, clients = int(sys.argv[3]), int(sys.argv[4])


def client(number):
    """One connection, used again and again: seconds of each request that was answered 200, and the other answers."""
    connection = HTTPConnection(url.hostname, url.port, timeout=60)
    seconds, others = [], []
    for _ in range(number, requests, clients):
        begun = time.perf_counter()
        try:
            connection.request("POST", url.path, body, {"Content-Type": "text/csv", "Accept": "text/csv"})
            reply = connection.getresponse()
            text = reply.read()
        except (OSError, HTTPException) as error:
            others.append(str(error) or type(error).__name__)
            connection.close()
            continue
        if reply.status == 200:
            seconds.append(time.perf_counter() - begun)
        else:
            others.append(f"{reply.status} {text.decode(errors='replace')[:200]}")
    connection.close()
    return seconds, others


begun = time.perf_counter()
with ThreadPoolExecutor(clients) as pool:
    results = list(pool.map(client, range(clients)))
took = time.perf_counter() - begun
seconds = sorted(second for part, _ in results for second in part)
others = [other for _, part in results for other in part]
if seconds:
    p50, p99 = (1000 * seconds[min(len(seconds) - 1, len(seconds) * part // 100)] for part in (50, 99))
    print(f"{len(seconds) / took:.0f} requests/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(others)} errors")
for other in sorted(set(others))[:5]:
    print(f"  {others.count(other)} times: {other}")
sys.exit(bool(others) or not seconds)
