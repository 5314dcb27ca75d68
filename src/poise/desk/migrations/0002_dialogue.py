"""Sealed answers and joint pages."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("desk", "0001_ground"),
    ]

    operations = [
        migrations.CreateModel(
            name="JointPage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("disagreement", models.CharField(max_length=64, unique=True)),
                ("draft", models.BinaryField()),
                ("made", models.DateTimeField()),
                ("signed", models.CharField(blank=True, max_length=32)),
            ],
        ),
        migrations.CreateModel(
            name="SealedAnswers",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("party", models.CharField(max_length=16)),
                ("what", models.CharField(max_length=8)),
                ("quarter", models.CharField(max_length=8)),
                ("content", models.TextField()),
                ("made", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("what"),
                        models.F("quarter"),
                        models.F("party"),
                        name="one_answer_a_side_and_quarter",
                    )
                ],
            },
        ),
    ]
