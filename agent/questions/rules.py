"""The phrasings of each question, in the order in which they are tried. ``§`` stands for a service, times are taken out.

Whatever a text says, it can only choose among these, and all of them read.
"""

import re

from agent.questions.intents import Intent
from agent.questions.metric_words import PHRASES, SAID

_CHANGE = r"(?:chang\w*|deploy\w*|commit\w*|releas\w*|rollouts?|rolled out|flags?|config\w*|merged|shipped|pushed)"
_TROUBLE = (
    r"(?:slow\w*|down|broken|broke|fail\w*|tim(?:es?|ed|ing)\s*out|degraded|unavailable|crash\w*|stuck|hang\w*|hung|spik\w*"
    r"|unhealthy|dead|unreachable|high latency|returning 5\w\w|throwing|outage|acting up)"
)
_ACTIONS = r"(?:roll(?:\s|-)?(?:it\s|this\s|§\s)?back|restart|reboot|scale|silence|revert|approve|reject|undo|kill|delete|drop|stop|deploy|execute|run|disable|turn\s+off|shut)"  # fmt: skip

RULES: tuple[tuple[Intent, str], ...] = (
    (Intent.HELP, r"^(?:help|\?|usage|commands|hi|hello|hey|thanks?|thank you)\b[\s!.]*$|what (?:can|could) (?:you|i) (?:do|ask)|how do i use"),
    (Intent.NEXT, r"what (?:should|can|do|must|shall) (?:i|we)\b|next steps?|how (?:do|can|should) (?:i|we) (?:fix|mitigate|solve|stop)|\bshould (?:i|we)\b|remed|how to fix|what helps|^(?:a )?fix\??$"),
    (Intent.RUNBOOK, r"\brunbooks?|\bplaybooks?|\bprocedures?\b"),
    (Intent.PENDING, r"(?:waits?|waiting|pending|open|needs?)\b.*\b(?:approv\w*|decision|leave)|\bapprovals?\b|approval requests?"),
    (Intent.ACT, rf"^(?:(?:please|now|just|go ahead and|then|ok|yes|you (?:must|should|have to|may)|i (?:want|order) you to|let'?s)[\s,]+)*{_ACTIONS}\b|\b(?:and|then|instead|must|to)\s+{_ACTIONS}(?:\s+(?:it|§|the|all|every\w*|this|that|now|prod\w*)|\s*[.!]?$)|^(?:approved|lgtm|do it|go ahead)\b"),
    (Intent.EVIDENCE, r"\b(?:e-?[qc][\w-]{2,16}|e\d{1,4}|c\d{1,3})\b|\bshow (?:me )?(?:the |your )?evidence|what (?:is the )?evidence"),
    (Intent.COST, r"\b(?:cost\w*|spen[dt]\w*|expensive|budget|price|dollars?|tokens?)\b"),
    (Intent.DISPROOF, r"\b(?:prove|proves|falsif\w*|disprove|refute|contradict|change your mind)\b|(?:could|might|if) you(?:'re| are| be)? (?:be )?wrong|mistaken"),
    (Intent.SURE, r"\b(?:how )?(?:sure|certain|confiden\w*|reliable)\b|how likely|probability"),
    (Intent.RULED_OUT, r"ruled? out|\bexclu\w+|\binnocent|why (?:not|isn'?t it|is it not|can'?t it be)"),
    (Intent.HYPOTHESES, r"hypothes\w*|alternatives?|other (?:possible )?(?:causes?|explanations?|reasons?)|what else (?:could|might|can)|candidates|suspects|theor(?:y|ies)|possible causes"),
    (Intent.BLIND, r"blind spots?|don'?t you know|do(?:n'?t| not) you (?:see|know)|can'?t you see|\bmissing\b|what is not known"),
    (Intent.PATH, r"how did (?:it|this|that) (?:spread|propagate|reach|get)|propagat\w*|causal|\bthe path\b|chain of"),
    (Intent.TIMELINE, r"timeline|chronolog\w*|sequence of events|order of events|what happened when"),
    (Intent.PAST, r"(?:happen\w*|seen|had|occur\w*|known).*\b(?:before|already|in the past|earlier)\b|past incidents?|similar incidents?|earlier incidents?"),
    (Intent.IMPACT, r"\b(?:affected|impacted|blast|impact)\b|who else|what else (?:is|was|broke)|(?:also|else) (?:hit|broken)|how bad"),
    (Intent.ONSET, r"when did (?:it|this|that|the \w+) (?:start|begin|happen|break)|since when|when (?:it )?(?:started|began)|how long (?:has|is|was)"),
    (Intent.METRIC_NAMES, r"(?:which|what|list|all)\s+(?:the\s+)?(?:metrics|series|measures)\b|metrics (?:are there|exist|available|of §|does §)"),
    (Intent.SERVICES, r"(?:which|what|list|all|show)\s+(?:the\s+|me\s+)*(?:services|entities|components)\b"),
    (Intent.FIRING, r"(?:which|what|any|list|show)\b.*\balerts?\b|\balerts? (?:fire|firing|active|are)|\bfiring\b"),
    (Intent.CALL_GRAPH, r"who calls (?:whom|who|what)|call graph|service map|topology|architecture"),
    (Intent.CALLEES, r"what (?:does|do) § (?:call|use|depend|talk|need|rel)\w*|§ (?:calls?|uses?|depends? on|talks? to|relies on) (?:whom|who|what|which)|callees?|downstream|dependenc\w*|(?:who|whom|what|which\w*) (?:is|are) called by"),
    (Intent.CALLERS, r"(?:who|what|which \w+) (?:all )?(?:calls?|uses?|depends? on|talks? to|needs?|relies on)|callers?|upstream|dependants|dependents|consumers|clients of|§ (?:is )?(?:called|used) by"),
    (Intent.CHANGE, rf"\bdiffs?\b|what did (?:the|that|this) {_CHANGE}|\b(?:who (?:did|made|wrote|changed|deployed|pushed|committed|is to blame)|author\w*|whose|guilty|to blame|culprit)\b|which {_CHANGE} (?:is|was|did|caused|broke)"),
    (Intent.CHANGES, rf"\b{_CHANGE}\b|what'?s new|what is new|anything new"),
    (Intent.STATUS, r"^(?:the )?status\b|progress|how far|are you (?:done|ready|finished)|still (?:running|working)|what are you doing|is it (?:done|finished|ready)|state of the investigation"),
    (Intent.METRIC, r"how (?:slow|fast|many|much)|^is § (?:still |so |really )?slow"),
    (Intent.LOGS, r"\blogs?\b|log lines|exceptions?|stack ?traces?|error (?:messages?|lines?|patterns?)|warnings?|what errors|which errors|\berrors (?:of|in|from|at|on)\b|^(?:show (?:me )?)?(?:the |all |any )?errors?$"),
    (Intent.UP, r"\b(?:is|are) § (?:still |really |back )?(?:up|down|alive|ok|okay|healthy|running|fine|there|back|reachable|online)\b|^§ (?:up|down|ok|healthy)\b|\bhealth\b|\bhealthy\b|is (?:everything|anything|something) (?:up|down|ok|okay|fine|healthy)|what is down"),
    (Intent.INVESTIGATE, r"\b(?:investigate|diagnose|debug|triage|look into|analy[sz]e|rca)\b"),
    (Intent.WHY, r"\bwhy\b|root ?cause|caus(?:e|ed|es|ing)\b|reason\b|explain|what(?:'s| is| was| went)? wrong|what (?:broke|happened)|what is going on|what'?s (?:up|going on)|verdict|summar\w*|conclusion"),
    (Intent.METRIC, rf"\b(?:{'|'.join(sorted(PHRASES))}|graph|plot|chart|trend|sparkline|metric)\b"),
    (Intent.WHY, rf"\b{_TROUBLE}\b"),
)  # fmt: skip

