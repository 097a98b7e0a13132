"""Completion in four shells: thin scripts, and the one answer behind them."""
