"""The service: who is let in, which path is answered by what, and what went wrong."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.routing import Route

from tracekeep.incident.delta_lake import DeltaLake, UnreadableError
from tracekeep.incident.export.jaeger import jaeger_answer
from tracekeep.serve import jaeger_api, pages
from tracekeep.serve.requests import ErasedError, WrongRequestError

if TYPE_CHECKING:
    from starlette.requests import Request

AT_ONCE = 4
"""Answers that are worked on."""
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_STATUSES = {WrongRequestError: 400, ErasedError: 410, UnreadableError: 503}
Told = Callable[[int, str], Response]
"""Makes a response of a status and of what went wrong."""


def application(
    lake: DeltaLake, variables: Mapping[str, Any], token: str | None = None
) -> Starlette:
    """The service over a lake that was built with dbt's variables. Without a token it answers only
    those who call this machine by a local name, and no page of another site that asks through a
    browser."""
    refreshing, free = threading.Lock(), threading.Semaphore(AT_ONCE)

    def route(path: str, answer: Callable[[QueryParams], Response], told: Told) -> Route:
        def answered(request: Request) -> Response:
            asked = [*request.query_params.multi_items(), *request.path_params.items()]
            with refreshing:
                lake.refresh()
            return answer(QueryParams(asked))

        def endpoint(request: Request) -> Response:
            if refused := _refusal(request, token, told):
                return refused
            try:
                with free:
                    try:
                        return answered(request)
                    except UnreadableError:  # files that went while it was asked, or a new lake
                        lake.forget()
                        return answered(request)
            except tuple(_STATUSES) as error:
                return told(_STATUSES[type(error)], str(error))

        return Route(path, endpoint, methods=["GET"])

    def api(path: str, answer: Callable[[DeltaLake, QueryParams], list[Any]]) -> Route:
        def response(asked: QueryParams) -> Response:
            data = answer(lake, asked)
            if path.endswith("{trace_id}") and not data:
                return _api_error(404, "trace not found")
            return _api_response(jaeger_answer(data))

        return route(f"/api/{path}", response, _api_error)

    def page(
        path: str, answer: Callable[[DeltaLake, Mapping[str, Any], QueryParams], pages.Page]
    ) -> Route:
        def response(asked: QueryParams) -> Response:
            return _page_response(answer(lake, variables, asked))

        return route(path, response, _page_error)

    return Starlette(
        routes=[
            page("/", pages.dashboard),
            page("/incident", pages.incident),
            page("/traces/{trace_id}", pages.trace),
            api("services", jaeger_api.services),
            api("services/{service:path}/operations", jaeger_api.operation_names),
            api("operations", jaeger_api.operations),
            api("traces", jaeger_api.traces),
            api("traces/{trace_id}", jaeger_api.trace),
            api("dependencies", jaeger_api.dependencies),
        ]
    )


def _refusal(request: Request, token: str | None, told: Told) -> Response | None:
    if token:
        if secrets.compare_digest(_secret(request).encode(), token.encode()):
            return None
        refused = told(401, "the request has no valid token")
        refused.headers["WWW-Authenticate"] = 'Basic realm="Tracekeep", charset="UTF-8"'
        return refused
    if request.url.hostname not in _LOCAL_NAMES:
        return told(400, "without a token, only this machine's local names are answered")
    # A link may lead here: the page that holds it learns nothing.
    is_link = request.headers.get("sec-fetch-dest") == "document" and told is _page_error
    if request.headers.get("sec-fetch-site") == "cross-site" and not is_link:
        return told(403, "without a token, no page of another site is answered")
    return None


def _secret(request: Request) -> str:
    """The token that a request names, as a bearer or as a password; empty for none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _api_response(answer: Mapping[str, Any], status: int = 200) -> Response:
    text = json.dumps(answer, allow_nan=False)
    return Response(text, status, _HEADERS, media_type="application/json")


def _api_error(status: int, message: str) -> Response:
    error = {"data": None, "errors": [{"code": status, "msg": message}]}
    return _api_response(jaeger_answer([]) | error, status)


def _page_response(page: pages.Page) -> Response:
    headers = {**_HEADERS, "Content-Security-Policy": page.policy, "Referrer-Policy": "no-referrer"}
    return Response(page.text, page.status, headers, media_type="text/html")


def _page_error(status: int, message: str) -> Response:
    return _page_response(pages.error(status, message))
