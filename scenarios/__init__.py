"""The scenarios that come with adsplit, as data: one YAML file each."""
