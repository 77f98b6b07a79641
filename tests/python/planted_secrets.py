"""Secrets of all kinds and texts that only look like them, made from a seed.

Nothing here is a secret of anybody: each is put together from a random stream, so that no text of
this repository looks like one. `planted` puts them into every field of a record that carries text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import oddities

LETTERS = string.ascii_letters
WORD = string.ascii_letters + string.digits
DASHES = "-" * 5
PLANTED_TRACE = 40_000
"""Number of the first trace that holds planted texts."""


@dataclass(frozen=True)
class Secret:
    """A secret in a text; `needle` is the part that must not be found again."""

    kind: str
    text: str
    needle: str


class Maker:
    """Secrets and their look-alikes from one random stream."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def word(self, size: int, letters: str = WORD) -> str:
        """Random characters, letters and digits among them."""
        return "".join(self.chance.choices(letters, k=size - 2)) + "Q7"

    def hex(self, size: int) -> str:
        """Random hex digits, the first a letter."""
        return self.chance.choice("abcdef") + "".join(
            self.chance.choices("0123456789abcdef", k=size - 1)
        )

    def digits(self, size: int) -> str:
        """Random digits."""
        return "".join(self.chance.choices(string.digits, k=size))

    def pick(self, *choices: str) -> str:
        """One of the choices."""
        return self.chance.choice(choices)

    def base64(self, size: int) -> str:
        """Base64 of random bytes."""
        return base64.b64encode(self.chance.randbytes(size)).decode()

    def number(self, prefix: str, size: int, *, right: bool = True) -> str:
        """A number with a right or a wrong check digit by Luhn."""
        body = prefix + self.digits(size - len(prefix) - 1)
        check = check_digit(body)
        return body + str(check if right else (check + self.chance.randint(1, 9)) % 10)

    def json_part(self, value: dict[str, Any]) -> str:
        """A part of a JWT."""
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def check_digit(body: str) -> int:
    """The digit that makes a number pass Luhn's check."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return -total % 10


def grouped(number: str, mark: str) -> str:
    """A card number as it is printed."""
    sizes = {14: (4, 6, 4), 15: (4, 6, 5)}.get(len(number), (4, 4, 4, 4, 3))
    groups, start = [], 0
    for size in sizes:
        groups.append(number[start : start + size])
        start += size
    return mark.join(filter(None, groups))


CARDS = (
    ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15),
    ("6011", 16), ("65", 16), ("305", 14), ("36", 14), ("3528", 16), ("3589", 16), ("62", 16),
    ("62", 19), ("4", 13), ("4", 19),
)  # fmt: skip


def card(make: Maker, number: int) -> Secret:
    """A payment card, written in one piece, with spaces or with dashes."""
    prefix, size = CARDS[number % len(CARDS)]
    digits = make.number(prefix, size)
    if size not in (13,) and (size != 19 or prefix == "62"):
        digits = (digits, grouped(digits, " "), grouped(digits, "-"))[number // len(CARDS) % 3]
    before, after = (
        ("card ", " was declined"), ("pan=", "&amount=12"), ('{"number":"', '"}'),
        ("paid with ", ". Thanks"), ("?card=", "&x=1"), ("", ""), ("(", ")"), ("visa:", ", 12/29"),
    )[number % 8]  # fmt: skip
    return Secret("card", f"{before}{digits}{after}", digits)


def jwt(make: Maker, number: int) -> Secret:
    """A signed web token."""
    head = make.json_part({"alg": "HS256", "typ": "JWT"})
    body = make.json_part({"sub": make.digits(8), "n": make.word(12)})
    signature = make.word(43, WORD + "-_")
    token = f"{head}.{body}.{signature}"
    text = (
        f"rejected {token}", f"token={token}&next=1", f'{{"jwt": "{token}"}}',
        f"Authorization: Bearer {token}", f"/reset/{token}/confirm",
    )[number % 5]  # fmt: skip
    return Secret("jwt", text, signature)


def bearer(make: Maker, number: int) -> Secret:
    """A bearer token that is no JWT."""
    token = make.word(32, WORD + "-._~+/")
    text = (
        f"Authorization: Bearer {token}", f"got bearer {token} from client",
        f'"authorization":"Bearer {token}"', f"curl -H 'authorization: bearer {token}' http://x/",
        rf"{{\"Authorization\":\"Bearer {token}\"}}",
    )[number % 5]  # fmt: skip
    return Secret("bearer", text, token)


def basic(make: Maker, number: int) -> Secret:
    """Basic authentication."""
    token = base64.b64encode(f"user{number}:{make.word(14)}".encode()).decode()
    text = (
        f"Authorization: Basic {token}", f"sent basic {token} twice",
        f'{{"authorization": "Basic {token}"}}', f"Proxy-Authorization: Basic {token}\r\nHost: x",
    )[number % 4]  # fmt: skip
    return Secret("basic", text, token)


def email(make: Maker, number: int) -> Secret:
    """An e-mail address."""
    name = make.word(9).lower()
    address = (
        f"{name}@example.com", f"{name}.smith+news@mail.example.co.uk",
        f"{name}@xn--bcher-kva.example",
        f"{name}_x@sub-domain.example.org", f"{name}@163.example",
    )[number % 5]  # fmt: skip
    text = (
        f"mail to {address} bounced", f"user={address}", f'{{"email":"{address}"}}', f"<{address}>",
        f"/users/{address}/orders", f"User {address}, not found", f"mailto:{address}?subject=x",
    )[number % 7]  # fmt: skip
    return Secret("email", text, address)


def url_password(make: Maker, number: int) -> Secret:
    """The password of a URL."""
    password = make.word(16) + ("", "%21", "!", "p@ss")[number % 4]
    text = (
        f"https://user:{password}@host.example/a?b=1", f"redis://:{password}@cache:6379/0",
        f"mongodb+srv://app:{password}@a.example,b.example/db", f"amqp://u:{password}@mq:5672",
        f"jdbc:mysql://app:{password}@db:3306/shop", f"postgresql://u-1:{password}@10.0.0.7/x",
        f"jdbc:oracle:thin:scott/{password}@db:1521:ORCL",
        f"clone git+https://u:{password}@g.example/r.git",
    )[number % 8]  # fmt: skip
    return Secret("url_password", text, password)


def password(make: Maker, number: int) -> Secret:
    """A password by its name."""
    value = make.word(14)
    text = (
        f"password={value}", f'{{"user":"x","password":"{value}"}}', f"passwd: {value}",
        rf"{{\"password\":\"{value}\",\"a\":1}}", f"db.Password = '{value}'",
        f"spring.datasource.password={value}", f"Server=x;Uid=sa;Pwd={value};Database=y",
        f"User[name=bob, password={value}]", f"<password>{value}</password>",
        f"mysql --password {value}", f"ALTER USER bob IDENTIFIED BY '{value}'",
        f"user_password%3D{value}%26x%3D1", rf"{{\\\"newPassword\\\":\\\"{value}\\\"}}",
    )[number % 13]  # fmt: skip
    return Secret("password", text, value)


def secret(make: Maker, number: int) -> Secret:
    """A secret by its name."""
    value = make.word(24)
    text = (
        f"client_secret={value}&grant=x", f'"clientSecret": "{value}"', f"secret: {value}",
        f"WEBHOOK_SECRET={value}", rf"\"secret\":\"{value}\"", f"credentials={value}",
    )[number % 6]  # fmt: skip
    return Secret("secret", text, value)


def query_token(make: Maker, number: int) -> Secret:
    """A token in a URL's query, in a form or by its name."""
    value = make.word(28)
    text = (
        f"GET /v1/x?access_token={value}&y=1", f"https://h.example/cb?code={value}",
        f"https://b.example/k?sv=2024&sig={value}%3D&se=1", f"/login?a=1&id_token={value}#top",
        f"?X-Amz-Signature={value}", f'{{"refreshToken":"{value}"}}', f"x-auth-token: {value}",
        f"session_token={value}", rf"{{\"access_token\": \"{value}\"}}", f"/m?key={value}",
        f"--api-token {value}", f"/x?signature={value}&a=b",
        f"?next=https%3A%2F%2Fx%3Ftoken%3D{value}",
    )[number % 13]  # fmt: skip
    return Secret("token", text, value)


