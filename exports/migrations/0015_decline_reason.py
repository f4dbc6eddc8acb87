from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exports", "0014_plain_words")]

    operations = [
        migrations.AddField(
            model_name="correction",
            name="decline_reason",
            field=models.TextField(blank=True, default="", max_length=2000, verbose_name="reason for declining"),
            preserve_default=False,
        ),
    ]
