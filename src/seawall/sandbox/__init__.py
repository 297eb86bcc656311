"""A small real HTTP application that acts as four platforms, for demonstrations and tests.

It runs in a process of its own, takes referrals over the same wire protocol as any platform, answers in its own time
and really takes posts down. The hub cannot tell it from a real platform and must not try.
"""

from seawall.sandbox.control import Fault, SandboxControl
from seawall.sandbox.process import SandboxError, SandboxProcess
from seawall.sandbox.profiles import PROFILES, Profile

__all__ = ["PROFILES", "Fault", "Profile", "SandboxControl", "SandboxError", "SandboxProcess"]