def key(make: Maker, number: int) -> Secret:
    """A key that its maker gave a prefix, or by its name."""
    upper = string.ascii_uppercase + string.digits
    made = (
        "AK" + "IA" + make.word(16, upper), "AS" + "IA" + make.word(16, upper),
        "AI" + "za" + make.word(35), "gh" + "p_" + make.word(36), "gh" + "o_" + make.word(36),
        "github" + "_pat_" + make.word(60), "gl" + "pat-" + make.word(20),
        "xo" + "xb-" + make.digits(12) + "-" + make.word(24), "sk" + "_live_" + make.word(24),
        "rk" + "_live_" + make.word(24), "np" + "m_" + make.word(36), "sk" + "-" + make.word(48),
        "sk" + "-proj-" + make.word(40, WORD + "-_"),
        "SG" + "." + make.word(22) + "." + make.word(43),
        "hv" + "s." + make.word(28), "hv" + "b." + make.word(28),
        "ya" + "29." + make.word(40), "GOC" + "SPX-" + make.word(28),
        "xa" + "pp-1-" + make.word(30),
        "whs" + "ec_" + make.word(32), "py" + "pi-" + make.word(60), "h" + "f_" + make.word(34),
        "dop" + "_v1_" + make.hex(64), "shp" + "at_" + make.hex(32), "gl" + "rt-" + make.word(20),
        "gh" + "s_" + make.word(36), "sk" + "_test_" + make.word(24),
    )  # fmt: skip
    named = make.word(38, WORD + "/+")
    texts = (
        *((f"using {value} now", value) for value in made),
        *((f'{{"key":"{value}"}}', value) for value in made),
        (f"aws_secret_access_key={named}", named), (f"x-api-key: {named}", named),
        (f"AccountName=a;AccountKey={named}==;EndpointSuffix=core.example", named),
        (f'"apiKey": "{named}"', named), (f"SharedAccessKey={named}=", named),
        (rf"\"api_key\":\"{named}\"", named),
    )  # fmt: skip
    text, needle = texts[number % len(texts)]
    return Secret("key", text, needle)


