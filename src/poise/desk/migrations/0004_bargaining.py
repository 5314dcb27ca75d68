"""Opening positions and agreements on their way."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("desk", "0003_findings"),
    ]

    operations = [
        migrations.CreateModel(
            name="OpeningPosition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ground", models.CharField(max_length=64)),
                ("party", models.CharField(max_length=16)),
                ("limits", models.JSONField(default=list)),
                ("importance", models.JSONField(default=dict)),
                ("kept", models.BinaryField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("ground"), models.F("party"), name="one_opening_position_a_side"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AgreementDraft",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ground", models.CharField(max_length=64)),
                ("proposal", models.PositiveIntegerField()),
                ("content", models.BinaryField()),
                ("made", models.DateTimeField()),
                ("signed", models.CharField(blank=True, max_length=32)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("ground"), models.F("proposal"), name="one_agreement_draft_a_proposal"
                    )
                ],
            },
        ),
    ]
