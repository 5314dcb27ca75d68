"""Letters of the dialogue on their way to each side."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("desk", "0006_deliveries"),
    ]

    operations = [
        migrations.CreateModel(
            name="Letter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("party", models.CharField(max_length=16)),
                ("key", models.CharField(max_length=80)),
                ("channel", models.CharField(max_length=64)),
                ("subject", models.CharField(max_length=200)),
                ("text", models.TextField()),
                ("calendar", models.TextField(blank=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("sending", "being sent"),
                            ("sent", "sent"),
                            ("given up", "given up"),
                            ("unsure", "may have gone"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("written", models.DateTimeField()),
                ("next_attempt", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("sent", models.DateTimeField(null=True)),
                ("fault", models.TextField(blank=True)),
            ],
            options={
                "indexes": [models.Index(fields=["state", "next_attempt"], name="letter_by_state")],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("party"),
                        models.F("key"),
                        models.F("channel"),
                        name="one_letter_a_side_key_and_channel",
                    )
                ],
            },
        ),
    ]