def private_key(make: Maker, number: int) -> Secret:
    """A private key: whole, cut, or with its line ends written out."""
    kind = make.pick("RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED ")
    lines = [make.base64(48) for _ in range(6)]
    end = (r"\n", "\n", "\n", r"\\n", "\r\n")[number % 5]
    begin, finish = (
        f"{DASHES}BEGIN {kind}PRIVATE KEY{DASHES}",
        f"{DASHES}END {kind}PRIVATE KEY{DASHES}",
    )
    whole = end.join([begin, *lines, *([] if number % 5 == 2 else [finish, "loaded"])])
    text = (f'{{"pem":"{whole}"}}', whole, whole, f'{{\\"pem\\":\\"{whole}\\"}}', whole)[number % 5]
    return Secret("private_key", text, lines[number % 6])


def cookie(make: Maker, number: int) -> Secret:
    """A session cookie."""
    value = make.word(32)
    text = (
        f"Cookie: theme=dark; sid={value}; lang=de",
        f"Set-Cookie: session={value}; Path=/; HttpOnly",
        f"JSESSIONID={value}", f'{{"cookie":"a=b; sessionid={value}"}}', f"PHPSESSID={value}; x",
        f"connect.sid={value}",
    )[number % 6]  # fmt: skip
    return Secret("cookie", text, value)


