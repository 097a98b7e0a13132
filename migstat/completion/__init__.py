"""Completion in four shells: thin scripts, and one answer behind them."""
