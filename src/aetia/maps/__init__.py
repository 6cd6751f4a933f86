"""Which part of a picture does an answer rest on, and may the map that says so be trusted?"""