KINDS: dict[str, Callable[[Maker, int], Secret]] = {
    "card": card, "jwt": jwt, "bearer": bearer, "basic": basic, "email": email,
    "url_password": url_password, "password": password, "secret": secret, "token": query_token,
    "key": key, "private_key": private_key, "cookie": cookie,
}  # fmt: skip


def secrets(seed: int, each: int) -> list[Secret]:
    """So many secrets of each kind."""
    make = Maker(seed)
    return [write(make, number) for write in KINDS.values() for number in range(each)]


def escaped(secret: Secret) -> Secret:
    """A secret in a text as serializers of JSON write it that escape what HTML knows."""
    marks = {ord(mark): f"\\u{ord(mark):04x}" for mark in "\"'&<>"}
    return Secret(secret.kind, f'{{"msg":"{secret.text.translate(marks)}"}}', secret.needle)


def lookalikes(seed: int, each: int = 8) -> list[str]:
    """Texts that hold no secret, each of them different; more than 25 kinds, `each` of them."""
    make = Maker(seed)
    texts: list[str] = []
    for _ in range(each):
        nanoseconds = str(1_768_000_000_000_000_000 + make.chance.randrange(10**15))
        version = f"{make.digits(1)}.{make.digits(2)}.{make.digits(1)}"
        digest = hashlib.sha256(make.chance.randbytes(8)).hexdigest()
        wrong = make.number(make.pick("4", "51", "6011", "2221"), 16, right=False)
        texts += [
            f"order {wrong} was shipped",
            f"order {grouped(wrong, '-')} is open",
            f"ORD-{make.digits(7)} paid, invoice {make.digits(10)}",
            f"amex-like {make.number('37', 15, right=False)}",
            f"trace {make.hex(32)} span {make.hex(16)}",
            f"request {uuid.UUID(bytes=make.chance.randbytes(16))} done",
            f"commit {make.hex(40)} of branch main",
            f"md5 {make.hex(32)} sha256 {digest}",
            f'ETag: "{make.hex(32)}"',
            f"at {nanoseconds} ns, {nanoseconds[:16]} us, {nanoseconds[:13]} ms",
            f"peer 10.{make.digits(2)}.0.{make.digits(2)}:6379 and [2001:db8::{make.hex(4)}]:443",
            f"package left-pad@{version} and @scope/pkg@{version}-beta.rc",
            f"image registry.example/app@sha256:{digest}",
            f"pod checkout-{make.hex(9)}-x2x4z on ip-10-0-{make.digits(2)}-197",
            f"com.example.Foo@{make.hex(6)} and [Ljava.lang.Object;@{make.hex(7)}",
            f"call +49 170 {make.digits(7)} or (030) {make.digits(6)}",
            f"payload {base64.b64encode(b'ordinary content ' + make.chance.randbytes(9)).decode()}",
            f"token of user u{make.digits(6)} is expired",
            f"password must not be empty (field {make.digits(3)})",
            f"password: must not be blank, attempt {make.digits(4)}",
            f"bearer of bad news number {make.digits(5)}",
            f"invalid token: expected 5 got {make.digits(3)}",
            f"tokens=45 token_count={make.digits(4)} token_type=Bearer",
            f"http://svc-{make.digits(3)}:8080/a/b?page=2&size=10",
            f"https://host.example:8443/path/@me/{make.digits(6)}",
            f"basic authentication is disabled for realm r{make.digits(4)}",
            f'secret "db-creds-{make.digits(4)}" not found',
            f"float 0.{make.digits(16)} and 52.{make.digits(15)}",
            f"icon-{make.digits(4)}@2x.png loaded",
            f"-----BEGIN CERTIFICATE----- of host {make.digits(5)}",
            f"key=user:{make.digits(3)} partition_key=7",
            f"cookie consent: accepted by u{make.digits(6)}",
            f"clone git@github.example:org/repo-{make.digits(4)}.git",
            f"author:{make.hex(6)} passed=3 bypass=true compass: north",
            f"GET /items?code=404&key={make.digits(3)}&page=1",
            f"password=null&token=none&n={make.digits(6)}",
        ]
    return list(dict.fromkeys(texts))


