from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generators", "0004_exact_numbers")]

    operations = [
        migrations.AlterField(
            model_name="generator",
            name="generation_mode",
            field=models.CharField(choices=[("BATCH", "Batch"), ("REALTIME", "Realtime")], max_length=16),
        ),
    ]
