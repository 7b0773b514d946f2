"""Numbers on a terminal: what stands in a row and in a column adds up."""

from hypothesis import given
from hypothesis import strategies as st

from optimizer.terminal.numbers import Scale

amounts = st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), min_size=1, max_size=9)


def shown(text):
    return float(str(text).replace(",", "").replace("−", "-").replace("+", ""))


@given(amounts, st.sampled_from(["en", "zh"]))
def test_today_and_change_add_up_to_what_is_recommended(pairs, lang):
    before, after = zip(*pairs, strict=True)
    scale = Scale.of([sum(before), sum(after)], "EUR", lang)
    rows = zip(scale.column(before), scale.changes(before, after), scale.column(after), strict=True)
    for now, change, then in rows:
        assert abs(shown(now) + shown(change) - shown(then)) < 10**-scale.digits / 2
