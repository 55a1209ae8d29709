"""What IIS and the HTTP kernel driver answer by themselves: error pages and 401."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from scm_api.sandbox.microsoft.authentication import Challenge

SERVER: Final = "Microsoft-IIS/10.0"
KERNEL: Final = "Microsoft-HTTPAPI/2.0"
_NO_PERMISSION: Final = (
    "You do not have permission to view this directory or page using the credentials that you "
    "supplied."
)
_TITLES: Final = {
    401: ("Unauthorized: Access is denied due to invalid credentials.", _NO_PERMISSION),
    403: ("Forbidden: Access is denied.", _NO_PERMISSION),
    404: ("File or directory not found.",
          "The resource you are looking for might have been removed, had its name changed, or is "
          "temporarily unavailable."),
}  # fmt: skip
_OTHER: Final = (
    "Internal server error.",
    "There is a problem with the resource you are looking for, and it cannot be displayed.",
)


def error_page(status: int, *, shown: int | None = None) -> web.Response:
    """The page of an error; `shown` is the status in it, where that differs."""
    number = shown or status
    title, text = _TITLES.get(number, _OTHER)
    if number not in _TITLES and number != 500:
        title = HTTPStatus(number).phrase + "."
    html = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">\r\n<html>\r\n<head>\r\n'
        f"<title>{number} - {title}</title>\r\n</head>\r\n<body>\r\n"
        f'<div id="header"><h1>Server Error</h1></div>\r\n<div id="content">\r\n'
        f"<h2>{number} - {title}</h2>\r\n<h3>{text}</h3>\r\n</div>\r\n</body>\r\n</html>\r\n"
    )
    return web.Response(status=status, text=html, content_type="text/html")


def unauthorized(challenge: Challenge) -> web.Response:
    """401 for missing credentials, wrong ones, wrong channel bindings and every leg alike.

    IIS notes a sub-status and a Win32 code in its log and sends neither. Within an exchange it is
    the kernel driver that answers.
    """
    if challenge.is_leg:
        html = (
            "<HTML><HEAD><TITLE>Not Authorized</TITLE></HEAD>\r\n<BODY><h2>Not Authorized</h2>\r\n"
            "<hr><p>HTTP Error 401. The requested resource requires user authentication.</p>\r\n"
            "</BODY></HTML>\r\n"
        )
        answer = web.Response(status=401, text=html, content_type="text/html")
        answer.headers["Server"] = KERNEL
    else:
        answer = error_page(401)
    return _with_tokens(answer, challenge)


def empty_unauthorized(challenge: Challenge) -> web.Response:
    """401 of WinRM, which sends no page."""
    answer = web.Response(status=401)
    answer.headers["Server"] = KERNEL
    return _with_tokens(answer, challenge)


def _with_tokens(answer: web.Response, challenge: Challenge) -> web.Response:
    for token in challenge.tokens:
        answer.headers.add("WWW-Authenticate", token)
    return answer
