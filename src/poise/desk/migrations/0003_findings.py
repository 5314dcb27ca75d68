"""Assets and findings as reports name them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("desk", "0002_dialogue"),
    ]

    operations = [
        migrations.AddField(
            model_name="estateversion",
            name="overview",
            field=models.JSONField(default=dict),
        ),
        migrations.CreateModel(
            name="AssetRecord",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("label", models.CharField(max_length=200)),
                ("search", models.CharField(max_length=200)),
                ("identity", models.JSONField()),
                ("asset", models.CharField(blank=True, db_index=True, max_length=200)),
                ("group", models.CharField(blank=True, db_index=True, max_length=200)),
                ("why", models.CharField(blank=True, max_length=300)),
                ("findings", models.PositiveIntegerField(default=0)),
                ("critical", models.PositiveIntegerField(default=0)),
                ("high", models.PositiveIntegerField(default=0)),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="records", to="desk.report"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Finding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("vulnerability", models.CharField(max_length=120)),
                ("title", models.CharField(max_length=200)),
                ("component", models.CharField(blank=True, max_length=120)),
                ("installed", models.CharField(blank=True, max_length=80)),
                ("fixed", models.CharField(blank=True, max_length=80)),
                ("severity", models.PositiveSmallIntegerField()),
                ("kind", models.CharField(max_length=16)),
                ("status", models.CharField(max_length=16)),
                (
                    "record",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="desk.assetrecord",
                    ),
                ),
                (
                    "report",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="desk.report",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="assetrecord",
            index=models.Index(fields=["search"], name="asset_by_name", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["-severity", "id"], name="finding_by_severity"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["record", "-severity", "id"], name="finding_by_asset"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["report", "-severity", "id"], name="finding_by_report"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                fields=["vulnerability"], name="finding_by_id", opclasses=["varchar_pattern_ops"]
            ),
        ),
    ]
