"""The words of tables and messages on a terminal, in English and Chinese.

Sentences about a plan are in :mod:`optimizer.words`, which the report shares; here are column heads
and remarks that only a terminal needs.
"""

from __future__ import annotations

__all__ = ["phrase"]

_PHRASES: dict[str, tuple[str, str]] = {
    "line": ("Line", "渠道"),
    "today": ("Today", "当前"),
    "recommended": ("Recommended", "建议"),
    "spend": ("Spend", "投入"),
    "change": ("Change", "变化"),
    "share": ("Share", "占比"),
    "held_by": ("Held by", "受限于"),
    "own_cluster": (
        "Many lines: working with {cores} processes (--scheduler names a cluster instead)",
        "条目众多：使用 {cores} 个进程（可用 --scheduler 指定集群）",
    ),
    "total": ("Total", "合计"),
    "minimum": ("minimum", "下限"),
    "maximum": ("maximum", "上限"),
    "off": ("off", "不投"),
    "locked": ("fixed", "锁定"),
    "in_thousands": ("Money in thousands of {currency}", "金额单位：千 {currency}"),
    "in_wan": ("Money in 10,000 {currency}", "金额单位：万 {currency}"),
    "in_units": ("Money in {currency}", "金额单位：{currency}"),
    "marginal_note": (
        "“Next {one}” is what one more {one} on the line brings in {what}",
        "“再投 {one}”指该渠道再投 {one} 带来的{what}",
    ),
    "revenue": ("revenue", "收入"),
    "outcomes": ("outcomes", "成果"),
    "roles": ("{names} = {now}", "{names} = {now}"),
    "moves": ("Why", "原因"),
    "rules": ("Rules that bind", "起约束的规则"),
    "alerts": ("Mind", "注意"),
    "proof": ("Proof", "证明"),
    "name": ("Plan", "方案"),
    "status": ("Status", "状态"),
    "budget": ("Budget", "预算"),
    "spent": ("Spent", "投入"),
    "value": ("Value", "目标值"),
    "brand": ("Brand", "品牌"),
    "moved_most": ("Moved most", "变动最大"),
    "optimal": ("optimal", "最优"),
    "stopped": ("stopped", "提前停止"),
    "infeasible": ("infeasible", "不可行"),
    "failed": ("failed", "失败"),
    "given": ("given", "给定"),
    "rule": ("Rule", "规则"),
    "price": ("Worth", "价值"),
    "per": ("per", "每"),
    "holds_up_to": ("Holds up to", "适用至"),
    "cost": ("Cost of the rule", "规则的代价"),
    "unit_point": ("1 point", "1 个百分点"),
    "unit_outcomes": ("1 outcome", "1 个成果"),
    "unit_lines": ("1 line", "1 条渠道"),
    "unit_units": ("1 unit", "1 个单位"),
    "assumption": ("Assumption", "假设"),
    "as_stated": ("Stated", "取值"),
    "low": ("Low", "偏低"),
    "high": ("High", "偏高"),
    "swing": ("Swing", "波动"),
    "grade": ("Grade", "等级"),
    "prices_title": ("What the rules cost", "规则的代价"),
    "tornado_title": (
        "What the answer depends on: {noun} {base}, re-optimised with each input {spread} off",
        "结果取决于什么：{noun} {base}；每项假设上下浮动 {spread} 并重新优化",
    ),
    "regret_title": (
        "Regret: what the plan of a row loses in the world of a column",
        "后悔值：按某行的方案，在某列的情形下会损失多少",
    ),
    "inputs_title": ("What was changed", "改了什么"),
    "input": ("Input", "输入"),
    "best_share": (
        "Best brand share without the split rule: {best}",
        "去掉占比规则后的最优品牌占比：{best}",
    ),
    "next_unit": ("Next {one}", "再加 {one}"),
    "marks": ("* stated   ° today", "* 方案设定   ° 当前"),
    "more_rows": ("{count} more; --top 0 shows all", "另有 {count} 项；--top 0 显示全部"),
    "curve": ("Curve", "曲线"),
    "warnings": ("Warnings", "警告"),
    "goal": ("Goal", "目标"),
    "what_ifs": ("What-ifs", "假设情形"),
    "applied": ("Applied", "已应用"),
    "wrote": ("Wrote {path}", "已写入 {path}"),
    "solving": ("Solving", "求解中"),
    "interrupted": ("Interrupted", "已中断"),
    "next_commands": ("Next:", "接下来："),
    "ask_template": ("What kind of business", "业务类型"),
    "ask_currency": ("Currency (three letters)", "货币（三个字母）"),
    "ask_budget": ("Budget, such as 12M or 1200万", "预算，例如 12M 或 1200万"),
    "ask_spends": (
        "Today's spend per line, in {currency} (Enter keeps the example):",
        "各渠道当前投入，单位 {currency}（回车保留示例值）：",
    ),
    "beyond_observed": (
        "May be given more than was ever observed, where the curve is a guess: {lines}",
        "允许投入超过历史最高值，该区间的曲线只是推测：{lines}",
    ),
    "cannot_spend": (
        "The maxima add up to less than the budget: {left} can never be spent",
        "各上限之和小于预算：有 {left} 永远花不出去",
    ),
    "minima_above": (
        "The minima add up to {least}, more than the budget of {budget}: no plan can keep them",
        "各下限之和为 {least}，超过预算 {budget}：没有可行方案",
    ),
    "notes": ("Good to know", "提示"),
    "rules_in_force": ("Rules", "规则"),
    "none": ("none", "无"),
    "check_ok_one": (
        "ok  {lines} lines, {rules} rules, {what_ifs} what-ifs, {warnings} warning",
        "通过  {lines} 条渠道，{rules} 条规则，{what_ifs} 个假设情形，{warnings} 条警告",
    ),
    "check_ok": (
        "ok  {lines} lines, {rules} rules, {what_ifs} what-ifs, {warnings} warnings",
        "通过  {lines} 条渠道，{rules} 条规则，{what_ifs} 个假设情形，{warnings} 条警告",
    ),
    "grid_title": (
        "{value} by {one} (rows) and {two} (columns)",
        "{value}：{one}（行）× {two}（列）",
    ),
    "observed": ("Observed up to", "历史最高"),
    "roles_today": ("{names} = {now} (today {was})", "{names} = {now}（当前 {was}）"),
    "marginal": ("Next {one}", "再投 {one}"),
    "worst_regret": ("Worst regret", "最大后悔值"),
    "breaks_in": ("Breaks a rule in", "违反规则"),
    "worlds": ("{count} of them", "{count} 种情形"),
    "in_world": ("in the world of", "所在情形"),
    "prices_note": (
        "Worth: what easing the rule by one unit gains, and how much easing that holds for.",
        "价值：规则放宽一个单位的收益。适用至：放宽多少以内仍成立。",
    ),
    "channel": ("Channel", "渠道"),
    "role": ("Role", "类型"),
    "lines": ("Lines", "条目"),
    "with_money": ("With money", "有投入"),
    "outcome": ("Outcomes", "成果"),
    "brings": ("Brings", "带来"),
    "holds": ("The result holds", "结果成立"),
    "does_not_hold": ("The result does not hold", "结果不成立"),
    "best_budget": ("Above {best} more budget adds nothing", "预算超过 {best} 后不再增加收益"),
}


def phrase(key: str, lang: str = "en", **slots: object) -> str:
    """The phrase *key* in *lang*, its slots filled."""
    text = _PHRASES[key][1 if lang == "zh" else 0]
    return text.format(**slots) if slots else text
