"""From the channels' tables to what XGBoost trains on."""