SPAN_FIELDS = (
    "name", "status_message", "attribute", "attribute_key", "url", "resource", "environment",
    "event_name", "event_attribute", "exception_type", "exception_message", "exception_stack",
    "link_attribute", "link_trace_state", "trace_state", "scope_name", "scope_version", "route",
)  # fmt: skip
LOG_FIELDS = (
    "body", "log_attribute", "event_name", "severity_text", "scope_name", "resource", "service",
    "exception_message", "structured_body",
)  # fmt: skip


def span_with(place: str, text: str, number: int) -> dict[str, Any]:
    """An export request with a failed span that holds a text in one field."""
    request = json.loads(
        oddities.span(
            oddities.trace(PLANTED_TRACE + number % 20_000),
            oddities.hex_id(number + 1),
            status=2,
            message=text if place == "status_message" else "failed",
            name=text if place == "name" else "GET /pay",
            start=oddities.START + number * oddities.MILLISECOND,
            state=text if place == "trace_state" else "",
            attributes={
                "attribute": {"note": text},
                "attribute_key": {f"header {text}": "1"},
                "url": {"url.full": text},
                "route": {"http.route": text},
            }.get(place, {}),
            resource={
                "resource": {"host.name": text},
                "environment": {"deployment.environment.name": text},
            }.get(place, {}),
        )
    )
    (group,) = request["resourceSpans"]
    (scope,) = group["scopeSpans"]
    (span,) = scope["spans"]
    stack = f"x.Y: failed\n\tat a.B.c(D.java:1)\nCaused by: z.Q: {text}\n\tat e.F.g(H.java:2)"
    exception = {
        "exception.type": text if place == "exception_type" else "x.Y",
        "exception.message": text if place == "exception_message" else "failed",
        "exception.stacktrace": stack if place == "exception_stack" else "x.Y: failed",
    }
    extra = {"note": text} if place == "event_attribute" else {}
    span["events"] = [
        {"name": text if place == "event_name" else "retry", "timeUnixNano": "1768212000000000000"},
        {"name": "exception", "attributes": oddities.attributes_of({**exception, **extra})},
    ]
    span["links"] = [
        {
            "traceId": oddities.trace(1),
            "spanId": oddities.hex_id(1),
            "traceState": text if place == "link_trace_state" else "",
            "attributes": oddities.attributes_of(
                {"note": text} if place == "link_attribute" else {"note": "none"}
            ),
        }
    ]
    scope["scope"] = {
        "name": text if place == "scope_name" else "scope",
        "version": text if place == "scope_version" else "1.0.0",
    }
    return request


def log_with(place: str, text: str, number: int) -> dict[str, Any]:
    """An export request with an error log record that holds a text in one field."""
    attributes = {
        "log_attribute": {"note": text},
        "exception_message": {"exception.type": "x.Y", "exception.message": text},
    }.get(place, {})
    request = json.loads(
        oddities.log(
            oddities.trace(PLANTED_TRACE + number % 20_000),
            "",
            text if place == "body" else "failed",
            service=text if place == "service" else "payment",
            severity=17,
            time=oddities.START + number * oddities.MILLISECOND,
            attributes=attributes,
            resource={"host.name": text} if place == "resource" else {},
        )
    )
    (group,) = request["resourceLogs"]
    (scope,) = group["scopeLogs"]
    (record,) = scope["logRecords"]
    if place == "structured_body":
        values = oddities.attributes_of({"message": text, "n": number})
        record["body"] = {"kvlistValue": {"values": values}}
    if place == "event_name":
        record["eventName"] = text
    if place == "severity_text":
        record["severityText"] = text
    scope["scope"] = {"name": text if place == "scope_name" else "scope"}
    return request


