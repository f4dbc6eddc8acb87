from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('exports', '0021_notifications'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='exportattempt',
            index=models.Index(fields=['finished_at'], name='attempt_finished'),
        ),
        migrations.RemoveIndex(model_name='participant', name='participant_failed_cause'),
        migrations.AddIndex(
            model_name='participant',
            index=models.Index(condition=models.Q(('state', 'FAILED')), fields=['cause', 'failed_at', 'flow'], name='participant_failed_cause'),
        ),
    ]
