import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('exports', '0007_one_call_a_place'),
    ]

    operations = [
        migrations.AlterField(
            model_name='exportattempt',
            name='api_client',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exports.apiclient'),
        ),
    ]