@dataclass
class Planted:
    """Files with secrets and look-alikes in them, and what was planted: needle → (kind, field)."""

    needles: dict[str, tuple[str, str]] = field(default_factory=dict)
    lookalikes: list[str] = field(default_factory=list)


ATTRIBUTE_NAMES = (
    "http.request.header.authorization", "http.request.header.cookie", "db.password", "x-api-key",
    "http.response.header.set-cookie", "app.clientSecret", "session_token", "user.credentials",
)  # fmt: skip


def plant(folder: Path, seed: int) -> Planted:
    """Write OTLP/JSON and pod log files with a secret of each kind in each field that carries
    text, and the look-alikes beside them."""
    make, planted, requests = Maker(seed), Planted(), []
    pods: list[tuple[str, Secret]] = []
    number = 0
    for kind, write in KINDS.items():
        for place in (*SPAN_FIELDS, *(f"log {name}" for name in LOG_FIELDS), "cri", "docker"):
            secret = write(make, number)
            planted.needles[secret.needle] = (kind, place)
            if place in ("cri", "docker"):
                pods.append((place, secret))
            elif place.startswith("log "):
                requests.append(log_with(place.removeprefix("log "), secret.text, number))
            else:
                requests.append(span_with(place, secret.text, number))
            number += 1
    for name in ATTRIBUTE_NAMES:
        value = make.word(20, LETTERS)
        planted.needles[value] = ("attribute", name)
        requests.append(span_with("none", "", number))
        span = requests[-1]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        span["attributes"] += oddities.attributes_of({name: value})
        number += 1
    planted.lookalikes = lookalikes(seed)
    places = ("status_message", "attribute", "exception_message", "log body", "log log_attribute")
    for text in planted.lookalikes:
        place = places[number % len(places)]
        if place.startswith("log "):
            requests.append(log_with(place.removeprefix("log "), text, number))
        else:
            requests.append(span_with(place, text, number))
        number += 1
    folder.mkdir(parents=True)
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    (folder / "planted.jsonl").write_text(lines, encoding="utf-8")
    write_pods(folder, pods)
    return planted


def write_pods(folder: Path, pods: list[tuple[str, Secret]]) -> None:
    """CRI lines, and docker lines with JSON inside, of one container each."""
    for runtime in ("cri", "docker"):
        container = folder / "pods" / f"shop_{runtime}-6d4cf56db6-x2x4z_{uuid.UUID(int=1)}" / "app"
        container.mkdir(parents=True)
        texts = [secret.text for place, secret in pods if place == runtime]
        lines = [*(cri_lines(texts) if runtime == "cri" else docker_lines(texts))]
        (container / "0.log").write_text("".join(lines), encoding="utf-8")


def cri_lines(texts: list[str]) -> Iterator[str]:
    """A line a text, in two parts: its middle lies in both."""
    for second, text in enumerate(texts):
        line = "ERROR " + text.replace("\r", "").replace("\n", r"\n")
        start = f"2026-01-12T10:00:{second:02}.000000000Z stderr"
        yield f"{start} P {line[: len(line) // 2]}\n{start} F {line[len(line) // 2 :]}\n"


def docker_lines(texts: list[str]) -> Iterator[str]:
    """A line a text, as the message of an application that writes JSON."""
    for second, text in enumerate(texts):
        written = json.dumps({"level": "error", "msg": text, "ctx": {"inner": text}})
        yield (
            json.dumps(
                {
                    "log": written + "\n",
                    "stream": "stderr",
                    "time": f"2026-01-12T10:01:{second:02}.000000000Z",
                }
            )
            + "\n"
        )
