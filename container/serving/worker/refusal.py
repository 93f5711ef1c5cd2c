"""What a request is told that cannot be taken on now."""

from container.serving.failures import error_body


def refusal(why: str, seconds: int) -> tuple[bytes, str]:
    """The body of a reply of status 503, and the lines of its head that are about it."""
    body = error_body(f"the server is busy: {why}; send the request again in {seconds} s")
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}", f"Retry-After: {seconds}")
    return body, "".join(f"{line}\r\n" for line in lines)
