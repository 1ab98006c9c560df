"""Attacks on nf-arpf, over HTTP/2: what an operator may ask, as much of it as goes out."""
import itertools


def late_refusals(site):
    """Keys that are refused last: after the chain for the token's signature, and after everything, with the disk's word, for a spent token."""
    site.waves(itertools.cycle(site.target.refused))


def same_key(site):
    """The key of one device, again and again: chain, token and agreement, an envelope, an endorsement, and a claim that counts it on the disk."""
    site.waves(itertools.repeat(site.target.same_key))
