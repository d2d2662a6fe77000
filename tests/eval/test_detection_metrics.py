"""`eval.metrics`: detection of unknown classes against hand-computed cases and properties."""

import numpy as np
import pytest
import torch

from eval.metrics import (
    aupr,
    auroc,
    energy_score,
    fpr_at_95_tpr,
    softmax_score,
)
from layermix.errors import InputError


class TestDetection:
    GENERATOR = np.random.default_rng(26)
    KNOWN, STRANGE = GENERATOR.normal(0, 1, 400).round(1), GENERATOR.normal(1.5, 1, 300).round(1)  # with ties

    def test_agree_with_scikit_learn(self):
        from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

        truth = np.repeat([0, 1], [400, 300])
        scores = np.concatenate([self.KNOWN, self.STRANGE])
        assert auroc(self.KNOWN, self.STRANGE) == pytest.approx(roc_auc_score(truth, scores))
        assert aupr(self.KNOWN, self.STRANGE) == pytest.approx(average_precision_score(truth, scores))
        false, true, _ = roc_curve(1 - truth, -scores, drop_intermediate=False)
        assert fpr_at_95_tpr(self.KNOWN, self.STRANGE) == pytest.approx(false[np.argmax(true >= 0.95)])

    def test_perfect_chance_and_reversed_scores(self):
        low, high = np.arange(10.0), np.arange(10.0) + 100
        assert (auroc(low, high), aupr(low, high), fpr_at_95_tpr(low, high)) == (1, 1, 0)
        assert (auroc(low, low), auroc(high, low)) == (0.5, 0)
        assert aupr(np.zeros(6), np.zeros(2)) == 0.25
        assert fpr_at_95_tpr(high, low) == 1

    def test_scores_are_the_softmax_s_and_the_energy(self):
        logits = self.GENERATOR.normal(size=(20, 7)) * 100
        tensor = torch.from_numpy(logits)
        np.testing.assert_allclose(softmax_score(logits), -tensor.softmax(dim=1).amax(dim=1))
        np.testing.assert_allclose(energy_score(logits), -tensor.logsumexp(dim=1))

    def test_bad_arguments_are_refused(self):
        with pytest.raises(InputError, match="scores of strange pictures must be"):
            auroc(np.zeros(3), np.array([np.nan]))
