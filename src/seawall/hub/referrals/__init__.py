"""Referrals: what is sent to a platform, its clock, the answers, the probes and the escalation."""
