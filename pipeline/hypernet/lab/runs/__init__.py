"""Runs on disk and in MLflow: their records, their models, their tracking."""
