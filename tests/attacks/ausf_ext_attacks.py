"""Attacks on nf-ausf-ext, over HTTP/2: authentications without end. None is ever answered with a RES*."""
import itertools

import ausf_ext_target


def known_subscribers(site):
    """Challenges for devices that there are: each is a vector, and a context that waits for its RES*."""
    site.waves(itertools.cycle([ausf_ext_target.challenge(supi) for supi in site.target.known]))


def vectors_of_known_subscribers(site):
    """The same as an AUSF asks for them: vectors alone."""
    site.waves(itertools.cycle([ausf_ext_target.vector(supi) for supi in site.target.known]))


def unknown_subscribers(site):
    """IMSIs that no device has, each of them another one, asked for in both ways."""
    site.waves(make(ausf_ext_target.unknown(number))
               for number in itertools.count() for make in (ausf_ext_target.challenge, ausf_ext_target.vector))


def wrong_sucis(site):
    """SUCIs of both profiles, each of them another one, which cost a key agreement before their MAC is found to be wrong."""
    site.waves(ausf_ext_target.challenge(make())
               for _ in itertools.count() for make in (ausf_ext_target.wrong_suci_a, ausf_ext_target.wrong_suci_b))
