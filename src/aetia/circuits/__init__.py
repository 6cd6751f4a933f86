"""Which edges between a network's parts carry a behaviour, and is what they make the whole of it?

Names are imported when they are first used: reading and drawing a circuit needs no torch.
"""
