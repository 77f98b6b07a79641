"""Changes: CDEvents, with or without their CloudEvents envelope, other CloudEvents, and what
Kubernetes says of rollouts (events and workloads, single, in lists, or as a watch reports them),
also of those that Argo CD, Flux and Helm manage.

Sources: cdevents.dev, CloudEvents 1.0 (structured mode), package-url (percent-encoding), Kubernetes
API v1 and apps/v1, Flux's notifications, Argo CD's applications, `helm list -o json`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import Raw

from tracekeep.readers.records import Record, change_record, rejected_record
from tracekeep.readers.values import (
    Unusable,
    attribute_text,
    epoch_nanoseconds,
    is_deep,
    sorted_attributes,
    usable_time,
)

NAME, SOURCE_FORMAT, RANK = "changes", "change_json", 40
WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Rollout", "ConfigMap")
DEPLOYERS = ("Application", "HelmRelease", "Kustomization")
"""Kinds of Argo CD and Flux whose objects bear the name of what they deploy."""
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.encode
_KIND = re.compile(rb'"[A-Z][A-Za-z]+"')
_NAMED_KIND = re.compile(rb'"kind"\s*:\s*"[A-Z]')
_HELM_KEYS = {"chart", "revision", "updated", "status"}
Json = dict[str, Any]


def matches(fields: dict[str, Raw]) -> bool:
    """Whether an object is a CDEvent, a CloudEvent, or a Kubernetes object or list of such."""
    keys = fields.keys()
    return (
        _are_objects(fields, "context", "subject")
        or {"specversion", "type", "source"} <= keys
        or ("kind" in keys and _is_kind(fields["kind"]) and _are_objects(fields, "metadata"))
        or ("kind" in keys and _is_kind(fields["kind"]) and "items" in keys)
        or ("type" in keys and _are_objects(fields, "object") and _has_kind(fields["object"]))
        or ("reason" in keys and _are_objects(fields, "involvedObject"))
        or keys >= _HELM_KEYS
    )


def _are_objects(fields: dict[str, Raw], *names: str) -> bool:
    """Whether all of these fields are there, and are objects: an application's own log may have
    fields of any name."""
    return all(name in fields and bytes(fields[name])[:1] == b"{" for name in names)


def _is_kind(value: Raw) -> bool:
    """Whether a value is the name of a kind of Kubernetes objects, as `Deployment`."""
    return _KIND.fullmatch(bytes(value)) is not None


def _has_kind(value: Raw) -> bool:
    return _NAMED_KIND.search(bytes(value)) is not None


def read(fields: dict[str, Raw], raw: bytes) -> Iterator[Record]:
    """Records of one object. Never raises: what is no change is a rejected record."""
    del fields  # only their keys were looked at
    if is_deep(raw):
        yield rejected_record("invalid_json", raw, "objects or lists nested too deeply")
        return
    try:
        content = _decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        yield rejected_record("invalid_json", raw, str(error))
        return
    items = content.get("items")
    if isinstance(items, list):
        # the API's own lists name the kind of their items once
        kind = _text(content.get("kind")).removesuffix("List")
        shared = {"apiVersion": content.get("apiVersion"), "kind": kind} if kind else {}
        for item in items:
            whole = shared | item if isinstance(item, dict) else item
            yield _read_or_reject(whole, _encode(whole))
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
        data = _cloudevent_data(content)
        if isinstance(data.get("context"), dict):
            return _read_cdevent(data, raw)
        return _read_cloudevent(content, data, raw)
    if isinstance(content.get("context"), dict):
        return _read_cdevent(content, raw)
    if content.keys() >= _HELM_KEYS:
        return _read_helm_release(content, raw)
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
    # ids of subjects may bear their type: `service/shop`
    subject_type = _text(subject.get("type"))
    subject_id = _text(subject.get("id"))
    if subject_type:
        subject_id = subject_id.removeprefix(f"{subject_type}/")
    # an event about an environment has no field for the service whose setting it is
    service = _object(content.get("customData")).get("service")
    service = service or _object(details.get("service")).get("id")
    if ".artifact." in kind:
        artifact = artifact or subject_id
    return _change(
        raw,
        _text(context.get("id")),
        kind,
        context.get("timestamp"),
        {
            "service.name": subject_id if is_service else _text(service),
            "deployment.environment.name": environment_id
            or (subject_id if is_environment else None),
            "service.version": _version_of(_text(artifact)),
        },
        {
            "source": context.get("source"),
            "subject": subject,
            "customData": content.get("customData"),
        },
    )


def _cloudevent_data(content: Json) -> Json:
    """The data of a CloudEvent: an object, or JSON as text or as base64."""
    data = content.get("data", content.get("data_base64"))
    try:
        if "data_base64" in content:
            data = base64.b64decode(data, validate=True)
        return _decode(data) if isinstance(data, str | bytes) else _object(data)
    except (ValueError, TypeError, RecursionError):
        return {}


def _read_cloudevent(content: Json, data: Json, raw: bytes) -> Record:
    known = {"specversion", "id", "type", "time"}
    named = {
        name: next((data[key] for key in keys if isinstance(data.get(key), str)), None)
        for name, keys in (
            ("service.name", ("service", "service.name")),
            ("deployment.environment.name", ("environment", "stage")),
            ("service.version", ("version", "tag")),
        )
    }
    return _change(
        raw,
        _text(content.get("id")),
        _text(content.get("type")),
        content.get("time"),
        named,
        {key: value for key, value in content.items() if key not in known},
    )


def _read_kubernetes(content: Json, raw: bytes, watched: str) -> Record:
    metadata = _object(content.get("metadata"))
    subject = content.get("involvedObject") or content.get("regarding")
    if content.get("kind") == "Event" or isinstance(subject, dict):
        return _read_kubernetes_event(content, metadata, _object(subject), raw)
    kind = _text(content.get("kind"))
    if kind not in WORKLOADS + DEPLOYERS:
        raise Unusable("unknown_format", f"a Kubernetes {kind or 'object'} is no change")
    status = _object(content.get("status"))
    conditions = status.get("conditions")
    times = [
        _text(condition.get(name))
        for condition in (conditions if isinstance(conditions, list) else [])
        if isinstance(condition, dict)
        for name in ("lastUpdateTime", "lastTransitionTime")
    ]
    times.append(_text(_object(status.get("operationState")).get("finishedAt")))
    if not any(times):  # stateful and daemon sets have no conditions
        times = [_text(field.get("time")) for field in _fields_managed(metadata)]
    times.append(_text(metadata.get("deletionTimestamp")))
    version = _text(metadata.get("resourceVersion") or metadata.get("generation"))
    return _change(
        raw,
        f"{_text(metadata.get('uid'))}@{version}",
        ".".join(filter(None, [kind, watched.lower()])),
        max([*times, _text(metadata.get("creationTimestamp"))]),
        _workload(kind, metadata.get("name"), _namespace_of(content) or metadata.get("namespace"))
        | {
            "service.version": _object(metadata.get("labels")).get("app.kubernetes.io/version")
            or _deployed_version(status)
        },
        {
            "labels": metadata.get("labels"),
            "annotations": metadata.get("annotations"),
            "images": _images(content) or _object(status.get("summary")).get("images") or [],
        },
    )


def _fields_managed(metadata: Json) -> Iterator[Json]:
    """Who changed what of an object, and when, but for its status."""
    managed = metadata.get("managedFields")
    for field in managed if isinstance(managed, list) else ():
        if isinstance(field, dict) and field.get("subresource") != "status":
            yield field


def _deployed_version(status: Json) -> Any:
    """What Argo CD or Flux says that it has deployed."""
    sync = _object(status.get("sync"))
    revisions, history = sync.get("revisions"), status.get("history")
    release = _object(history[0]) if isinstance(history, list) and history else {}
    return (
        sync.get("revision")
        or (", ".join(map(_text, revisions)) if isinstance(revisions, list) else None)
        or release.get("appVersion")
        or release.get("chartVersion")
        or status.get("lastAppliedRevision")
        or status.get("lastAttemptedRevision")
    )


def _read_kubernetes_event(content: Json, metadata: Json, subject: Json, raw: bytes) -> Record:
    series = _object(content.get("series"))
    times = (
        series.get("lastObservedTime"),
        content.get("lastTimestamp"),
        content.get("deprecatedLastTimestamp"),
        content.get("eventTime"),
        content.get("firstTimestamp"),
        content.get("timestamp"),  # of a notification by Flux
        metadata.get("creationTimestamp"),
    )
    return _change(
        raw,
        _text(metadata.get("uid") or metadata.get("name")),
        _text(content.get("reason")),
        next(filter(None, times), None),
        _workload(_text(subject.get("kind")), subject.get("name"), subject.get("namespace"))
        | {"service.version": _revision_of(metadata)},
        {
            "message": content.get("message") or content.get("note"),
            "type": content.get("type"),
            "count": content.get("count") or series.get("count"),
            "source": content.get("source")
            or content.get("reportingComponent")
            or content.get("reportingController"),
            "severity": content.get("severity"),
            "subject": subject,
        },
    )


def _revision_of(metadata: Json) -> Any:
    """The revision that Flux tells of, `revision` or `kustomize.toolkit.fluxcd.io/revision`."""
    named = metadata | _object(metadata.get("annotations"))
    return next((named[key] for key in sorted(named) if key.split("/")[-1] == "revision"), None)


def _workload(kind: str, name: Any, namespace: Any) -> Json:
    """Resource attributes that name a workload; of what deploys one, its service."""
    if kind in DEPLOYERS:
        return {"service.name": name, "k8s.namespace.name": namespace}
    return {f"k8s.{kind.lower() or 'object'}.name": name, "k8s.namespace.name": namespace}


def _namespace_of(content: Json) -> Any:
    """Where an application of Argo CD, or a release of Flux, is deployed to."""
    spec = _object(content.get("spec"))
    return _object(spec.get("destination")).get("namespace") or spec.get("targetNamespace")


def _read_helm_release(content: Json, raw: bytes) -> Record:
    name, revision = _text(content.get("name")), _text(content.get("revision"))
    named = ("name", "revision", "updated", "namespace", "app_version")
    return _change(
        raw,
        f"{_text(content.get('namespace'))}/{name}@{revision}",
        f"helm.{_text(content.get('status'))}",
        _rfc3339(_text(content.get("updated"))),
        {
            "service.name": name,
            "k8s.namespace.name": content.get("namespace"),
            "service.version": content.get("app_version"),
        },
        {key: value for key, value in content.items() if key not in named},
    )


def _rfc3339(text: str) -> str:
    """A time as Go prints it, `2026-01-12 10:00:00.5 +0100 CET`, without its zone's name."""
    return " ".join(text.split()[:2]) + "".join(text.split()[2:3])


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
    """The version of a package URL: `pkg:oci/cart@sha256:…?tag=1.2` has tag, else digest. Both are
    percent-encoded."""
    address, _, query = artifact.partition("#")[0].partition("?")
    tag = next((p[4:] for p in query.split("&") if p.startswith("tag=")), "")
    path, _, digest = address.rpartition("@")
    return unquote(tag or (digest if path else "")) or None


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
