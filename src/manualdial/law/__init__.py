"""The law: may this number be called, now, by this agent, under which law (contract §5)?

Rules are pure functions over facts. What differs from law to law is dated data in `policies/`.
"""

from manualdial.law.verdict import Decision, Purpose, Verdict
