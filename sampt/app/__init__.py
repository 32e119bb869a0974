"""The page to click on (``sampt app``): points on a video's frames, masks at once, the rest on request.

``workspace`` is what one visitor has, ``page`` what it looks like, ``routes`` what a browser can fetch, and
``server`` puts them together.
"""
