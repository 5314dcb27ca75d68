"""The parts of SARIF 2.1.0 that Poise uses, with the standard's own names."""

from __future__ import annotations

from typing import Any, Final

import msgspec


class Message(msgspec.Struct, gc=False):
    """A text, or the id of one with its arguments."""

    text: str | None = None
    markdown: str | None = None
    id: str | None = None
    arguments: tuple[Any, ...] | None = None


class Artifact(msgspec.Struct, rename="camel", gc=False):
    """A file, by address or by its number."""

    uri: str | None = None
    index: int | None = None


class Region(msgspec.Struct, rename="camel", gc=False):
    """A part of a file."""

    start_line: int | None = None
    end_line: int | None = None
    start_column: int | None = None
    end_column: int | None = None
    snippet: Message | None = None


NO_REGION: Final = Region()


class Physical(msgspec.Struct, rename="camel", gc=False):
    """A place in a file."""

    artifact_location: Artifact | None = None
    region: Region | None = None
    context_region: Region | None = None


class Logical(msgspec.Struct, rename="camel", gc=False):
    """A place in a program, by its name."""

    fully_qualified_name: str | None = None
    name: str | None = None


class Location(msgspec.Struct, rename="camel", gc=False):
    """Where a result is."""

    physical_location: Physical | None = None
    logical_locations: tuple[Logical, ...] | None = None


class Component(msgspec.Struct, gc=False):
    """A part of the tool, by its number."""

    index: int | None = None


class RuleReference(msgspec.Struct, rename="camel", gc=False):
    """A rule, by id or by number."""

    id: str | None = None
    index: int | None = None
    tool_component: Component | None = None


class Suppression(msgspec.Struct, gc=False):
    """Why a result does not count."""

    kind: str | None = None
    status: str | None = None
    justification: str | None = None


class Provenance(msgspec.Struct, rename="camel", gc=False):
    """When a result was seen."""

    first_detection_time_utc: str | None = None
    last_detection_time_utc: str | None = None


class Result(msgspec.Struct, rename="camel", gc=False):
    """The fields of a result that Poise uses."""

    message: Message | None = None
    rule_id: str | None = None
    rule_index: int | None = None
    rule: RuleReference | None = None
    kind: str | None = None
    level: str | None = None
    locations: tuple[Location, ...] | None = None
    fingerprints: dict[str, Any] | None = None
    partial_fingerprints: dict[str, Any] | None = None
    suppressions: tuple[Suppression, ...] | None = None
    baseline_state: str | None = None
    taxa: tuple[RuleReference, ...] | None = None
    provenance: Provenance | None = None


class Text(msgspec.Struct, gc=False):
    """A plain text."""

    text: str | None = None


class Configuration(msgspec.Struct, gc=False):
    """The level of a rule."""

    level: str | None = None


class Relationship(msgspec.Struct, gc=False):
    """What a rule belongs to."""

    target: RuleReference | None = None


class Rule(msgspec.Struct, rename="camel", gc=False):
    """What the tool says about a rule."""

    id: str = ""
    name: str | None = None
    short_description: Text | None = None
    full_description: Text | None = None
    default_configuration: Configuration | None = None
    help_uri: str | None = None
    help: Text | None = None
    message_strings: dict[str, Text] | None = None
    properties: dict[str, Any] | None = None
    relationships: tuple[Relationship, ...] | None = None


class Driver(msgspec.Struct, rename="camel", gc=False):
    """The tool, or an extension of it."""

    name: str | None = None
    version: str | None = None
    semantic_version: str | None = None
    rules: tuple[Rule, ...] | None = None


class Tool(msgspec.Struct, gc=False):
    """What made a run."""

    driver: Driver
    extensions: tuple[Driver, ...] | None = None


class Notification(msgspec.Struct, gc=False):
    """What the tool says about its own run."""

    level: str | None = None
    message: Message | None = None


class Override(msgspec.Struct, gc=False):
    """A level that a run gave a rule."""

    configuration: Configuration | None = None
    descriptor: RuleReference | None = None


class Invocation(msgspec.Struct, rename="camel", gc=False):
    """How the tool was run."""

    execution_successful: bool | None = None
    start_time_utc: str | None = None
    end_time_utc: str | None = None
    tool_execution_notifications: tuple[Notification, ...] | None = None
    tool_configuration_notifications: tuple[Notification, ...] | None = None
    rule_configuration_overrides: tuple[Override, ...] | None = None


class Control(msgspec.Struct, rename="camel", gc=False):
    """The commit of a run."""

    revision_id: str | None = None


class ListedArtifact(msgspec.Struct, gc=False):
    """A file of the run."""

    location: Artifact | None = None


class Base(msgspec.Struct, gc=False):
    """What addresses are relative to."""

    uri: str | None = None


class Known(msgspec.Struct, rename="camel", gc=False):
    """What surrounds the results of a run."""

    tool: Tool
    invocations: tuple[Invocation, ...] | None = None
    artifacts: tuple[ListedArtifact, ...] | None = None
    original_uri_base_ids: dict[str, Base] | None = None
    version_control_provenance: tuple[Control, ...] | None = None
