"""The doctor: looks at everything a call needs, and names a cure for each fault.

`contract` says what a check is and runs them; each of the other files has checks of one kind.
"""
