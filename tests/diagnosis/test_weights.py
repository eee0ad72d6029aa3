from diagnosis.effects import EffectKind
from diagnosis.expectations import _CODE
from diagnosis.weights import REASONS, WEIGHTS


def test_every_weight_has_a_reason():
    assert WEIGHTS.keys() == REASONS.keys()
    assert all(len(reason) > 15 for reason in REASONS.values())


def test_every_effect_of_code_has_a_row_of_expectations():
    settings = {EffectKind.SETTING_LOWERED, EffectKind.SETTING_RAISED, EffectKind.SETTING_REPLACED}
    assert set(EffectKind) - settings == _CODE.keys()
