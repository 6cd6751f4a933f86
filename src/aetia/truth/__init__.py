"""Which systems have causes that are known by construction, and which have none?"""
