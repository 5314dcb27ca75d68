"""The table at which operations and security agree on a plan: limits, prices, repairs, trades, agreement."""