COMPILED = tuple((intent, re.compile(pattern)) for intent, pattern in RULES)

# Words that are no names of services, and the right spellings of those that a typo may hide.
_SPELT = """
    what which who whom when where why how show list give tell plot graph chart latency errors error metrics metric services
    service changed change changes deploys deployed deploy commits commit flags runbook runbooks playbook hypotheses
    hypothesis evidence timeline status spending costing cost prove wrong calls callers callees depends investigate slow
    down broken failing logs warnings exceptions median memory requests traffic affected impact before after since during
    between yesterday today minutes hours hour minute seconds last past cause caused explain happened ruled alerts firing
    disprove next steps healthy topology dependencies similar incidents confident probability errors throughput restarts
"""
SPELLINGS = frozenset(_SPELT.split())
ORDINARY = SPELLINGS | SAID | frozenset(
    """a an and any are as at be been being by can could did do does for from going had has have here i if in into is it
    its just know like look looks many may me might more much must my need needs new no not now of off on one only or other
    our out over own please point points series should so some something still than that the their them then there these
    they thing things this those to too up us use used uses using very want was we were will with would you your yourself
    find fix fixed get got help happen happens happening hit let make made new ok old open people people's pending person
    production prod question right said say second see seen set side sort start started stop sure system take tell thing
    think time times trouble under until user users way went work working works yes yet everything anything everyone
    anyone all also each every few first high higher low lower max min most least best worst total count number rate ratio
    level levels value values line lines log graph data details detail incident alert alerts outage problem symptom issue
    investigation investigations table cluster database full idea kind reason root summary verdict window waits waiting wait approval approvals
    approve reject restart undo rollback roll back scale silence revert execute run kill delete drop disable turn shut
    previous instructions ignore instead order diff author whose culprit guilty blame up-to-date happening bad good
    currently moment call called caller connected downstream upstream spread path chain it's what's that's there's
    """.split()
)  # fmt: skip
