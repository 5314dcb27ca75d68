"""The desk's tables: made from nothing, and from every state that a desk out there may be in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desk.running import RunningDesk

pytestmark = pytest.mark.postgres  # brings desks of its own

#: Walks up from every earlier state, with a row in every table of that state, to today's.
WALK = """
import json
from datetime import UTC, datetime
from django.apps import apps as today
from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from poise.desk.prepare import prepare

SAMPLES = (
    (models.BooleanField, False), (models.JSONField, {}), (models.DateTimeField, datetime.now(UTC)),
    (models.BinaryField, b"x"), (models.FloatField, 1.0), (models.UUIDField, None),
    (models.IntegerField, 1), (models.CharField, "x"), (models.TextField, "x"))

def row_of(model, made):
    values = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            # A model without a row yet is one that leads in a circle; what may be empty is left so.
            values[field.name] = made.get(field.related_model._meta.label)
        elif not isinstance(field, models.AutoField) and not field.has_default():
            values[field.name] = next(value for kind, value in SAMPLES if isinstance(field, kind))
    if "username" in values:
        values["username"] = "kim"
    return model._base_manager.create(**values)

def fill(state):
    made, waiting = {}, list(state.get_app_config("desk").get_models())
    while waiting:
        for model in waiting:
            needed = {f.related_model._meta.label for f in model._meta.concrete_fields
                      if isinstance(f, models.ForeignKey) and not f.null}
            if needed <= set(made):
                break
        waiting.remove(model)
        there = model._base_manager.first()
        made[model._meta.label] = there or row_of(model, made)
    return {label: type(one)._base_manager.count() for label, one in made.items()}

def tables():
    found = {}
    with connection.cursor() as cursor:
        for name in sorted(connection.introspection.table_names(cursor)):
            if name.startswith("desk_") and name != "desk_cache":
                columns = connection.introspection.get_table_description(cursor, name)
                rules = connection.introspection.get_constraints(cursor, name)
                found[name] = [
                    sorted(str((c.name, c.type_code, c.null_ok)) for c in columns),
                    sorted(str((sorted(r["columns"] or []), r["unique"], r["primary_key"], r["index"],
                                r["foreign_key"])) for r in rules.values())]
    return found

prepare(static=False)
fresh = tables()
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
names = [name for app, name in MigrationExecutor(connection).loader.graph.leaf_nodes("desk")]
assert len(names) == 1, f"two histories: {names}"
states = sorted(name for app, name in MigrationExecutor(connection).loader.disk_migrations if app == "desk")
said = {}
for name in states:
    call_command("migrate", "desk", "zero", verbosity=0)
    executor = MigrationExecutor(connection)
    executor.migrate([("desk", name)])
    executor = MigrationExecutor(connection)
    before = fill(executor.loader.project_state([("desk", name)]).apps)
    prepare(static=False)
    after = {label: len(list(today.get_model(label)._base_manager.values())) for label in before}
    assert after == before, (name, before, after)
    assert tables() == fresh, name
    said[name] = sum(before.values())
print(json.dumps(said))
"""


def test_a_desk_of_any_state_comes_to_today_s(database_url: str, tmp_path: Path) -> None:
    """Whoever updates Poise loses no row, and has the tables of whoever starts with nothing."""
    walked = json.loads(RunningDesk(tmp_path / "desk", database_url).python(WALK))
    history = Path(__file__).resolve().parents[2] / "src/poise/desk/migrations"
    assert sorted(walked) == sorted(one.stem for one in history.glob("0*.py"))
    assert all(rows > 3 for rows in walked.values())
