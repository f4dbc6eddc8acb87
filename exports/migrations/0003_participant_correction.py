from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('exports', '0002_profiles_translations_corrections'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='participant',
            index=models.Index(condition=models.Q(('approved_mark', ''), _negated=True), fields=['flow'], name='participant_correction'),
        ),
    ]
