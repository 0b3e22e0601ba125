"""Questions about fraud rules: what a change would have done, and why a payment has its score.

Nothing here changes the warehouse or what is published; answers name payments, never numbers.
"""
