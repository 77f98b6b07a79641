"""Changes: CDEvents, with or without their CloudEvents envelope, and what Kubernetes says of
rollouts (events and workloads, single, in lists, or as a watch reports them).

Sources: cdevents.dev, CloudEvents 1.0 (structured mode), Kubernetes API v1 and apps/v1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from tracekeep.readers.records import Record, change_record, rejected_record
from tracekeep.readers.values import (
    Unusable,
    attribute_text,
    epoch_nanoseconds,
    sorted_attributes,
    usable_time,
)

NAME, SOURCE_FORMAT, RANK = "changes", "change_json", 40
WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Rollout", "ConfigMap")
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.encode
Json = dict[str, Any]


def matches(fields: dict[str, Raw]) -> bool:
    """Whether an object is a CDEvent, a CloudEvent, or a Kubernetes object or list of such."""
    keys = fields.keys()
    return (
        {"context", "subject"} <= keys
        or ({"specversion", "type", "source"} <= keys)
        or ("kind" in keys and ("metadata" in keys or "items" in keys))
        or ({"type", "object"} <= keys and b'"kind"' in bytes(fields["object"]))
    )


def read(fields: dict[str, Raw], raw: bytes) -> Iterator[Record]:
    """Records of one object. Never raises: what is no change is a rejected record."""
    del fields  # only their keys were looked at
    try:
        content = _decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        yield rejected_record("invalid_json", raw, str(error))
        return
    items = content.get("items")
    if isinstance(items, list):
        for item in items:
            yield _read_or_reject(item, _encode(item))
    else:
        yield _read_or_reject(content, raw)


def _read_or_reject(content: Any, raw: bytes) -> Record:
    try:
        return _read(content, raw)
    except Unusable as error:
        return rejected_record(error.reason, raw, error.detail)


def _read(content: Any, raw: bytes) -> Record:
    if not isinstance(content, dict):
        raise Unusable("wrong_type", "a change is an object")
    if isinstance(content.get("object"), dict):  # as a watch reports it
        return _read_kubernetes(content["object"], raw, _text(content.get("type")))
    if "specversion" in content:
        data = content.get("data")
        if isinstance(data, dict) and isinstance(data.get("context"), dict):
            return _read_cdevent(data, raw)
        return _read_cloudevent(content, raw)
    if isinstance(content.get("context"), dict):
        return _read_cdevent(content, raw)
    return _read_kubernetes(content, raw, "")


def _read_cdevent(content: Json, raw: bytes) -> Record:
    context, subject = content["context"], _object(content.get("subject"))
    details = _object(subject.get("content"))
    artifact = details.get("artifactId") or _object(details.get("artifact")).get("id")
    environment = details.get("environment")
    environment_id = environment.get("id") if isinstance(environment, dict) else environment
    kind = _text(context.get("type"))
    is_service = ".service." in kind or subject.get("type") == "service"
    is_environment = ".environment." in kind or subject.get("type") == "environment"
    # an event about an environment has no field for the service whose setting it is
    service = _object(content.get("customData")).get("service")
    return _change(
        raw,
        _text(context.get("id")),
        kind,
        context.get("timestamp"),
        {
            "service.name": subject.get("id") if is_service else _text(service),
            "deployment.environment.name": environment_id
            or (subject.get("id") if is_environment else None),
            "service.version": _version_of(_text(artifact)),
        },
        {
            "source": context.get("source"),
            "subject": subject,
            "customData": content.get("customData"),
        },
    )


def _read_cloudevent(content: Json, raw: bytes) -> Record:
    known = {"specversion", "id", "type", "time"}
    return _change(
        raw,
        _text(content.get("id")),
        _text(content.get("type")),
        content.get("time"),
        {},
        {key: value for key, value in content.items() if key not in known},
    )


def _read_kubernetes(content: Json, raw: bytes, watched: str) -> Record:
    metadata = _object(content.get("metadata"))
    subject = content.get("involvedObject") or content.get("regarding")
    if content.get("kind") == "Event" or isinstance(subject, dict):
        return _read_kubernetes_event(content, metadata, _object(subject), raw)
    kind = _text(content.get("kind"))
    if kind not in WORKLOADS:
        raise Unusable("unknown_format", f"a Kubernetes {kind or 'object'} is no change")
    conditions = _object(content.get("status")).get("conditions")
    times = [
        _text(condition.get(name))
        for condition in (conditions if isinstance(conditions, list) else [])
        if isinstance(condition, dict)
        for name in ("lastUpdateTime", "lastTransitionTime")
    ]
    version = _text(metadata.get("resourceVersion") or metadata.get("generation"))
    return _change(
        raw,
        f"{_text(metadata.get('uid'))}@{version}",
        ".".join(filter(None, [kind, watched.lower()])),
        max([*times, _text(metadata.get("creationTimestamp"))]),
        _workload(kind, metadata.get("name"), metadata.get("namespace"))
        | {"service.version": _object(metadata.get("labels")).get("app.kubernetes.io/version")},
        {
            "labels": metadata.get("labels"),
            "annotations": metadata.get("annotations"),
            "images": _images(content),
        },
    )


def _read_kubernetes_event(content: Json, metadata: Json, subject: Json, raw: bytes) -> Record:
    series = _object(content.get("series"))
    times = (
        series.get("lastObservedTime"),
        content.get("lastTimestamp"),
        content.get("deprecatedLastTimestamp"),
        content.get("eventTime"),
        content.get("firstTimestamp"),
        metadata.get("creationTimestamp"),
    )
    return _change(
        raw,
        _text(metadata.get("uid") or metadata.get("name")),
        _text(content.get("reason")),
        next(filter(None, times), None),
        _workload(_text(subject.get("kind")), subject.get("name"), subject.get("namespace")),
        {
            "message": content.get("message") or content.get("note"),
            "type": content.get("type"),
            "count": content.get("count") or series.get("count"),
            "source": content.get("source") or content.get("reportingComponent"),
            "subject": subject,
        },
    )


def _workload(kind: str, name: Any, namespace: Any) -> Json:
    """Resource attributes that name a workload."""
    return {f"k8s.{kind.lower() or 'object'}.name": name, "k8s.namespace.name": namespace}


def _images(content: Json) -> list[str]:
    spec = content
    for key in ("spec", "template", "spec"):
        spec = _object(spec.get(key))
    containers = spec.get("containers")
    return [
        _text(container.get("image"))
        for container in (containers if isinstance(containers, list) else [])
        if isinstance(container, dict)
    ]


def _version_of(artifact: str) -> str | None:
    """The version of a package URL: `pkg:oci/cart@sha256:…?tag=1.2` has tag, else digest."""
    _, _, query = artifact.partition("?")
    tag = next((p[4:] for p in query.split("&") if p.startswith("tag=")), "")
    path, _, digest = artifact.partition("?")[0].rpartition("@")
    return tag or (digest if path else None) or None


def _change(
    raw: bytes, change_id: str, change_type: str, stated: Any, resource: Json, attributes: Json
) -> Record:
    """A change record. Raises Unusable for a time that is missing or absurd."""
    time = usable_time(epoch_nanoseconds(stated))
    if time is None:
        raise Unusable("no_time", None if stated is None else f"{stated!r:.80}")
    return change_record(
        change_id=change_id or None,
        change_type=change_type or None,
        time_unix_nano=time,
        resource_attributes=_pairs(resource),
        attributes=_pairs(_flat(attributes)),
        raw_text=raw,
    )


def _pairs(values: Json) -> list[tuple[str, str]]:
    return sorted_attributes(
        (key, attribute_text(value)) for key, value in values.items() if value not in (None, "")
    )


def _flat(values: Json, prefix: str = "") -> Json:
    """Nested objects as dotted names."""
    flat: Json = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return "" if value is None else attribute_text(value)
