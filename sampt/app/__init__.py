"""The web page of ``sampt app``, for marking objects by clicking and correcting their masks.

``workspace`` holds the state of one visitor, ``page`` the layout, ``routes`` the URLs, and ``server`` puts
them together.
"""
