"""What every asset and job needs of Dagster and of the machine: the instance, days, outputs, one writer."""
