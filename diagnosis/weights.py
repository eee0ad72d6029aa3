"""Every weight of the ranking in one table, in nats (natural log odds), each with its reason.

They are judgements, not fits: round numbers chosen so that the order of explanations is what an experienced engineer
would say, and robust to being off by half.
"""

from collections.abc import Mapping

_TABLE: tuple[tuple[str, float, str], ...] = (
    ("clock_tolerance_seconds", 10.0, "clocks of deploy tools and telemetry differ by seconds"),
    (
        "stamped_late",
        1.6,
        "tools tell of a deploy when it is done, which may be seconds after it takes effect",
    ),
    ("reach_same", 1.5, "most faults show first where they were deployed"),
    ("reach_callee", 0.9, "a dependency's fault surfaces in its callers"),
    ("reach_caller", 0.5, "a caller can overload what it calls"),
    ("reach_unknown", -0.3, "missing topology is no proof of distance"),
    ("reach_none", -3.0, "no call leads from the failing service to it"),
    ("shows_there", 0.8, "what the change would cause is seen at the very service that got it"),
    ("corroboration_share", 0.2, "a second symptom of one effect is not independent of the first"),
    ("corroboration_cap", 0.8, "many weak symptoms do not make a strong one"),
    ("deployed", 0.0, "its own deploy record: the plain case"),
    ("carried", -0.4, "carried by a later deploy: likely but inferred"),
    ("gated", 0.4, "code that names a flag, and that flag flipped: a mechanism, not a coincidence"),
    ("merged", -1.2, "no deploy known: it may not have taken effect at all"),
    ("flipped", -0.3, "a flag has no diff to read"),
    ("wrong_direction", -4.0, "a change that raises a limit cannot exhaust it"),
    ("lone_specific", 1.2, "shared words without an effect that fits are a coincidence of topic"),
    ("named_reason", 0.3, "errors that say that the disk is full are not those of a renamed field"),
    ("others_wait", 0.4, "what a service waits for others is rarely what its own change does"),
    ("lone_fit", 0.8, "an effect that could fit, sharing nothing specific, fits many incidents"),
    ("lone_textbook", 1.9, "the textbook symptom of an effect, within minutes of it, needs less in common"),
    ("textbook", 2.5, "from this weight on (of 3) a symptom is the textbook one"),
    ("textbook_timing", 1.0, "within half an hour, or at any time for what accumulates"),
    ("verbosity", 1.6, "a log level that lets more lines through, where what grew is logs or what holds them"),
    ("literal", 2.4, "a path, host, topic or key that stands in the changed lines and in the failing text"),
    ("specific_floor", 0.7, "less than this in common is nothing in common"),
    ("specific_cap", 6.5, "the fifth shared name adds nothing to the fourth"),
    ("no_diff_cap", 0.8, "without a diff there is only a title"),
    ("compound", 2.4, "an identifier of two words or more, the same on both sides"),
    ("word", 0.9, "a single content word, the same on both sides"),
    ("setting_place_cap", 2.0, "the path and the comment of a setting are part of its name"),
    ("sprawl_lines", 250.0, "a commit of more changed lines than this begins to match anything by chance"),
    ("sprawl", -2.0, "for each natural logarithm above that: an import of a whole tree explains nothing"),
    ("place_cap", 0.6, "a path names a topic, not a behaviour"),
    ("frame_file", 2.5, "a stack frame in a changed file"),
    ("frame_function", 2.2, "a stack frame in a changed function"),
    ("number_both", 4.0, "a gauge moved from the old value of a setting to the new one"),
    ("number_after", 1.5, "a series settled at the new value of a setting"),
    ("number_constant", 2.2, "failing lines carry the new value of a setting as a constant"),
    ("same_channel", 0.25, "further clues of one channel repeat the first"),
    ("same_nature", 0.4, "a second channel of one nature sees the same fact again"),
    ("explained_away", 0.8, "most of what a caller shows is its callee's, if the callee shows as much"),
    ("named_kind", 0.6, "of the weight of mere errors: from here on a channel means the kind that it names"),
    ("kind_temperature", 0.7, "signs of the kinds overlap"),
    ("place_unseen", 1.2, "what a suspect must beat: a weak channel at its strongest is not enough"),
    ("place_temperature", 0.41, "calibration: fitted on one suite and judged on the others, see evals/calibrate.py"),
    ("unseen", 5.2, "what a cause must beat: that it lies outside the telemetry"),
    ("temperature", 1.25, "shrinks the margins: the evidence channels are not independent"),
)

_CHANNELS: tuple[tuple[str, float, str], ...] = (
    ("conservation", 3.0, "it accounts for the whole of what was lost: nothing is left for anybody else"),
    ("call_gap", 3.0, "both sides of a call were seen, and the wait lies between them"),
    ("event_patterns", 3.0, "code took another way: rarely a consequence of somebody else's trouble"),
    ("self_time", 2.5, "work that no callee did; but a starved machine slows innocent work as well"),
    ("saturation", 2.5, "a resource of its own ran short; busier callers can do that to it"),
    ("span_errors", 2.5, "the error starts here"),
    ("unreachable", 3.0, "its callers could not even reach it; what they say of themselves is only that"),
    ("log_templates", 2.0, "it says that it failed; victims say so too"),
    ("call_walk", 2.2, "an engineer's way down the calls, from texts that blame each other"),
    ("withheld_calls", 2.0, "it is asked as before and asks less of others"),
    ("tenants", 2.0, "what shares a machine suffers together"),
    ("absence", 3.0, "it fell silent; so does what is merely not called any more"),
    ("fan_out", 2.0, "more calls for the same work"),
    ("deviation", 0.7, "latency and errors travel up along the calls"),
    ("onset_order", 0.5, "clocks and sampling blur who was first"),
)

WEIGHTS: Mapping[str, float] = {name: value for name, value, _ in _TABLE}
REASONS: Mapping[str, str] = {name: reason for name, _, reason in _TABLE}
CHANNEL_WEIGHTS: Mapping[str, float] = {name: value for name, value, _ in _CHANNELS}
CHANNEL_REASONS: Mapping[str, str] = {name: reason for name, _, reason in _CHANNELS}
